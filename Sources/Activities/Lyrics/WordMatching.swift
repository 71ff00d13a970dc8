/// Which supplied word was heard where: the longest common subsequence of two word sequences.
enum WordMatching {
  static let maximumWords = SuppliedLyrics.maximumWords

  /// For each expected word the index of the heard word it equals, or nil; indices increase.
  ///
  /// Memory and time are the product of the two counts, so neither side is read beyond `maximumWords`: 32 MB at most.
  static func matches(expected: [String], heard: [String]) -> [Int?] {
    let (expectedCount, expected, heard) = (expected.count, expected.prefix(maximumWords), heard.prefix(maximumWords))
    let width = heard.count + 1
    var lengths = [UInt16](repeating: 0, count: (expected.count + 1) * width)
    for row in stride(from: expected.count - 1, through: 0, by: -1) {
      for column in stride(from: heard.count - 1, through: 0, by: -1) {
        lengths[row * width + column] =
          expected[row] == heard[column]
          ? lengths[(row + 1) * width + column + 1] + 1
          : max(lengths[(row + 1) * width + column], lengths[row * width + column + 1])
      }
    }
    var result = [Int?](repeating: nil, count: expectedCount)
    var (row, column) = (0, 0)
    while row < expected.count, column < heard.count {
      if expected[row] == heard[column] {
        result[row] = column
        (row, column) = (row + 1, column + 1)
      } else if lengths[(row + 1) * width + column] >= lengths[row * width + column + 1] {
        row += 1
      } else {
        column += 1
      }
    }
    return result
  }
}
