import PostgreSQL

/// Why the catalogue refused, for callers to act on.
public struct CatalogError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// No edge leads from the track's status to the wished one.
    case impossibleStatus = "MU001"
    case trackNotFound = "MU002"
    case alreadyReviewed = "MU003"
    case notWaitingForReview = "MU004"
    case assetNotFound = "MA001"
    case versionNotFound = "MA002"
    /// Its upload has not proved to be sound.
    case assetNotReady = "MA003"
    /// The version has no file of that kind, or several of which none was named.
    case kindNotFound = "MA004"
    case jobNotFound = "MA005"
    /// What was asked for does not fit how the job stands.
    case jobStatusUnfit = "MA006"
    case tooManyJobs = "MA007"
    /// The artist's files would have more bytes together than are allowed.
    case quotaExceeded = "MU005"
    /// As many uploads are open as are allowed.
    case tooManyOpenUploads = "MU006"
    /// The edit is of a revision that does not hold any more.
    case revisionChanged = "MU007"
    case idempotencyKeyReused = "MU008"
    case unknownReasonCode = "MU009"
    /// Somebody else has claimed the review.
    case claimed = "MU010"
    /// Named as another artist on a track, and is none.
    case artistNotFound = "MU011"
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// Nil when the database reported something else.
  init?(_ error: DatabaseError) {
    guard let code = error.sqlState.flatMap(Code.init) else { return nil }
    self.init(code, error.message)
  }
}
