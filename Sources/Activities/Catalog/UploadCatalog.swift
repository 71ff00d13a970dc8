import Orchestrator
import PostgreSQL
import Workflows

/// Everything that is known of an upload when its last byte has come.
public struct NewTrack: Sendable {
  public var source: AudioSource
  public var artistID: String
  public var fileName: String?
  public var title: String?
  public var language: String?
  public var tags: [String]
  /// Accounts of the other artists on it, in order.
  public var secondaryArtistIDs: [String] = []
  public var suppliedLyrics: String?
  /// Of the file, 32 bytes.
  public var sha256: [UInt8]
  /// The client's key and the fingerprint of all it sent, 32 bytes; nil without a key.
  public var idempotency: (key: String, fingerprint: [UInt8])?

  public init(
    source: AudioSource, artistID: String, fileName: String?, title: String?, language: String?, tags: [String], suppliedLyrics: String?,
    sha256: [UInt8], idempotency: (key: String, fingerprint: [UInt8])?
  ) {
    self.source = source
    self.artistID = artistID
    self.fileName = fileName
    self.title = title
    self.language = language
    self.tags = tags
    self.suppliedLyrics = suppliedLyrics
    self.sha256 = sha256
    self.idempotency = idempotency
  }
}

/// What became of an upload.
public enum UploadOutcome: Sendable, Equatable {
  /// The track is stored and its workflow started.
  case accepted
  /// The same request came before: this is its track, and nothing new was stored.
  case repeated(TrackID)
  /// The key was used for another body.
  case keyReused
}

extension TrackCatalog {
  /// Stores the track and the idempotency key and starts the workflow in one transaction.
  ///
  /// Of two concurrent requests with one key, on whatever process, exactly one is accepted.
  ///
  /// - Parameter quotaBytes: what the artist's files may have together; nil when that was reserved before.
  /// - Throws: `CatalogError.quotaExceeded`; then nothing was stored.
  public func accept(_ track: NewTrack, starting upload: TrackUpload, quotaBytes: Int64? = nil) async throws -> UploadOutcome {
    let tags = ArrayColumn(.text)
    for tag in track.tags { tags.append(tag) }
    var parameters = Parameters(
      track.source.trackID.uuid, track.artistID, track.source.trackID.workflowID, track.idempotency?.key, track.idempotency?.fingerprint,
      track.title, track.language)
    parameters.append(tags)
    for text in [track.suppliedLyrics, track.fileName, track.source.mediaType] { parameters.append(text) }
    parameters.append(track.source.sizeBytes)
    parameters.append(track.sha256)
    parameters.append(track.source.key)
    parameters.append(try json(upload))
    let artists = ArrayColumn(.text)
    for artist in track.secondaryArtistIDs { artists.append(artist) }
    parameters.append(artists)
    var statements: [BoundStatement] = [(CatalogStatements.acceptUpload, parameters)]
    if let quotaBytes {
      statements.append((ResumableStatements.checkQuota, Parameters(track.artistID, track.source.trackID.uuid, quotaBytes)))
    }
    let rows = try await call(statements)[0]
    if try rows.bool(0, 1) { return .accepted }
    return try rows.bool(0, 2) ? .repeated(TrackID(try rows.uuid(0, 0))) : .keyReused
  }

  /// Forgets idempotency keys that are older than a week. Returns how many.
  public func forgetOldUploads() async throws -> Int {
    try await call(CatalogStatements.forgetOldUploads, Parameters()).affectedRows
  }

  /// Ends tracks whose run was stopped without its code. Returns how many, at most 1,000 a call.
  public func settleTracks() async throws -> Int {
    Int(try await call(CatalogStatements.settleTracks, Parameters(Int32(1000))).int32(0, 0))
  }

  /// Those of the given staging keys that a track in processing still needs.
  public func stagedKeysInUse(_ keys: [String]) async throws -> Set<String> {
    let column = ArrayColumn(.text)
    for key in keys { column.append(key) }
    var parameters = Parameters()
    parameters.append(column)
    let rows = try await call(CatalogStatements.stagedKeys, parameters)
    return Set(try (0..<rows.count).map { try rows.text($0, 0) })
  }
}
