/// Cuts a song into windows, each a run of words that can be aligned on its own, at places where free recognition leaves no doubt.
///
/// One grammar for a whole song loses its way at the first long instrumental; one per line needs to know where the line is.
/// A cut lies between two lines when the last word of one and the first word of the next were heard directly after each other.
struct AlignmentPlan: Sendable, Equatable {
  struct Window: Sendable, Equatable {
    /// Indices into the flat list of spoken words.
    let words: Range<Int>
    let startMilliseconds: Int
    let endMilliseconds: Int
  }

  let windows: [Window]

  /// - Parameters:
  ///   - lineEnds: for each line the index after its last spoken word, increasing.
  ///   - matches: for each spoken word the index of the heard word that it equals.
  init(lineEnds: [Int], matches: [Int?], heard: [HeardWord], durationMilliseconds: Int) {
    var windows: [Window] = []
    var (firstWord, start) = (0, 0)
    for end in lineEnds where end > firstWord {
      if end == matches.count {
        windows.append(Window(words: firstWord..<end, startMilliseconds: start, endMilliseconds: durationMilliseconds))
      } else if let cut = Self.cut(between: matches[end - 1], and: matches[end], in: heard) {
        windows.append(Window(words: firstWord..<end, startMilliseconds: start, endMilliseconds: cut))
        (firstWord, start) = (end, cut)
      }
    }
    self.windows = windows
  }

  private static func cut(between last: Int?, and first: Int?, in heard: [HeardWord]) -> Int? {
    guard let last, let first, first == last + 1 else { return nil }
    return (heard[last].endMilliseconds + heard[first].startMilliseconds) / 2
  }
}
