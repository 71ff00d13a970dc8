import PostgreSQL

/// Which runs a list shows; everything that is nil is not asked about.
public struct WorkflowFilter: Sendable {
  public var namespace: String
  /// A filter such as `WorkflowType = 'PublishTrack' AND ExecutionStatus = 'Failed' ORDER BY StartTime DESC`; docs/visibility.md has the language.
  public var query: String?
  public var status: WorkflowStatus?
  public var workflowType: String?
  public var workflowID: String?
  /// Only runs that started after this moment.
  public var startedAfter: RecordedTime?

  public init(
    namespace: String = "default", query: String? = nil, status: WorkflowStatus? = nil, workflowType: String? = nil,
    workflowID: String? = nil, startedAfter: RecordedTime? = nil
  ) {
    self.namespace = namespace
    self.query = query
    self.status = status
    self.workflowType = workflowType
    self.workflowID = workflowID
    self.startedAfter = startedAfter
  }

  /// What is asked beside the query.
  private var conditions: [VisibilityFilter.Condition] {
    var conditions: [VisibilityFilter.Condition] = []
    func require(_ field: VisibilityField, _ comparison: VisibilityComparison, _ value: VisibilityValue?) {
      if let value { conditions.append(.init(field: field, test: .compare(comparison, value))) }
    }
    require(.executionStatus, .equal, status.map(VisibilityValue.status))
    require(.workflowType, .equal, workflowType.map(VisibilityValue.text))
    require(.workflowID, .equal, workflowID.map(VisibilityValue.text))
    require(.startTime, .greater, startedAfter.map(VisibilityValue.time))
    return conditions
  }

  /// - Parameter types: the types of search attributes with these names, among others.
  /// - Throws: `OrchestratorError` with code `invalid-argument` and the place of the mistake.
  func checked(_ types: ([String]) async throws -> [String: SearchAttributeType]) async throws -> VisibilityFilter {
    var filter = VisibilityFilter()
    if let query {
      do {
        let parsed = try VisibilityQuery(query)
        filter = try VisibilityFilter(parsed, attributes: try await types(parsed.attributeNames))
      } catch let error as VisibilityQueryError {
        throw OrchestratorError(.invalidArgument, error.description)
      }
    }
    let parts = (filter.expression.map { [$0] } ?? []) + conditions.map { .leaf($0) }
    filter.expression = parts.isEmpty ? nil : .all(parts)
    return filter
  }
}

/// How many runs a filter finds.
public struct WorkflowCount: Codable, Sendable, Equatable {
  /// Of all statuses together.
  public let count: Int64
  /// By status, the most frequent first; nil unless the query ends with `GROUP BY ExecutionStatus`.
  public let groups: [Group]?

  /// Runs of one status.
  public struct Group: Codable, Sendable, Equatable {
    public let status: String
    /// Never 0.
    public let count: Int64
  }
}

extension Client {
  /// Runs that a filter finds, as their histories have it at one moment. The newest first by their run ids, or in the order that the query
  /// asks for. No page skips a run, and none repeats one in the order of starts.
  /// - Parameters:
  ///   - limit: runs a page, 1 to 1000.
  ///   - cursor: `nextCursor` of the page before, of the same filter.
  /// - Throws: `OrchestratorError` with code `invalid-argument`; `DatabaseError`.
  public func listWorkflows(
    _ filter: WorkflowFilter = WorkflowFilter(), limit: Int = 50, cursor: String? = nil
  ) async throws -> Listing<WorkflowSummary> {
    let limit = try Self.checked(limit)
    let checked = try await filter.checked { try await attributeCatalog.types(naming: $0, in: database) }
    guard !checked.isGroupedByStatus else {
      throw OrchestratorError(.invalidArgument, "GROUP BY is for counts: a list has one row for each run")
    }
    let after = try cursor.map { text in
      guard let cursor = VisibilityCursor(text, for: checked.order) else { throw Self.badCursor }
      return cursor
    }
    let rows = try await find(
      VisibilityQueryStatements.page(of: checked, namespace: filter.namespace, after: after, limit: limit + 1))
    let runs = try (0..<min(rows.count, limit)).map { try WorkflowSummary(rows, $0) }
    let next = rows.count > limit ? runs.last.map { VisibilityCursor(after: $0, for: checked.order).text } : nil
    return Listing(items: runs, nextCursor: next)
  }

  /// Runs that a query finds in namespace `default`; the language is in docs/visibility.md.
  /// - Throws: as the list by a filter.
  public func listWorkflows(query: String, limit: Int = 50, cursor: String? = nil) async throws -> Listing<WorkflowSummary> {
    try await listWorkflows(WorkflowFilter(query: query), limit: limit, cursor: cursor)
  }

  /// How many runs a filter finds, by status where its query ends with `GROUP BY ExecutionStatus`.
  /// - Throws: `OrchestratorError` with code `invalid-argument`; `DatabaseError`.
  public func countWorkflows(_ filter: WorkflowFilter = WorkflowFilter()) async throws -> WorkflowCount {
    let checked = try await filter.checked { try await attributeCatalog.types(naming: $0, in: database) }
    let rows = try await find(VisibilityQueryStatements.count(of: checked, namespace: filter.namespace))
    guard checked.isGroupedByStatus else { return WorkflowCount(count: try rows.int64(0, 1), groups: nil) }
    let groups = try (0..<rows.count).map { WorkflowCount.Group(status: try rows.text($0, 0), count: try rows.int64($0, 1)) }
    return WorkflowCount(count: groups.reduce(0) { $0 + $1.count }, groups: groups)
  }

  func find(_ query: [BoundStatement]) async throws -> Rows {
    try await database.run(query)[query.count - 1]
  }

  /// How many runs a query finds in namespace `default`.
  /// - Throws: as the count by a filter.
  public func countWorkflows(query: String) async throws -> WorkflowCount {
    try await countWorkflows(WorkflowFilter(query: query))
  }
}
