/// Waits until the condition holds, looking again and again.
///
/// - Parameters:
///   - limit: how long to look; default 90 s, since it only matters when a test fails.
///   - what: the condition in words, for the error.
/// - Throws: `NeverHappened` when the condition does not come to hold in time, and what the condition throws.
public func eventually(
  isolation: isolated (any Actor)? = #isolation, within limit: Duration = .seconds(90), _ what: String,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NeverHappened(what: what, limit: limit) }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// A condition that a test waited for in vain.
public struct NeverHappened: Error, CustomStringConvertible {
  let what: String
  let limit: Duration
  public var description: String { "\(what): not within \(limit)" }
}
