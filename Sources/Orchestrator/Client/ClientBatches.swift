import Foundation
import PostgreSQL

/// A batch as operators see it. The names of its fields in JSON are stable.
public struct BatchDescription: Codable, Sendable {
  public let batchID: String
  public let runID: RunID
  public let namespace: String
  /// Of the batch's own run.
  public let status: WorkflowStatus
  /// What is done to each run, in words.
  public let action: String
  public let query: String
  public let reason: String
  /// Who began it.
  public let identity: String
  /// Operations a second at most.
  public let rate: Double
  public let beganAt: RecordedTime
  /// Nil until the last run was dealt with.
  public let endedAt: RecordedTime?
  public let progress: BatchProgress
  /// Runs whose operation was refused, at most 1000; none in lists.
  public internal(set) var failures: [BatchFailure] = []

  enum CodingKeys: String, CodingKey {
    case batchID = "batchId"
    case runID = "runId"
    case namespace, status, action, query, reason, identity, rate, beganAt, endedAt, progress, failures
  }
}

/// A run whose operation was refused.
public struct BatchFailure: Codable, Sendable, Equatable {
  public let runID: RunID
  /// Nil when nothing is left of it.
  public let workflowID: String?
  public let at: RecordedTime
  /// Name of the error.
  public let code: String
  public let reason: String

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case workflowID = "workflowId"
    case at, code, reason
  }
}

/// What a batch would deal with now.
public struct BatchPreview: Codable, Sendable {
  /// How many they are.
  public let count: Int64
  /// The first of them.
  public let items: [WorkflowSummary]
}

/// A batch that was begun.
public struct BatchHandle: Sendable {
  private let run: WorkflowHandle<BatchWorkflow>

  init(_ run: WorkflowHandle<BatchWorkflow>) {
    self.run = run
  }

  public var batchID: String { run.key.workflowID }
  public var runID: RunID? { run.runID }

  /// How far it has come.
  /// - Throws: as `Client.describeBatch`.
  public func describe() async throws -> BatchDescription {
    try await run.client.describeBatch(batchID, namespace: run.key.namespace)
  }

  /// Waits until every run was dealt with.
  /// - Throws: `WorkflowFailure` when it was cancelled or terminated, or could not be begun.
  public func result() async throws -> BatchProgress { try await run.result() }

  /// Lets it deal with no further run.
  /// - Throws: as `Client.cancel`.
  public func cancel(reason: String = "") async throws { try await run.cancel(reason: reason) }
}

/// Batches: one operation on every run that a query finds. Its runs are those that match when it begins; each is looked at again when its turn
/// comes, and skipped when it does not match any more. Runs that the operation cannot be done to, and batches themselves, are none of its runs.
extension Client {
  /// Begins a batch; durable when this returns. Processes may be killed meanwhile: no run is left out, and none is dealt with twice.
  /// - Parameters:
  ///   - query: which runs, as in lists; their order is that of their starts.
  ///   - id: the batch's own workflow id; by it, it is shown and cancelled.
  ///   - operationsPerSecond: 0.01 to 10,000.
  /// - Throws: `OrchestratorError`: `invalid-argument` with what is wrong, `workflow-already-started` for an id whose batch goes on.
  @discardableResult
  public func startBatch(
    _ action: BatchAction, query: String, id: String = "batch-\(UUID().uuidString.lowercased())", reason: String = "",
    operationsPerSecond: Double = 50, namespace: String = "default", runID: RunID = .generate()
  ) async throws -> BatchHandle {
    guard (0.01...10_000).contains(operationsPerSecond) else {
      throw OrchestratorError(.invalidArgument, "a batch does 0.01 to 10000 operations a second, not \(operationsPerSecond)")
    }
    if case .signal(let name, let input) = action {
      try Self.checkName("signal name", name)
      try Self.checkSize(input)
    }
    _ = try await filter(of: action, query, namespace)
    let request = BatchRequest(
      batchID: runID, action: action, query: query, reason: String(reason.prefix(1000)), identity: identity, rate: operationsPerSecond)
    return BatchHandle(try await start(BatchWorkflow.self, id: id, input: request, namespace: namespace, runID: runID))
  }

