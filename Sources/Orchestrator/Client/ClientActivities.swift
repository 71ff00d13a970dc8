import PostgreSQL

/// Activities of which no attempt begins.
public struct ActivityPause: Codable, Sendable {
  /// Nil for a single one.
  public let activityType: String?
  /// Nil for all task queues.
  public let taskQueue: String?
  /// Of a single one.
  public let runID: RunID?
  /// Of a single one.
  public let workflowID: String?
  /// Of a single one: its number within its run, from 1.
  public let sequence: Int32?
  public let since: RecordedTime
  public let reason: String
  /// Who paused it.
  public let identity: String

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case workflowID = "workflowId"
    case activityType, taskQueue, sequence, since, reason, identity
  }
}

/// Pauses of activities. Attempts under way go on to their end, and their outcomes count; no other begins, from less than a second after the call on.
/// Nothing counts as a failure meanwhile, backoffs go on, and the schedule-to-close timeout too; waiting for a worker begins anew with the resumption.
extension Client {
  /// No attempt of activities of this type begins, in this namespace; durable when this returns. The same again changes nothing.
  /// - Parameter taskQueue: only in this queue; nil, the default, for all.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func pauseActivityType(
    _ activityType: String, taskQueue: String? = nil, reason: String = "", namespace: String = "default"
  ) async throws {
    _ = try await call(ActivityPauseStatements.pauseType, Parameters(activityType, taskQueue, reason, namespace, identity))
  }

  /// Lets activities of a type begin again, as it was paused: for one queue, or for all.
  /// - Returns: false when it was not paused so.
  @discardableResult
  public func resumeActivityType(
    _ activityType: String, taskQueue: String? = nil, namespace: String = "default"
  ) async throws -> Bool {
    try await call(ActivityPauseStatements.resumeType, Parameters(activityType, taskQueue, namespace)).bool(0, 0)
  }

  /// No attempt of this activity begins; durable when this returns. The same again changes nothing.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `activity-not-found`.
  public func pauseActivity(_ key: WorkflowKey, sequence: Int32, reason: String = "") async throws {
    try await checkPending(key, sequence)
    _ = try await call(ActivityPauseStatements.pause, Parameters(key.workflowID, sequence, reason, key.namespace, identity))
  }

  /// Lets an activity begin again that was paused by itself.
  /// - Returns: false when it was not.
  @discardableResult
  public func resumeActivity(_ key: WorkflowKey, sequence: Int32) async throws -> Bool {
    try await call(ActivityPauseStatements.resume, Parameters(key.workflowID, sequence, key.namespace)).bool(0, 0)
  }

  /// What is paused in a namespace, the oldest first; at most 1000.
  public func activityPauses(namespace: String = "default") async throws -> [ActivityPause] {
    let rows = try await database.query(ActivityPauseStatements.list, Parameters(namespace))
    return try (0..<rows.count).map { row in
      ActivityPause(
        activityType: try rows.optional(row, 0, rows.text), taskQueue: try rows.optional(row, 1, rows.text),
        runID: try rows.optional(row, 2, rows.uuid).map { RunID($0) }, workflowID: try rows.optional(row, 3, rows.text),
        sequence: try rows.optional(row, 4, rows.int32), since: try rows.time(row, 5), reason: try rows.text(row, 6),
        identity: try rows.text(row, 7))
    }
  }

  /// - Throws: `OrchestratorError` with code `activity-not-found`.
  func checkPending(_ key: WorkflowKey, _ sequence: Int32) async throws {
    let pending = try await database.query(ClientStatements.isPending, Parameters(key.workflowID, key.namespace, sequence))
    guard pending.count > 0, try !pending.bool(0, 0) else { return }
    throw OrchestratorError(.activityNotFound, "workflow '\(key.workflowID)' has no pending activity with sequence \(sequence)")
  }
}
