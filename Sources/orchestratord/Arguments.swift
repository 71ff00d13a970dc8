/// What a person typed wrong, with what to type instead.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// The words of a command line: options are taken out by name, then words by position, then nothing may be left.
struct Arguments {
  private var words: [String]

  init(_ words: [String]) {
    self.words = words
  }

  /// The value of `--name value` or `--name=value`; nil when it is not there.
  /// - Throws: `UsageError` when the value is missing.
  mutating func option(_ name: String) throws(UsageError) -> String? {
    if let index = words.firstIndex(where: { $0.hasPrefix(name + "=") }) {
      return String(words.remove(at: index).dropFirst(name.count + 1))
    }
    guard let index = words.firstIndex(of: name) else { return nil }
    guard index + 1 < words.count else { throw UsageError("\(name) needs a value") }
    words.remove(at: index)
    return words.remove(at: index)
  }

  /// As `option`, for whole numbers in a range.
  mutating func number(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = try option(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError("\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// Whether `--name` is there.
  mutating func flag(_ name: String) -> Bool {
    guard let index = words.firstIndex(of: name) else { return false }
    words.remove(at: index)
    return true
  }

  /// The next word; nil when none is left.
  /// - Throws: `UsageError` for an option that is not known.
  mutating func positional() throws(UsageError) -> String? {
    guard let first = words.first else { return nil }
    if first.hasPrefix("--") { throw Self.unknown(first) }
    words.removeFirst()
    return first
  }

  /// - Throws: `UsageError` when a word is left.
  func finish() throws(UsageError) {
    guard let word = words.first else { return }
    throw word.hasPrefix("--") ? Self.unknown(word) : UsageError("'\(word)' was not expected here")
  }

  private static func unknown(_ word: String) -> UsageError {
    let option = word.prefix { $0 != "=" }
    let nearest = Spelling.nearest(to: String(option), among: Settings.all.compactMap(\.option)).map { "; did you mean \($0)?" }
    return UsageError("unknown option '\(option)'\(nearest ?? "")")
  }
}
