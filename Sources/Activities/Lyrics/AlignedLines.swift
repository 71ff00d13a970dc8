import Workflows

/// Puts the times of spoken words back under the words as written, and gives words that were not heard the time between their neighbours.
struct AlignedLines {
  let lyrics: SuppliedLyrics
  /// One entry for each spoken word of all lines, nil where nothing was heard.
  let times: [Range<Int>?]
  let durationMilliseconds: Int

  /// Lines with all of their words, in order and without overlap. A line of which not one word was heard stays,
  /// timed between its neighbours, as long as there is time between them; otherwise it is left out.
  func lines() -> [LyricsLine] {
    let filled = Interpolation.filled(times, end: durationMilliseconds)
    var lines: [LyricsLine] = []
    var next = 0
    for line in lyrics.lines {
      var words: [LyricsWord] = []
      for word in line.words {
        let spoken = filled[next..<(next + word.spoken.count)].compactMap(\.self)
        next += word.spoken.count
        if let first = spoken.first, let last = spoken.last {
          words.append(LyricsWord(startMilliseconds: first.lowerBound, endMilliseconds: last.upperBound, text: word.written))
        } else if !words.isEmpty {
          // A lone dash or symbol takes no time of its own: it stays with the word before it.
          words[words.count - 1].text += " " + word.written
        }
      }
      guard let first = words.first, let last = words.last else { continue }
      lines.append(
        LyricsLine(
          startMilliseconds: first.startMilliseconds, endMilliseconds: last.endMilliseconds, text: line.text, words: words))
    }
    return lines
  }
}

/// Times for the words that were not heard, from those that were.
enum Interpolation {
  /// Longest time given to one word that was not heard; beyond it the rest is taken for a pause.
  static let maximumWordMilliseconds = 400

  /// Each gap is shared evenly by the words that lie in it; a gap too short to give each of them 1 ms leaves them nil.
  static func filled(_ times: [Range<Int>?], end: Int) -> [Range<Int>?] {
    var filled = times
    var index = 0
    while index < filled.count {
      guard filled[index] == nil else {
        index += 1
        continue
      }
      let next = filled[index...].firstIndex { $0 != nil } ?? filled.count
      let count = next - index
      let lower = index > 0 ? filled[index - 1]?.upperBound ?? 0 : 0
      let upper = next < filled.count ? filled[next]?.lowerBound ?? end : end
      let share = min((upper - lower) / count, maximumWordMilliseconds)
      if share > 0 {
        // Before the first heard word, the words lie close to it, not at the start of the intro.
        let start = index == 0 ? upper - share * count : lower
        for offset in 0..<count { filled[index + offset] = (start + share * offset)..<(start + share * (offset + 1)) }
      }
      index = next
    }
    return filled
  }
}
