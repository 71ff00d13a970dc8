import Synchronization

/// Tells waiting callers how runs ended, when an owner of this process closed them.
final class ResultBoard: Sendable {
  private struct Waiter {
    let identifier: Int
    let tell: @Sendable (RunOutcome) -> Void
  }

  private struct State {
    var waiters: [RunID: [Waiter]] = [:]
    var lastIdentifier = 0
  }

  private let state = Mutex(State())

  func wait(for runID: RunID, _ tell: @escaping @Sendable (RunOutcome) -> Void) -> Int {
    state.withLock { state in
      state.lastIdentifier += 1
      state.waiters[runID, default: []].append(Waiter(identifier: state.lastIdentifier, tell: tell))
      return state.lastIdentifier
    }
  }

  func forget(_ runID: RunID, _ identifier: Int) {
    state.withLock { state in
      state.waiters[runID]?.removeAll { $0.identifier == identifier }
      if state.waiters[runID]?.isEmpty == true { state.waiters[runID] = nil }
    }
  }

  func post(_ row: CloseRow) {
    let waiters = state.withLock { $0.waiters.removeValue(forKey: row.runID) }
    for waiter in waiters ?? [] { waiter.tell(RunOutcome(status: row.status, outcome: row.outcome)) }
  }
}

/// How a run ended.
struct RunOutcome: Sendable {
  let status: CloseStatus
  /// The result of a completed run, the failure of a failed or terminated one.
  let outcome: Payload?
}

/// Thrown by `result()` for a run that ended without one.
public struct WorkflowFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public let runID: RunID
  public let status: CloseStatus
  /// Nil for a cancelled run.
  public let failure: Failure?

  public var description: String {
    let reason = failure.map { ": \($0.type): \($0.message)" } ?? ""
    return "run \(runID) ended \(status.name)\(reason)"
  }
}
