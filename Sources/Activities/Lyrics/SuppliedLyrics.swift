import Workflows

/// The artist's own lyrics, split into the lines that are sung and the words that can be heard in them.
struct SuppliedLyrics: Sendable, Equatable {
  struct Line: Sendable, Equatable {
    let text: String
    /// Words as written, each with its spoken forms; a word without letters or digits has none.
    let words: [Word]
  }

  struct Word: Sendable, Equatable {
    let written: String
    /// Lower-case letters and apostrophes only, which is what the dictionary and a grammar may hold.
    let spoken: [String]
  }

  /// Reading time of a very long song; it bounds the memory of matching (see `WordMatching`).
  static let maximumWords = 4_000

  let lines: [Line]

  /// For each line the index after its last spoken word, counted over all lines.
  var lineEnds: [Int] {
    var total = 0
    return lines.map { line in
      total += line.words.reduce(0) { $0 + $1.spoken.count }
      return total
    }
  }

  var spokenWords: [String] { lines.flatMap { $0.words.flatMap(\.spoken) } }

  /// Blank lines and section headings such as "[Chorus]" are not sung and are left out.
  init(_ text: String) {
    lines = text.split(whereSeparator: \.isNewline).compactMap { row in
      let trimmed = row.drop(while: \.isWhitespace)
      guard !Self.isHeading(trimmed) else { return nil }
      let words = trimmed.split(whereSeparator: \.isWhitespace).map { Word(written: String($0), spoken: Self.spoken($0)) }
      guard words.contains(where: { !$0.spoken.isEmpty }) else { return nil }
      return Line(text: words.map(\.written).joined(separator: " "), words: words)
    }
  }

  private static func isHeading(_ row: Substring) -> Bool {
    guard let first = row.first, let last = row.last(where: { !$0.isWhitespace }) else { return true }
    return first == "[" && (last == "]" || last == ":")
  }

  /// "Rock-'n'-roll" is heard as rock, n, roll; "24" as two four; "café" as cafe.
  private static func spoken(_ written: Substring) -> [String] {
    var words: [String] = []
    var current = ""
    func finish() {
      let word = current.trimmingApostrophes()
      if !word.isEmpty { words.append(word) }
      current = ""
    }
    for character in String(written).folded() {
      switch character {
      case "a"..."z", "'": current.append(character)
      case "\u{2019}", "\u{02BC}": current.append("'")
      case "0"..."9":
        finish()
        if let digit = character.wholeNumberValue { words.append(digitNames[digit]) }
      case "&":
        finish()
        words.append("and")
      default: finish()
      }
    }
    finish()
    return words
  }

  private static let digitNames = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
}

extension String {
  fileprivate func trimmingApostrophes() -> String {
    var word = Substring(self)
    while word.last == "'" { word.removeLast() }
    while word.first == "'", !Self.clippedWords.contains(String(word)) { word.removeFirst() }
    return String(word)
  }

  /// Words the dictionary knows with their leading apostrophe.
  private static let clippedWords: Set<String> = ["'cause", "'em", "'til", "'bout", "'round", "'n"]
}
