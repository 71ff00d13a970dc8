import Orchestrator
import PostgreSQL
import Workflows

/// A job as the catalogue holds it. Times are microseconds since the Unix epoch.
public struct JobRecord: Sendable, Equatable {
  public let id: JobID
  public let assetID: AssetID
  public let requestedBy: String
  public let type: String
  public let inputVersion: Int32
  public let inputKind: String
  /// 1 is done first, 5 last.
  public let priority: Int16
  public let parameters: Payload
  public let status: JobStatus
  /// Per cent of this attempt.
  public let progress: Int16
  /// Of the processing; 0 before the first.
  public let attempt: Int32
  /// How often it was asked for.
  public let tries: Int32
  public let createdVersion: Int32?
  public let errorCode: String?
  public let error: String?
  public let createdAt: Int64
  public let startedAt: Int64?
  public let updatedAt: Int64
  public let finishedAt: Int64?

  init(_ rows: Rows, _ row: Int) throws {
    id = JobID(try rows.uuid(row, 0))
    assetID = AssetID(try rows.uuid(row, 1))
    requestedBy = try rows.text(row, 2)
    type = try rows.text(row, 3)
    inputVersion = try rows.int32(row, 4)
    inputKind = try rows.text(row, 5)
    priority = try rows.int16(row, 6)
    parameters = Payload(json: Array(try rows.text(row, 7).utf8))
    status = try rows.named(row, 8)
    progress = try rows.int16(row, 9)
    attempt = try rows.int32(row, 10)
    tries = try rows.int32(row, 11)
    createdVersion = try rows.optional(row, 12, rows.int32)
    errorCode = try rows.optional(row, 13, rows.text)
    error = try rows.optional(row, 14, rows.text)
    createdAt = try rows.timestamp(row, 15)
    startedAt = try rows.optional(row, 16, rows.timestamp)
    updatedAt = try rows.timestamp(row, 17)
    finishedAt = try rows.optional(row, 18, rows.timestamp)
  }
}
