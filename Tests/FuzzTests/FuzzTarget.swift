/// A parser of ours and what must hold for it, whatever the bytes are.
struct FuzzTarget: Sendable, CustomStringConvertible {
  /// Also the name of its folder of inputs.
  let name: String
  /// Throws what is found: a property that does not hold, or an error that the parser does not declare.
  let check: @Sendable (_ input: [UInt8]) async throws -> Void

  var description: String { name }

  static let all =
    HistoryTargets.all + PayloadTargets.all + HTTPTargets.all + APITargets.all + MediaTargets.all + LyricsTargets.all
    + PostgreSQLTargets.all + StorageTargets.all + VisibilityTargets.all
}

/// A property that does not hold for an input.
struct BrokenProperty: Error, CustomStringConvertible {
  let description: String
}

/// States a property.
func must(_ holds: Bool, _ property: @autoclosure () -> String) throws(BrokenProperty) {
  guard holds else { throw BrokenProperty(description: property()) }
}

/// What the parser made of the input, nil when it refused it with an error of the type it declares.
func taken<Failure: Error, Value>(unless refusal: Failure.Type, _ parse: () throws -> Value) throws -> Value? {
  do { return try parse() } catch is Failure { return nil }
}
