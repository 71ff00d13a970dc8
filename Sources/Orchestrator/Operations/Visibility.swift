import Foundation
import PostgreSQL

/// What operators see. Nothing here changes anything, and every answer has a limit.
extension Client {
  /// Everything about a run but its history.
  /// - Parameters:
  ///   - runID: nil for the newest run of the workflow id.
  ///   - display: how values that codecs changed are shown.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `unavailable` while no owner has taken the start.
  public func describe(
    _ key: WorkflowKey, runID: RunID? = nil, showing display: ValueDisplay = .placeholders
  ) async throws -> WorkflowDescription {
    let runID = try await newestRun(of: key, unless: runID)
    let parameters = Parameters(runID.uuid, Int64(Self.largestPage))
    let results = try await database.run([
      (VisibilityStatements.describe, Parameters(runID.uuid, key.workflowID, key.namespace)),
      (VisibilityStatements.pendingActivities, parameters), (VisibilityStatements.pendingTimers, parameters),
      (ResetStatements.resets, Parameters(runID.uuid)),
    ])
    guard results[0].count > 0 else { throw Self.notFound(key, runID) }
    let isOpen = try WorkflowSummary(results[0], 0, versionColumn: 25).status.isOpen
    let activities = isOpen ? try (0..<results[1].count).map { try PendingActivity(results[1], $0) } : []
    let timers = isOpen ? try (0..<results[2].count).map { try PendingTimer(results[2], $0) } : []
    let summary = try WorkflowSummary(results[0], 0, pending: activities, versionColumn: 25)
    let details = try WorkflowDetails(results[0], pending: activities, timers, resets: try Self.resets(results[3]))
    let parts = [details.input, details.memo, details.outcome].compactMap {
      $0.map { Array(#"{"input":"#.utf8) + $0.bytes + Array("}".utf8) }
    }
    let values = try await largeValues(in: parts, key)
    return WorkflowDescription(summary, try details.shown(display, codec, key, summary.status, values))
  }

  /// The newest run of a workflow id, or the given one.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `unavailable` while no owner has taken the start.
  public func newestRun(of key: WorkflowKey, unless given: RunID? = nil) async throws -> RunID {
    if let given { return given }
    let rows = try await database.query(ClientStatements.latestRun, Parameters(key.workflowID, key.namespace))
    if rows.count > 0 { return RunID(try rows.uuid(0, 0)) }
    let isStarting = try await database.query(VisibilityStatements.isStarting, Parameters(key.workflowID, key.namespace)).bool(0, 0)
    guard isStarting else {
      // An owner may have taken it between the two looks.
      let taken = try await database.query(ClientStatements.latestRun, Parameters(key.workflowID, key.namespace))
      guard taken.count > 0 else { throw Self.notFound(key, nil) }
      return RunID(try taken.uuid(0, 0))
    }
    throw OrchestratorError(
      .unavailable,
      "the start of workflow '\(key.workflowID)' is acknowledged, but no owner has taken it yet: is an `orchestratord serve` running?")
  }

  /// Activities of all runs that ran out of attempts and wait for an operator.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func parkedActivities(
    namespace: String = "default", limit: Int = 50, cursor: String? = nil, showing display: ValueDisplay = .placeholders
  ) async throws -> Listing<PendingActivity> {
    let limit = try Self.checked(limit)
    let parts = (cursor ?? "\(RunID.smallest).0").split(separator: ".")
    guard parts.count == 2, let sequence = Int32(parts[1]) else { throw Self.badCursor }
    let after = try Self.run(in: String(parts[0]))
    let rows = try await database.query(
      VisibilityStatements.parkedActivities, Parameters(namespace, after.uuid, sequence, Int64(limit) + 1))
    let activities = try (0..<min(rows.count, limit)).map {
      try PendingActivity(rows, $0).shown(display, codec, namespace: namespace)
    }
    return Listing(
      items: activities, nextCursor: rows.count > limit ? activities.last.map { "\($0.runID).\($0.sequence)" } : nil)
  }

  /// Activities of one run without an outcome, in the order in which they were scheduled; at most 1000.
  public func pendingActivities(_ runID: RunID, showing display: ValueDisplay = .placeholders) async throws -> [PendingActivity] {
    let rows = try await database.query(VisibilityStatements.pendingActivities, Parameters(runID.uuid, Int64(Self.largestPage)))
    guard rows.count > 0 else { return [] }
    let namespace = try await key(of: runID).namespace
    return try (0..<rows.count).map { try PendingActivity(rows, $0).shown(display, codec, namespace: namespace) }
  }

  /// Attempts of a run's activities that failed; the newest 1000 when there are more.
  public func attempts(_ runID: RunID, showing display: ValueDisplay = .placeholders) async throws -> [FailedAttempt] {
    let rows = try await database.query(VisibilityStatements.attempts, Parameters(runID.uuid, Int64(Self.largestPage)))
    guard rows.count > 0 else { return [] }
    let key = try await key(of: runID)
    return try (0..<rows.count).map { try FailedAttempt(rows, $0).shown(display, codec, key) }
  }

  /// Task queues that have tasks, limits or workers.
  public func queues() async throws -> [QueueDepth] {
    let rows = try await database.query(VisibilityStatements.queues)
    return try (0..<rows.count).map { row in
      QueueDepth(
        taskQueue: try rows.text(row, 0), ready: try rows.int64(row, 1), delayed: try rows.int64(row, 2),
        leased: try rows.int64(row, 3), oldestAgeMilliseconds: try rows.optional(row, 4, rows.int64),
        pollers: try rows.int64(row, 5), polledAt: try rows.optional(row, 6, rows.time))
    }
  }

  /// Living processes that may own slots.
  public func owners() async throws -> [OwnerProcess] {
    let rows = try await database.query(VisibilityStatements.owners)
    return try (0..<rows.count).map { row in
      OwnerProcess(
        processID: try rows.int64(row, 0), name: try rows.text(row, 1), build: try rows.text(row, 2),
        startedAt: try rows.time(row, 3), heartbeatAt: try rows.time(row, 4), leaseMilliseconds: try rows.int64(row, 5),
        slots: try rows.int64(row, 6))
    }
  }

  /// Rows of the longest answer.
  static let largestPage = 1000
  static let badCursor = OrchestratorError(.invalidArgument, "the cursor must be the nextCursor of an earlier page")

  static func checked(_ limit: Int) throws -> Int {
    guard (1...largestPage).contains(limit) else {
      throw OrchestratorError(.invalidArgument, "the limit must be a number from 1 to \(largestPage), not \(limit)")
    }
    return limit
  }

  private static func run(in cursor: String) throws -> RunID {
    guard let runID = RunID(cursor) else { throw badCursor }
    return runID
  }

  private static func notFound(_ key: WorkflowKey, _ runID: RunID?) -> OrchestratorError {
    let run = runID.map { " and the run id \($0)" } ?? ""
    return OrchestratorError(.workflowNotFound, "no workflow has the id '\(key.workflowID)'\(run) in namespace '\(key.namespace)'")
  }
}
