import Orchestrator
import PostgreSQL
import Workflows

/// The sound of a track in versions. Times are microseconds since the Unix epoch.
public struct AssetRecord: Sendable, Equatable {
  public enum Status: String, Sendable {
    /// The upload has not proved to be sound yet.
    case pending
    case ready
    case failed
  }

  public let id: AssetID
  public let artistID: String
  public let status: Status
  /// 0 while there is none.
  public let latestVersion: Int32
  public let createdAt: Int64
  public let updatedAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    id = AssetID(try rows.uuid(row, 0))
    artistID = try rows.text(row, 1)
    status = try rows.named(row, 2)
    latestVersion = try rows.int32(row, 3)
    createdAt = try rows.timestamp(row, 4)
    updatedAt = try rows.timestamp(row, 5)
  }
}

/// One version of an asset, with its files.
public struct AssetVersionRecord: Sendable, Equatable {
  public let version: Int32
  /// Nil for the original.
  public let fromVersion: Int32?
  /// Nil for the original.
  public let jobID: JobID?
  /// A JSON object.
  public let metadata: Payload
  public let createdAt: Int64
  public let files: [AssetFile]

  init(_ rows: Rows, _ row: Int) throws {
    version = try rows.int32(row, 0)
    fromVersion = try rows.optional(row, 1, rows.int32)
    jobID = try rows.optional(row, 2) { JobID(try rows.uuid($0, $1)) }
    metadata = Payload(json: Array(try rows.text(row, 3).utf8))
    createdAt = try rows.timestamp(row, 4)
    files = try rows.json([AssetFile].self, row, 5) ?? []
  }

  /// The file of a kind; without one the only file, or else the source.
  public func file(_ kind: String?) -> AssetFile? {
    guard let kind else { return files.count == 1 ? files.first : files.first { $0.kind == "source" } }
    return files.first { $0.kind == kind }
  }
}
