import Testing

@testable import Activities

@Suite struct ProfanityTests {
  @Test(
    "A word is found whatever hides it",
    arguments: [
      "fuck", "FUCK", "Fück", "ｆｕｃｋ", "fuuuuck", "f.u.c.k", "F U C K", "fu\u{200B}ck", "fu\u{AD}ck", "fu\u{441}k", "fuck!!!", "(fuck)",
      "sh1t",
      "$hit", "sh!t", "5h17", "b1tch", "a$$hole", "motherfucker", "f\u{301}uck",
    ])
  func found(_ text: String) { #expect(Profanity.shared.words(in: "la \(text) la la", language: "en").count == 1) }

  @Test(
    "An innocent word that holds another one is none",
    arguments: [
      "Scunthorpe", "Penistone", "Essex", "cockpit", "cocktail", "Hancock", "Dickens", "classic", "assassin", "bass", "grass", "passion",
      "Arsenal", "analysis", "therapist", "Shitake", "shuttlecock", "Matsushita", "cummings", "Titicaca", "Lightwater", "Clitheroe", "A$AP",
      "P!nk", "Ke$ha", "s h i n e", "f u n", "hello", "9 to 5", "1999", "Mississippi",
    ])
  func innocent(_ text: String) { #expect(Profanity.shared.words(in: "la \(text) la la", language: "en") == []) }

  @Test func `The list of the language counts beside the English one, all lists where nobody knows it`() {
    let lists = Profanity.shared
    #expect(lists.words(in: "So eine Scheiße, SCHEISSE", language: "de-AT") == ["Scheiße", "SCHEISSE"])
    #expect(lists.words(in: "shit", language: "de") == ["shit"])
    #expect(lists.words(in: "merde", language: "en") == [])
    #expect(lists.words(in: "merde, cabrón", language: nil) == ["merde", "cabrón"])
    #expect(lists.words(in: "merde", language: "tlh") == ["merde"])
    #expect(lists.words(in: "Slut", language: "sv") == [], "the end, in Swedish")
    #expect(lists.words(in: "Slut", language: "en") == ["Slut"])
  }

  @Test func `Words are given as they are written, each once`() {
    #expect(Profanity.shared.words(in: "Shit, shit! Shit", language: "en") == ["Shit", "shit"])
  }
}
