import Workflows

/// Splits a stream of recognised words into lines as a singer would: at pauses, and before a line becomes too long to read.
enum LineGrouping {
  static let pauseMilliseconds = 350
  static let maximumWords = 12
  static let maximumMilliseconds = 8_000

  static func lines(from words: [HeardWord]) -> [LyricsLine] {
    var groups: [[HeardWord]] = []
    for word in words {
      if let line = groups.last, !startsNewLine(word, after: line) {
        groups[groups.count - 1].append(word)
      } else {
        groups.append([word])
      }
    }
    return groups.map(line)
  }

  private static func startsNewLine(_ word: HeardWord, after line: [HeardWord]) -> Bool {
    guard let first = line.first, let last = line.last else { return true }
    return word.startMilliseconds - last.endMilliseconds >= pauseMilliseconds
      || line.count >= maximumWords
      || word.endMilliseconds - first.startMilliseconds > maximumMilliseconds
  }

  private static func line(of words: [HeardWord]) -> LyricsLine {
    let timed = words.map { LyricsWord(startMilliseconds: $0.startMilliseconds, endMilliseconds: $0.endMilliseconds, text: $0.text) }
    return LyricsLine(
      startMilliseconds: timed.first?.startMilliseconds ?? 0, endMilliseconds: timed.last?.endMilliseconds ?? 0,
      text: timed.map(\.text).joined(separator: " "), words: timed)
  }
}
