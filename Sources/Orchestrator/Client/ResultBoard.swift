import Synchronization

/// Tells waiting callers how runs ended: at once when an owner of this process closed them, else when the database is looked at. One look serves
/// all who wait.
final class ResultBoard: Sendable {
  /// What is known of runs: how they ended, nil for those that are not there (any more); open ones are left out.
  typealias Look = @Sendable ([RunID]) async throws -> [(RunID, RunOutcome?)]

  private struct Waiter {
    let identifier: Int
    let continuation: CheckedContinuation<RunOutcome, any Error>
    var nextLook: ContinuousClock.Instant
    var interval: Duration
  }

  private struct State {
    var waiters: [RunID: [Waiter]] = [:]
    var recent = RecentOutcomes()
    var lastIdentifier = 0
    var isLooking = false
  }

  private let state = Mutex(State())
  /// Between two passes over all who wait: the more they are, the rarer, so that passes cost about a hundredth of a processor at most.
  private static let shortestPause = Duration.milliseconds(2)
  private static let pausePerWaiter = Duration.microseconds(10)
  private static let longestInterval = Duration.milliseconds(250)
  private static let runsPerLook = 1000

  /// Waits until the run is closed.
  /// - Parameters:
  ///   - firstLook: how long the owner in this process is trusted to tell before the database is looked at; then looks are rare. 0 when
  ///     nobody in this process will tell.
  ///   - look: asks the database; the same for all callers of a board.
  /// - Throws: `CancellationError`, what a look threw, `OrchestratorError` with `workflow-not-found` for a run that is not there.
  func outcome(of runID: RunID, firstLook: Duration, _ look: @escaping Look) async throws -> RunOutcome {
    let identifier = state.withLock { state in
      state.lastIdentifier += 1
      return state.lastIdentifier
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let interval = firstLook == .zero ? Self.shortestPause : Self.longestInterval
        wait(runID, Waiter(identifier: identifier, continuation: continuation, nextLook: .now + firstLook, interval: interval), look)
        // A cancellation that came before found nobody to tell.
        if Task.isCancelled { cancel(runID, identifier) }
      }
    } onCancel: {
      cancel(runID, identifier)
    }
  }

  /// Callers that wait now.
  var waiterCount: Int { state.withLock { state in state.waiters.values.reduce(0) { $0 + $1.count } } }

  func post(_ row: CloseRow) {
    post(row.runID, RunOutcome(status: row.status, outcome: row.outcome))
  }

  private func post(_ runID: RunID, _ outcome: RunOutcome) {
    let waiters = state.withLock { state in
      let waiters = state.waiters.removeValue(forKey: runID)
      if waiters == nil { state.recent.add(runID, outcome) }
      return waiters
    }
    for waiter in waiters ?? [] { waiter.continuation.resume(returning: outcome) }
  }

  private func wait(_ runID: RunID, _ waiter: Waiter, _ look: @escaping Look) {
    let (known, mustLook) = state.withLock { state -> (RunOutcome?, Bool) in
      if let known = state.recent.outcome(of: runID) { return (known, false) }
      state.waiters[runID, default: []].append(waiter)
      defer { state.isLooking = true }
      return (nil, !state.isLooking)
    }
    if let known { waiter.continuation.resume(returning: known) }
    if mustLook { Task.detached { await self.keepLooking(look) } }
  }

  private func cancel(_ runID: RunID, _ identifier: Int) {
    let waiter = state.withLock { state -> Waiter? in
      guard let index = state.waiters[runID]?.firstIndex(where: { $0.identifier == identifier }) else { return nil }
      defer { if state.waiters[runID]?.isEmpty == true { state.waiters[runID] = nil } }
      return state.waiters[runID]?.remove(at: index)
    }
    waiter?.continuation.resume(throwing: CancellationError())
  }

  /// Ends when nobody waits.
  private func keepLooking(_ look: Look) async {
    while let (due, pause) = takeDue() {
      if !due.isEmpty {
        do {
          for (runID, outcome) in try await look(due) { outcome.map { post(runID, $0) } ?? fail([runID], Self.absent(runID)) }
        } catch {
          fail(due, error)
        }
      }
      try? await Task.sleep(for: pause)
    }
  }

  /// The runs to look for now, and when to come again; nil when nobody waits.
  private func takeDue() -> (runs: [RunID], pause: Duration)? {
    let now = ContinuousClock.now
    return state.withLock { state in
      guard !state.waiters.isEmpty else {
        state.isLooking = false
        return nil
      }
      var due: [RunID] = []
      for (runID, waiters) in state.waiters where waiters.contains(where: { $0.nextLook <= now }) {
        due.append(runID)
        for index in waiters.indices {
          state.waiters[runID]?[index].nextLook = now + waiters[index].interval
          state.waiters[runID]?[index].interval = min(waiters[index].interval * 2, Self.longestInterval)
        }
        if due.count == Self.runsPerLook { break }
      }
      return (due, min(Self.shortestPause + Self.pausePerWaiter * state.waiters.count, Self.longestInterval))
    }
  }

  private static func absent(_ runID: RunID) -> OrchestratorError {
    OrchestratorError(.workflowNotFound, "there is no run \(runID): its retention may be over")
  }

  private func fail(_ runs: [RunID], _ error: any Error) {
    let waiters = state.withLock { state in runs.flatMap { state.waiters.removeValue(forKey: $0) ?? [] } }
    for waiter in waiters { waiter.continuation.resume(throwing: error) }
  }
}

/// The last small outcomes that nobody waited for yet: who starts a short run often asks only after its end.
struct RecentOutcomes {
  private static let capacity = 1024
  private static let largestBytes = 1024
  private var outcomes: [RunID: RunOutcome] = [:]
  private var order: [RunID] = []
  private var next = 0

  mutating func add(_ runID: RunID, _ outcome: RunOutcome) {
    guard outcome.outcome.map({ $0.bytes.count <= Self.largestBytes }) ?? true else { return }
    if order.count < Self.capacity {
      order.append(runID)
    } else {
      outcomes[order[next]] = nil
      order[next] = runID
      next = (next + 1) % Self.capacity
    }
    outcomes[runID] = outcome
  }

  func outcome(of runID: RunID) -> RunOutcome? { outcomes[runID] }
}

/// How a run ended.
struct RunOutcome: Sendable {
  let status: CloseStatus
  /// The result of a completed run, the failure of one that failed, timed out or was terminated.
  let outcome: Payload?

  /// The run that continues this one, or tries it again.
  var successor: RunID? {
    guard [.continuedAsNew, .failed, .timedOut, .terminated].contains(status), let outcome,
      let reader = try? AttributesReader(outcome.bytes)
    else {
      return nil
    }
    return reader.text("newExecutionRunId").flatMap { RunID($0) }
  }
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
