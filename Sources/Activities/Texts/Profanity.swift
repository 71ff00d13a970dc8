import Foundation

/// Words that many do not want to read, as lists by language: what people write is looked through word by word.
///
/// Whole words only, so that Scunthorpe stays a town. Before they are compared, words lose what hides them: letter case, accents, look-alikes
/// of other scripts and digits in place of letters, letters that are repeated or stand apart.
public struct Profanity: Sendable {
  /// By the primary subtag of the language, in the form that `plain` gives.
  private let lists: [String: Set<String>]
  private let innocent: [String: Set<String>]

  /// The lists of this build.
  public static let shared = Profanity(files: [
    "de": PackageResources.de_txt, "en": PackageResources.en_txt, "es": PackageResources.es_txt, "fr": PackageResources.fr_txt,
    "it": PackageResources.it_txt, "pt": PackageResources.pt_txt, "sv": PackageResources.sv_txt,
  ])

  /// - Parameter files: by language; a word a line, `#` begins a remark, `!` a word that is innocent in this language.
  init(files: [String: [UInt8]]) {
    var (lists, innocent): ([String: Set<String>], [String: Set<String>]) = ([:], [:])
    for (language, bytes) in files {
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
        if line.hasPrefix("!") {
          innocent[language, default: []].insert(Self.plain(line.dropFirst()))
        } else {
          lists[language, default: []].insert(Self.plain(line))
        }
      }
    }
    self.lists = lists
    self.innocent = innocent
  }

  /// The words of a text that stand in the lists, as they are written there, each once and in order.
  ///
  /// - Parameter language: BCP 47; its list counts beside the English one, whose words are sung in all languages. Nil or one without a list:
  ///   all lists count.
  public func words(in text: String, language: String?) -> [String] {
    let primary = language.map { String($0.prefix { $0 != "-" }).lowercased() }
    let counting = primary.flatMap { name in lists[name].map { [$0, lists["en"] ?? []] } } ?? Array(lists.values)
    let harmless = primary.flatMap { innocent[$0] } ?? []
    var found: [String] = []
    for (written, forms) in Self.tokens(of: Self.visible(text)) where !found.contains(written) {
      let isListed = forms.contains { form in !harmless.contains(form) && counting.contains { $0.contains(form) } }
      if isListed { found.append(written) }
    }
    return found
  }

  /// Without what is not seen, such as soft hyphens and joiners.
  private static func visible(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .format }))
  }

  /// Each word as it is written, with the forms that are looked for.
  private static func tokens(of text: String) -> [(written: String, forms: Set<String>)] {
    var tokens: [(written: String, forms: Set<String>)] = []
    var apart: [String] = []
    func join() {
      // Letters one by one: f u c k. Fewer than three say nothing.
      if apart.count >= 3 { tokens.append((apart.joined(separator: " "), forms(of: apart.joined()))) }
      apart = []
    }
    for part in text.split(whereSeparator: { !isPartOfWord($0) }) {
      let word = String(part.drop(while: isMark).reversed().drop(while: isMark).reversed())
      if word.count == 1 {
        apart.append(word)
      } else if !word.isEmpty {
        join()
        tokens.append((word, forms(of: word)))
      }
    }
    join()
    return tokens
  }

  /// Within a word it is read as a letter, at its ends it is none.
  private static func isMark(_ character: Character) -> Bool { character == "!" || character == "|" }

  private static func isPartOfWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || isMark(character) || character == "@" || character == "$"
  }

  /// As it is, with signs read as letters, and both with repeated letters once.
  private static func forms(of word: String) -> Set<String> {
    let plainWord = plain(word)
    let read = String(plainWord.map { signs[$0] ?? $0 })
    return Set([plainWord, read, once(plainWord), once(read)])
  }

  private static let signs: [Character: Character] = [
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "i",
  ]

  /// Letters of Cyrillic and Greek that look like Latin ones.
  private static let lookalikes: [Character: Character] = [
    "а": "a", "е": "e", "і": "i", "о": "o", "р": "p", "с": "c", "ѕ": "s", "у": "y", "х": "x", "к": "k", "т": "t", "α": "a", "ο": "o",
    "ι": "i", "κ": "k", "υ": "u",
  ]

  /// NFKC without case, accents and look-alikes.
  private static func plain(_ word: some StringProtocol) -> String {
    let folded = String(word).precomposedStringWithCompatibilityMapping.lowercased().replacing("ß", with: "ss")
      .decomposedStringWithCanonicalMapping
    let bare = folded.unicodeScalars.filter { $0.properties.generalCategory != .nonspacingMark }
    return String(String(String.UnicodeScalarView(bare)).map { lookalikes[$0] ?? $0 })
  }

  /// Three or more of the same letter are one: fuuuck. Two stay, for words have them.
  private static func once(_ word: String) -> String {
    var letters: [Character] = []
    var run = 0
    for letter in word {
      run = letters.last == letter ? run + 1 : 1
      if run <= 2 { letters.append(letter) }
    }
    guard letters.count < word.count else { return word }
    var single: [Character] = []
    for letter in word where single.last != letter { single.append(letter) }
    return String(single)
  }
}
