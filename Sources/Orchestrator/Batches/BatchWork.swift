import Cryptography
import Foundation
import PostgreSQL

/// The work of one batch: its runs are written down once, then taken a page at a time in the order of their starts.
struct BatchWork {
  /// Where the batch stands.
  struct Standing {
    var progress: BatchProgress
    /// Runs up to here were dealt with.
    let place: RunID
    /// Until the rate allows more.
    let wait: Duration
    /// When its runs were written down, in milliseconds since the Unix epoch.
    let beganAt: Int64
    /// It was cancelled or ended otherwise.
    let isClosed: Bool
  }

  /// What becomes of a page.
  private struct Outcome {
    var done = 0
    var skipped = 0
    var messages: [Target] = []
    var failures: [Refusal] = []
  }

  private struct Refusal {
    let run: RunID
    let error: OrchestratorError
  }

  private struct Target {
    let runID: RunID
    let key: WorkflowKey
  }

  let client: Client
  let request: BatchRequest
  let namespace: String
  let workflowID: String
  /// The run that does it: the batch's first one, unless that was reset.
  let ownRunID: RunID

  /// Where it stands; its runs are written down if they are not yet.
  /// - Throws: `OrchestratorError` with code `invalid-argument` for too many runs; `DatabaseError`.
  func standing(_ filter: VisibilityFilter) async throws -> Standing {
    if let standing = try await read() { return standing }
    try await gather(filter)
    guard let standing = try await read() else { throw OrchestratorError(.unavailable, "nothing is left of batch \(request.batchID)") }
    return standing
  }

  private func gather(_ filter: VisibilityFilter) async throws {
    let begin = Parameters(
      request.batchID.uuid, namespace, workflowID, request.action.description, request.query, request.reason, request.identity,
      request.rate)
    let statements = VisibilityQueryStatements.gather(
      filter, namespace: namespace, batch: request.batchID, limit: Limits.batchRuns + 1)
    try await client.database.transaction { transaction in
      // Another attempt waits for the row of the first, and finds the runs written down.
      guard try await transaction.query(BatchStatements.begin, begin).affectedRows == 1 else { return }
      for (statement, parameters) in statements { _ = try await transaction.query(statement, parameters) }
      let total = try await transaction.query(BatchStatements.count, Parameters(request.batchID.uuid)).int32(0, 0)
      guard total <= Limits.batchRuns else {
        throw OrchestratorError(.invalidArgument, "a batch has at most \(Limits.batchRuns) runs: let its query find fewer")
      }
    }
  }

  private func read() async throws -> Standing? {
    let rows = try await client.database.query(BatchStatements.standing, Parameters(request.batchID.uuid, ownRunID.uuid))
    guard rows.count > 0 else { return nil }
    return Standing(
      progress: try BatchProgress(rows, 0), place: RunID(try rows.uuid(0, 5)), wait: .microseconds(try rows.int64(0, 6)),
      beganAt: try rows.int64(0, 7), isClosed: try rows.bool(0, 8))
  }

  /// Leaves what is not done yet.
  func abandon() async throws -> BatchProgress {
    let id = Parameters(request.batchID.uuid)
    _ = try await client.database.run([(BatchStatements.forget, id), (BatchStatements.end, id)])
    var progress = try await read()?.progress ?? BatchProgress()
    progress.isFinished = false
    return progress
  }

  /// Deals with the next runs, or ends when there are none.
  func takePage(behind standing: Standing, _ filter: VisibilityFilter) async throws {
    let rows = try await client.database.query(
      BatchStatements.page, Parameters(request.batchID.uuid, standing.place.uuid, Int64(pageSize)))
    guard rows.count > 0 else {
      _ = try await client.database.query(BatchStatements.end, Parameters(request.batchID.uuid))
      return
    }
    let page = try (0..<rows.count).map { RunID(try rows.uuid($0, 0)) }
    let targets = try (0..<rows.count).compactMap { row in
      try rows.optional(row, 1, rows.text).map {
        Target(runID: page[row], key: WorkflowKey(namespace: namespace, workflowID: $0))
      }
    }
    let outcome = try await outcome(of: targets, standing, filter)
    try await advance(from: standing.place, through: page[page.count - 1], outcome, missing: page.count - targets.count)
  }

  /// A fifth of a second's work, so that the rate is even; fewer where each takes long or much.
  private var pageSize: Int {
    let most =
      switch request.action {
      case .reset, .retry: 16
      default: min(Limits.batchPage, max(1, Limits.payloadBytes / max(1, request.action.bytes)))
      }
    return max(1, min(most, Int(request.rate / 5)))
  }

  /// Those that match still: a run that was dealt with by an attempt that got no further counts all the same.
  private func outcome(of targets: [Target], _ standing: Standing, _ filter: VisibilityFilter) async throws -> Outcome {
    let rows = try await client.database.run(
      VisibilityQueryStatements.standing(filter, namespace: namespace, runs: targets.map(\.runID)))
    var statuses: [RunID: String] = [:]
    if let found = rows.last {
      for row in 0..<found.count { statuses[RunID(try found.uuid(row, 0))] = try found.text(row, 1) }
    }
    var outcome = Outcome()
    switch request.action {
    case .reset, .retry: try await goOn(targets, statuses, standing, &outcome)
    default: outcome.messages = targets.filter { statuses[$0.runID] != nil }
    }
    outcome.skipped = targets.count - outcome.messages.count - outcome.done - outcome.failures.count
    return outcome
  }

