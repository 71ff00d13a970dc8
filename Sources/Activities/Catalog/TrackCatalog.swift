import Orchestrator
import PostgreSQL
import Workflows

/// Tracks, lyrics, reviews and notifications in PostgreSQL. Every change may be repeated with the same request key without effect.
///
/// Methods throw `CatalogError` when the catalogue refuses, `DatabaseError` when the database is at fault, and `OrchestratorError` when
/// the engine refused inside the same transaction.
public struct TrackCatalog: Sendable {
  let database: Database
  /// Nil for the pipeline, which sees and changes everything.
  private let viewer: CatalogViewer?

  public init(_ database: Database) { self.init(database, viewer: nil) }

  init(_ database: Database, viewer: CatalogViewer?) {
    self.database = database
    self.viewer = viewer
  }

  /// - Parameter requestKey: names the request; for activities their idempotency key.
  /// - Returns: the status that holds now.
  @discardableResult
  public func changeStatus(
    _ trackID: TrackID, to status: TrackStatus, because reason: String?, by user: String, requestKey: String
  ) async throws -> TrackStatus {
    try await call(
      CatalogStatements.changeStatus, Parameters(trackID.uuid, status.rawValue, reason, user, requestKey)
    ).named(0, 0)
  }

  /// Blocks a published track or publishes a blocked one.
  @discardableResult
  public func moderate(
    _ trackID: TrackID, to status: TrackStatus, because reason: String?, reasonCode: String? = nil, by user: String, requestKey: String
  ) async throws -> TrackStatus {
    try await call(
      CatalogStatements.moderate, Parameters(trackID.uuid, status.rawValue, reason, user, requestKey, reasonCode)
    ).named(0, 0)
  }

  /// Writes down what the virus scanner said.
  public func recordScan(_ trackID: TrackID, _ scan: SecurityScan) async throws {
    _ = try await call(CatalogStatements.recordScan, Parameters(trackID.uuid, scan.verdict.rawValue, scan.detail))
  }

  /// Stores what processing made and moves the track to REVIEWING.
  public func openReview(_ track: ProcessedTrack, requestKey: String) async throws {
    let source = track.audio.source
    _ = try await call(
      CatalogStatements.openReview,
      Parameters(
        source.trackID.uuid, source.key, Int64(track.audio.probe.durationMilliseconds), try json(track.audio.probe),
        try json(track.waveform), try json(track.streaming), requestKey))
  }

  public func changeLyrics(_ change: LyricsChange, requestKey: String) async throws {
    _ = try await call(
      CatalogStatements.changeLyrics,
      Parameters(change.trackID.uuid, change.status.rawValue, change.reason, try change.lyrics.map(json), requestKey))
  }

  /// Shows how far a step is, in per cent.
  public func reportProgress(
    _ trackID: TrackID, stage: String, percent: Int, attempt: Int32, isDone: Bool = false
  ) async throws {
    let progress = Int16(min(max(percent, 0), 100))
    _ = try await call(CatalogStatements.reportProgress, Parameters(trackID.uuid, stage, progress, attempt, isDone))
  }

  func json(_ value: some Encodable) throws -> String { try PayloadCodec.encode(value).text }

  func call(_ statement: Statement, _ parameters: Parameters) async throws -> Rows { try await call([(statement, parameters)])[0] }

  /// One transaction.
  func call(_ statements: [BoundStatement]) async throws -> [Rows] {
    do {
      guard let viewer else { return try await database.run(statements) }
      return Array(try await database.run([viewer.bound] + statements).dropFirst())
    } catch let error as DatabaseError {
      if let refusal = CatalogError(error) { throw refusal }
      if let code = ErrorCode.all.first(where: { $0.sqlState == error.sqlState }) { throw OrchestratorError(code, error.message) }
      throw error
    }
  }
}