  /// What a batch would deal with if it began now; nothing is written.
  /// - Parameter limit: runs that are shown, 1 to 1000.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func previewBatch(
    _ action: BatchAction, query: String, namespace: String = "default", limit: Int = 20
  ) async throws -> BatchPreview {
    let limit = try Self.checked(limit)
    let filter = try await filter(of: action, query, namespace)
    let count = try await find(VisibilityQueryStatements.count(of: filter, namespace: namespace)).int64(0, 1)
    let rows = try await find(VisibilityQueryStatements.page(of: filter, namespace: namespace, after: nil, limit: limit))
    return BatchPreview(count: count, items: try (0..<rows.count).map { try WorkflowSummary(rows, $0) })
  }

  /// A batch with its progress and what was refused.
  /// - Throws: `OrchestratorError`: `workflow-not-found` for an id without a batch, `unavailable` while no owner has begun it.
  public func describeBatch(_ id: String, namespace: String = "default") async throws -> BatchDescription {
    var rows = try await database.query(BatchStatements.describe, Parameters(id, namespace))
    if rows.count == 0 {
      let summary = try await describe(WorkflowKey(namespace: namespace, workflowID: id)).summary
      // It may have begun, and ended, between the two looks.
      rows = try await database.query(BatchStatements.describe, Parameters(id, namespace))
      if rows.count == 0 {
        guard summary.workflowType == BatchWorkflow.name, summary.status.isOpen else {
          throw OrchestratorError(.workflowNotFound, "no batch has the id '\(id)' in namespace '\(namespace)'")
        }
        throw OrchestratorError(.unavailable, "batch '\(id)' has not written down its runs yet: ask again")
      }
    }
    var batch = try BatchDescription(rows, 0)
    let failures = try await database.query(
      BatchStatements.failures, Parameters(try rows.uuid(0, 5), Int64(Limits.batchFailures)))
    batch.failures = try (0..<failures.count).map { row in
      BatchFailure(
        runID: RunID(try failures.uuid(row, 0)), workflowID: try failures.optional(row, 1, failures.text), at: try failures.time(row, 2),
        code: try failures.text(row, 3), reason: try failures.text(row, 4))
    }
    return batch
  }

  /// Batches, the newest first, without what was refused.
  /// - Parameters:
  ///   - limit: batches a page, 1 to 1000.
  ///   - cursor: `nextCursor` of the page before.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func listBatches(
    namespace: String = "default", limit: Int = 50, cursor: String? = nil
  ) async throws -> Listing<BatchDescription> {
    let limit = try Self.checked(limit)
    guard let before = cursor.map({ RunID($0) }) ?? .largest else { throw Self.badCursor }
    let rows = try await database.query(BatchStatements.list, Parameters(namespace, before.uuid, Int64(limit) + 1))
    let batches = try (0..<min(rows.count, limit)).map { try BatchDescription(rows, $0) }
    return Listing(items: batches, nextCursor: rows.count > limit ? batches.last.map { "\($0.runID)" } : nil)
  }

  /// Lets a batch deal with no further run.
  /// - Throws: `OrchestratorError`: `workflow-not-found`, `workflow-closed` for one that has ended.
  public func cancelBatch(_ id: String, reason: String = "", namespace: String = "default") async throws {
    let key = WorkflowKey(namespace: namespace, workflowID: id)
    guard try await describe(key).summary.workflowType == BatchWorkflow.name else {
      throw OrchestratorError(.workflowNotFound, "no batch has the id '\(id)' in namespace '\(namespace)'")
    }
    try await cancel(key, reason: reason)
  }

  /// The runs of a batch: those that a query finds and that the operation can be done to, batches excepted.
  func filter(of action: BatchAction, _ query: String, _ namespace: String) async throws -> VisibilityFilter {
    guard !query.allSatisfy(\.isWhitespace) else {
      throw OrchestratorError(.invalidArgument, "a batch needs a query: WorkflowType = 'A' OR WorkflowType != 'A' finds every run")
    }
    var filter = try await WorkflowFilter(namespace: namespace, query: query).checked {
      try await attributeCatalog.types(naming: $0, in: database)
    }
    guard !filter.isGroupedByStatus else { throw OrchestratorError(.invalidArgument, "GROUP BY is for counts: a batch deals with runs") }
    filter.order = .startTime(isAscending: true)
    let isBatch = VisibilityFilter.Condition(field: .workflowType, test: .compare(.equal, .text(BatchWorkflow.name)))
    var parts: [VisibilityFilter.Expression] = [.not(.leaf(isBatch))]
    if let expression = filter.expression { parts.append(expression) }
    if action.statuses.count < WorkflowStatus.allCases.count {
      parts.append(.leaf(.init(field: .executionStatus, test: .isOneOf(action.statuses.map { .status($0) }))))
    }
    filter.expression = .all(parts)
    return filter
  }
}

extension BatchDescription {
  fileprivate init(_ rows: Rows, _ row: Int) throws {
    progress = try BatchProgress(rows, row)
    runID = RunID(try rows.uuid(row, 5))
    namespace = try rows.text(row, 6)
    batchID = try rows.text(row, 7)
    action = try rows.text(row, 8)
    query = try rows.text(row, 9)
    reason = try rows.text(row, 10)
    identity = try rows.text(row, 11)
    rate = try rows.double(row, 12)
    beganAt = try rows.time(row, 13)
    endedAt = try rows.optional(row, 14, rows.time)
    status = try rows.optional(row, 15, rows.text).flatMap(WorkflowStatus.init(rawValue:)) ?? .completed
  }
}
