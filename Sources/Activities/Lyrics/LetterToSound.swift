/// A rough English pronunciation for words that are in no dictionary: names, slang, drawn-out vowels.
///
/// Alignment needs only something close: the grammar fixes which word comes next, the sounds only say where it begins and ends.
enum LetterToSound {
  static let maximumLetters = 40

  /// Sounds in the dictionary's ARPAbet without stress, separated by spaces; nil for a text without letters.
  static func pronunciation(of word: String) -> String? {
    var rest = Substring(word.prefix(maximumLetters).filter { ("a"..."z").contains($0) })
    guard !rest.isEmpty else { return nil }
    rest = withoutSilentEnding(withoutDrawnOutLetters(rest))
    var sounds: [String] = []
    while let first = rest.first {
      let rule = rules.first { rest.hasPrefix($0.letters) }
      sounds += rule?.sounds ?? []
      rest = rest.dropFirst(rule?.letters.count ?? 1)
      // A doubled consonant is one sound.
      if rule?.letters.count ?? 1 == 1 { rest = rest.drop { $0 == first } }
    }
    return sounds.isEmpty ? "AH" : sounds.joined(separator: " ")
  }

  /// "Soooo" is "so" and "hmmm" is "hm", while "moon" and "all" stay.
  private static func withoutDrawnOutLetters(_ word: Substring) -> Substring {
    var result = ""
    var rest = word
    while let letter = rest.first {
      let run = rest.prefix { $0 == letter }
      result += run.count > 2 ? String(letter) : String(run)
      rest = rest.dropFirst(run.count)
    }
    return Substring(result)
  }

  private static func withoutSilentEnding(_ word: Substring) -> Substring {
    let hasEarlierVowel = word.dropLast().contains { "aeiouy".contains($0) }
    return word.last == "e" && hasEarlierVowel && word.count > 2 && !word.hasSuffix("ee") ? word.dropLast() : word
  }

  private struct Rule {
    let letters: String
    let sounds: [String]

    init(_ letters: String, _ sounds: String) {
      self.letters = letters
      self.sounds = sounds.split(separator: " ").map(String.init)
    }
  }

  /// The longest spellings come first; the first that fits is taken.
  private static let rules: [Rule] = [
    Rule("tion", "SH AH N"), Rule("sion", "ZH AH N"), Rule("ough", "AO"), Rule("augh", "AO"), Rule("eigh", "EY"),
    Rule("igh", "AY"), Rule("tch", "CH"), Rule("dge", "JH"), Rule("sch", "S K"), Rule("ing", "IH NG"), Rule("oor", "AO R"),
    Rule("air", "EH R"), Rule("ear", "IH R"), Rule("eer", "IH R"), Rule("our", "AW R"), Rule("ure", "Y UH R"),
    Rule("ch", "CH"), Rule("sh", "SH"), Rule("th", "TH"), Rule("ph", "F"), Rule("wh", "W"), Rule("ck", "K"), Rule("ng", "NG"),
    Rule("qu", "K W"), Rule("gh", "G"), Rule("kn", "N"), Rule("wr", "R"), Rule("ee", "IY"), Rule("ea", "IY"), Rule("oo", "UW"),
    Rule("ou", "AW"), Rule("ow", "OW"), Rule("oi", "OY"), Rule("oy", "OY"), Rule("ai", "EY"), Rule("ay", "EY"), Rule("au", "AO"),
    Rule("aw", "AO"), Rule("ei", "IY"), Rule("ey", "IY"), Rule("eu", "Y UW"), Rule("ew", "UW"), Rule("ie", "IY"), Rule("oa", "OW"),
    Rule("ue", "UW"), Rule("ui", "UW"), Rule("ar", "AA R"), Rule("er", "ER"), Rule("ir", "ER"), Rule("or", "AO R"), Rule("ur", "ER"),
    Rule("ce", "S EH"), Rule("ci", "S IH"), Rule("cy", "S IY"), Rule("ge", "JH EH"), Rule("gi", "JH IH"),
    Rule("a", "AE"), Rule("b", "B"), Rule("c", "K"), Rule("d", "D"), Rule("e", "EH"), Rule("f", "F"), Rule("g", "G"),
    Rule("h", "HH"), Rule("i", "IH"), Rule("j", "JH"), Rule("k", "K"), Rule("l", "L"), Rule("m", "M"), Rule("n", "N"),
    Rule("o", "OW"), Rule("p", "P"), Rule("r", "R"), Rule("s", "S"), Rule("t", "T"), Rule("u", "AH"), Rule("v", "V"),
    Rule("w", "W"), Rule("x", "K S"), Rule("y", "IY"), Rule("z", "Z"),
  ]
}