  // MARK: - Messages

  /// The messages and the step behind them are one transaction.
  private func advance(from place: RunID, through last: RunID, _ outcome: Outcome, missing: Int) async throws {
    let (targets, attributes) = (ArrayColumn(.uuid), ArrayColumn(.bytea))
    for target in outcome.messages {
      targets.append(target.runID.uuid)
      attributes.append(try message(to: target))
    }
    let (failed, codes, reasons) = (ArrayColumn(.uuid), ArrayColumn(.text), ArrayColumn(.text))
    for refusal in outcome.failures {
      failed.append(refusal.run.uuid)
      codes.append(refusal.error.code.name)
      reasons.append(refusal.error.message)
    }
    var parameters = Parameters(request.batchID.uuid, ownRunID.uuid, place.uuid, last.uuid)
    parameters.append(targets)
    parameters.append(messageKind)
    parameters.append(attributes)
    parameters.append(Int32(outcome.done))
    parameters.append(Int32(outcome.skipped + missing))
    for column in [failed, codes, reasons] { parameters.append(column) }
    _ = try await client.call(BatchStatements.advance, parameters)
    if !outcome.messages.isEmpty { client.wakeOwner() }
  }

  /// 0: nothing is sent, the runs are removed.
  private var messageKind: Int16 {
    let kind: InboxKind
    switch request.action {
    case .delete: return 0
    case .signal: kind = .signal
    case .cancel: kind = .cancel
    case .terminate: kind = .terminate
    case .pause, .resume: kind = .pause
    case .retry, .reset: kind = .retryBlocked
    }
    return kind.rawValue
  }

  private func message(to target: Target) throws -> [UInt8] {
    switch request.action {
    case .signal(let name, let input):
      let signal = SignaledAttributes(
        name: name, input: try client.encoded(input, target.key), identity: client.identity,
        requestID: "batch/\(request.batchID)/\(target.runID)")
      return IncomingEvent.signaled(signal).encoded()
    case .pause, .resume:
      let isPause = request.action == .pause
      return PauseRequest(isPaused: isPause, reason: request.reason, identity: client.identity).encoded()
    case .cancel, .terminate, .retry, .reset, .delete:
      return IncomingEvent.terminated(reason: request.reason, identity: client.identity).encoded()
    }
  }

  // MARK: - Runs that go on from their histories

  private func goOn(_ targets: [Target], _ statuses: [RunID: String], _ standing: Standing, _ outcome: inout Outcome) async throws {
    var waiting: [(target: Target, newRunID: RunID)] = []
    let asked = try await asked(targets.map { successor(of: $0.runID, standing) })
    for target in targets {
      let newRunID = successor(of: target.runID, standing)
      switch statuses[target.runID] {
      case nil where !asked.contains(newRunID): continue
      case WorkflowStatus.blocked.rawValue where request.action == .retry: outcome.messages.append(target)
      default: waiting.append((target, newRunID))
      }
    }
    outcome.failures = try await withThrowingTaskGroup(of: Refusal?.self) { group in
      var refusals: [Refusal] = []
      for (position, item) in waiting.enumerated() {
        if position >= BatchWorkflow.concurrency, let refusal = try await group.next() ?? nil { refusals.append(refusal) }
        group.addTask { try await goOn(item.target, as: item.newRunID) }
      }
      while let refusal = try await group.next() { if let refusal { refusals.append(refusal) } }
      return refusals
    }
    outcome.done = waiting.count - outcome.failures.count
  }

  /// - Returns: why it was refused; nil when the new run stands.
  private func goOn(_ target: Target, as newRunID: RunID) async throws -> Refusal? {
    let (point, exclusions): (ResetPoint, Set<ResetExclusion>) =
      if case .reset(let point, let exclusions) = request.action { (point, exclusions) } else { (.beforeFailure, []) }
    do {
      try await client.reset(
        target.key, runID: target.runID, to: point, excluding: exclusions, reason: request.reason, newRunID: newRunID)
      return nil
    } catch let error as OrchestratorError where error.code != .unavailable {
      return Refusal(run: target.runID, error: error)
    }
  }

  /// Which of these resets were dealt with already.
  private func asked(_ runs: [RunID]) async throws -> Set<RunID> {
    let column = ArrayColumn(.uuid)
    for run in runs { column.append(run.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    let rows = try await client.database.query(BatchStatements.asked, parameters)
    return Set(try (0..<rows.count).map { RunID(try rows.uuid($0, 0)) })
  }

  /// The run that goes on from another for this batch: the same at every attempt, behind that run and of the time at which the batch began.
  private func successor(of run: RunID, _ standing: Standing) -> RunID {
    let digest = Digest.sha256(Array("\(request.batchID)/\(run)".utf8))
    func word(_ start: Int) -> UInt64 { digest[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    return .following(run, unixMilliseconds: standing.beganAt, random: (word(0), word(8)))
  }
}

extension BatchProgress {
  init(_ rows: Rows, _ row: Int) throws {
    total = Int(try rows.int32(row, 0))
    done = Int(try rows.int32(row, 1))
    skipped = Int(try rows.int32(row, 2))
    failed = Int(try rows.int32(row, 3))
    isFinished = try rows.bool(row, 4)
  }
}
