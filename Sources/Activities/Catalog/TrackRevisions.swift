import PostgreSQL
import Workflows

/// An edit of a track by a person.
public struct TrackEdit: Sendable {
  public var edits: TrackEdits
  /// The revisions that it may be made on; nil for whatever holds.
  public var expected: [Int32]?
  public var user: String
  /// Why, as far as it was said.
  public var reason: String?
  public var idempotency: RequestKey?

  public init(
    _ edits: TrackEdits, expecting expected: [Int32]?, by user: String, because reason: String? = nil,
    idempotency: RequestKey? = nil
  ) {
    self.edits = edits
    self.expected = expected
    self.user = user
    self.reason = reason
    self.idempotency = idempotency
  }
}

/// One change of what people may edit.
public struct RevisionRecord: Sendable {
  /// A field's value before and after; versions for lyrics.
  public struct Change: Codable, Sendable, Equatable {
    public let from: JSONValue?
    public let to: JSONValue?
  }

  public let revision: Int32
  /// By the names of the fields.
  public let changes: [String: Change]
  /// The user, or `workflow` for what processing found.
  public let changedBy: String
  public let reason: String?
  /// Microseconds since the Unix epoch.
  public let changedAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    revision = try rows.int32(row, 0)
    changes = try rows.json([String: Change].self, row, 1) ?? [:]
    changedBy = try rows.text(row, 2)
    reason = try rows.optional(row, 3, rows.text)
    changedAt = try rows.timestamp(row, 4)
  }
}

extension TrackCatalog {
  /// Makes an edit as one revision; values that are there already make none.
  ///
  /// - Returns: the revision that holds now, and whether the same request had been made before.
  /// - Throws: `CatalogError`: `.revisionChanged` when another one holds, `.idempotencyKeyReused`, `.impossibleStatus` for a failed track.
  public func edit(_ id: TrackID, _ edit: TrackEdit) async throws -> (revision: Int32, isRepeated: Bool) {
    var parameters = Parameters(id.uuid)
    parameters.append(edit.expected)
    parameters.append(try json(edit.edits))
    parameters.append(edit.user)
    parameters.append(edit.reason)
    parameters.append(edit.idempotency)
    let rows = try await call(RevisionStatements.edit, parameters)
    return (try rows.int32(0, 0), try rows.bool(0, 1))
  }

  /// Newest first.
  /// - Parameters:
  ///   - before: only those with a smaller number; nil for the newest.
  ///   - limit: 1 to 200.
  public func revisions(_ id: TrackID, before: Int64?, limit: Int) async throws -> [RevisionRecord] {
    let rows = try await call(RevisionStatements.revisions, Parameters(id.uuid, before, Int64(min(max(limit, 1), 200))))
    return try (0..<rows.count).map { try RevisionRecord(rows, $0) }
  }
}
