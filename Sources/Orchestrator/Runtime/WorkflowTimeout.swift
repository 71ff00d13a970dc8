/// Thrown by `Context.withTimeout` when the time was up first.
public struct WorkflowTimeout: Error, Sendable, Equatable, CustomStringConvertible {
  /// The time that the body had.
  public let duration: Duration

  public var description: String { "not done within \(duration.milliseconds) ms" }
}

extension Context {
  /// Runs the body for at most so long, by PostgreSQL's clock and over restarts. When the time is up the body is cancelled, and this returns when
  /// it has ended: what must happen all the same stands in `shielded`. When the body ends first its timer is cancelled.
  ///
  ///     let lyrics = try await workflow.withTimeout(.minutes(30)) { try await workflow.execute(Steps.transcribe, probe) }
  ///
  /// - Throws: `WorkflowTimeout` when the time was up first; what the body throws before.
  nonisolated(nonsending) public func withTimeout<Result: Sendable>(
    _ duration: Duration, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Race<Result>.self) { group in
      defer { group.cancelAll() }
      group.addTask { .finished(try await body()) }
      group.addTask {
        try await sleep(duration)
        return .timedOut
      }
      guard case .finished(let result)? = try await group.next() else { throw WorkflowTimeout(duration: duration) }
      return result
    }
  }
}

private enum Race<Result: Sendable>: Sendable {
  case finished(Result)
  case timedOut
}
