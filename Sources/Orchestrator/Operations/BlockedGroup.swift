import PostgreSQL

/// Blocked runs of one workflow type that stand still for the same reason.
public struct BlockedGroup: Codable, Sendable, Equatable {
  /// The same for the same reason: numbers and identifiers in its text do not count.
  public let fingerprint: String
  public let workflowType: String
  /// Name of an ``ErrorCode``.
  public let code: String
  public let runs: Int64
  /// Since when the first of them stands.
  public let since: RecordedTime
  /// Since when the last of them stands.
  public let last: RecordedTime
  public let exampleWorkflowID: String
  public let exampleReason: String
  /// The newest build by its name that could not continue one of them.
  public let build: String

  enum CodingKeys: String, CodingKey {
    case exampleWorkflowID = "exampleWorkflowId"
    case fingerprint, workflowType, code, runs, since, last, exampleReason, build
  }
}

extension Client {
  /// What blocks runs of a namespace, the most frequent first; at most 1000 reasons.
  public func blockedGroups(namespace: String = "default") async throws -> [BlockedGroup] {
    let rows = try await database.query(VisibilityStatements.blockedGroups, Parameters(namespace))
    return try (0..<rows.count).map { row in
      BlockedGroup(
        fingerprint: try rows.text(row, 0), workflowType: try rows.text(row, 1), code: try rows.text(row, 2), runs: try rows.int64(row, 3),
        since: try rows.time(row, 4), last: try rows.time(row, 5), exampleWorkflowID: try rows.text(row, 6),
        exampleReason: try rows.text(row, 7), build: try rows.text(row, 8))
    }
  }
}
