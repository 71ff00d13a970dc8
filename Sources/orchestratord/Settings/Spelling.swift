/// Finds what somebody may have meant.
enum Spelling {
  /// The name that a few typing mistakes turn into the word; nil when none is that near.
  static func nearest(to word: String, among names: some Sequence<String>) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let most = max(2, word.utf8.count / 4)
    return names.map { (name: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
      .filter { $0.distance <= most }.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
  }

  /// Levenshtein's: how many bytes are put in, left out or replaced.
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (index, byte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (byte == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count]
  }
}
