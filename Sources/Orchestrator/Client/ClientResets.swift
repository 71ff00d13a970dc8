import PostgreSQL

/// A run that goes on from a part of another's history.
public struct WorkflowReset: Codable, Sendable, Equatable {
  /// The run that goes on.
  public let runID: RunID
  /// The run whose history was copied.
  public let baseRunID: RunID
  /// The last event that was copied.
  public let eventID: Int32
  /// The base run went on as it was.
  public let isFork: Bool
  public let at: RecordedTime
  public let reason: String
  /// Who asked for it.
  public let identity: String

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case baseRunID = "baseRunId"
    case eventID = "eventId"
    case isFork, at, reason, identity
  }
}

/// Repair of runs: what was done well is kept, the rest is done again.
extension Client {
  /// Lets a workflow id go on from a part of a run's history: a new run begins with a copy of it, and the base run ends if it is open, both in one
  /// commit. What was pending in the copied part begins again; signals and updates behind it are delivered again. Returns when the new run stands.
  /// - Parameters:
  ///   - runID: the run to copy, open or closed; nil for the newest of the workflow id.
  ///   - newRunID: of the run that goes on; the same again is the same request.
  ///   - version: of the type's code, to which the run that goes on is pinned; nil for the base run's.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `invalid-argument` for a place that the history does not have,
  ///   `workflow-already-started` when another run of the id is open, `non-determinism` when the code at hand cannot replay the part that is
  ///   kept, `unavailable` when no owner takes the request (which then stays durable).
  @discardableResult
  public func reset(
    _ key: WorkflowKey, runID: RunID? = nil, to point: ResetPoint, excluding: Set<ResetExclusion> = [], reason: String = "",
    newRunID: RunID = .generate(), version: String? = nil
  ) async throws -> RunID {
    _ = try await call(
      ResetStatements.request,
      Parameters(
        key.workflowID, point.description, runID?.uuid, newRunID.uuid, excluding.listed, reason, key.namespace, identity, version))
    return try await decided(newRunID)
  }

  /// Begins a run of another workflow id with a copy of a part of a run's history; that run goes on as it is.
  /// - Parameters:
  ///   - excluding: what is not delivered to the fork of what came behind that part; by default nothing is.
  /// - Throws: as `reset`.
  @discardableResult
  public func fork(
    _ key: WorkflowKey, runID: RunID? = nil, to newWorkflowID: String, from point: ResetPoint,
    excluding: Set<ResetExclusion> = Set(ResetExclusion.allCases), reason: String = "", newRunID: RunID = .generate()
  ) async throws -> RunID {
    try Self.checkName("workflow id", newWorkflowID)
    _ = try await call(
      ResetStatements.fork,
      Parameters(
        key.workflowID, newWorkflowID, point.description, runID?.uuid, newRunID.uuid, excluding.listed, reason, key.namespace, identity))
    return try await decided(newRunID)
  }

  /// Starts a workflow as a run was started, under another workflow id and with another input; that run goes on as it is.
  /// - Throws: as `start`, and `workflow-not-found`.
  @discardableResult
  public func fork(
    _ key: WorkflowKey, runID: RunID? = nil, to newWorkflowID: String, input: Payload, newRunID: RunID = .generate()
  ) async throws -> RunID {
    let base = try await describe(key, runID: runID)
    let rows = try await database.query(VisibilityStatements.history, Parameters(base.summary.runID.uuid, Int32(0), Int64(1)))
    guard rows.count > 0, case .started(let started) = try IncomingEvent(LoadedRuns.event(rows, 0)) else {
      throw OrchestratorError(.workflowNotFound, "nothing is left of run \(base.summary.runID)")
    }
    var attributes = SearchAttributes()
    if let given = started.searchAttributes { attributes = try await searchAttributes(reading: given) }
    return try await start(
      type: started.workflowType, key: WorkflowKey(namespace: key.namespace, workflowID: newWorkflowID), input: input, runID: newRunID,
      searchAttributes: attributes, memo: try started.memo.map { try decoded($0, base.summary.key) })
  }

  /// Runs a failed workflow again from before the step that made it fail, or tries a blocked one again at once.
  /// - Returns: the run that goes on: a new one, or the blocked one.
  /// - Throws: as `reset`; `invalid-argument` for a run that neither failed nor is blocked.
  @discardableResult
  public func retry(_ key: WorkflowKey, runID: RunID? = nil, reason: String = "", newRunID: RunID = .generate()) async throws -> RunID {
    let summary = try await describe(key, runID: runID).summary
    guard summary.status == .blocked else {
      return try await reset(key, runID: summary.runID, to: .beforeFailure, reason: reason, newRunID: newRunID)
    }
    try await retryBlocked(key)
    return summary.runID
  }

  /// What a reset would do, by the history as it stands.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `invalid-argument`.
  public func previewReset(
    _ key: WorkflowKey, runID: RunID? = nil, to point: ResetPoint, excluding: Set<ResetExclusion> = []
  ) async throws -> ResetPreview {
    let runID = try await describe(key, runID: runID).summary.runID
    var history = try await export(runID).rows()
    if let codec { history = try history.map { try $0.decoded(codec, key) } }
    return try ResetPreview(of: history, runID, point, excluding: excluding)
  }

  /// The run that a run goes on from, if any, and runs that go on from it: at most 100.
  public func resets(_ runID: RunID) async throws -> [WorkflowReset] {
    try Self.resets(try await database.query(ResetStatements.resets, Parameters(runID.uuid)))
  }

  static func resets(_ rows: Rows) throws -> [WorkflowReset] {
    try (0..<rows.count).map { row in
      WorkflowReset(
        runID: RunID(try rows.uuid(row, 0)), baseRunID: RunID(try rows.uuid(row, 1)), eventID: try rows.int32(row, 2),
        isFork: try rows.bool(row, 3), at: try rows.time(row, 4), reason: try rows.text(row, 5), identity: try rows.text(row, 6))
    }
  }

  /// Waits until an owner has dealt with the request.
  private func decided(_ newRunID: RunID) async throws -> RunID {
    wakeOwner()
    let deadline = ContinuousClock.now + .seconds(30)
    var pause = Duration.milliseconds(2)
    while true {
      let rows = try await database.query(ResetStatements.answer, Parameters(newRunID.uuid))
      if rows.count > 0 {
        guard let code = try rows.optional(0, 1, rows.text) else { return newRunID }
        throw OrchestratorError(
          ErrorCode.all.first { $0.name == code } ?? .invalidArgument, try rows.optional(0, 2, rows.text) ?? "the reset was refused")
      }
      guard ContinuousClock.now < deadline else {
        throw OrchestratorError(.unavailable, "the request for run \(newRunID) is durable, but no owner has dealt with it yet")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(50))
    }
  }
}

extension Set<ResetExclusion> {
  fileprivate var listed: String { map(\.rawValue).sorted().joined(separator: ",") }
}
