import PostgreSQL
import Workflows

/// Where the next page of a list begins.
public struct TrackCursor: Sendable, Equatable {
  /// Microseconds since the Unix epoch.
  public let createdAt: Int64
  public let id: TrackID

  public init(createdAt: Int64, id: TrackID) {
    self.createdAt = createdAt
    self.id = id
  }

  public init(after track: TrackRecord) { self.init(createdAt: track.createdAt, id: track.id) }
}

extension TrackCatalog {
  /// - Throws: `CatalogError.trackNotFound`.
  public func track(_ id: TrackID) async throws -> TrackRecord {
    let rows = try await call(CatalogStatements.track, Parameters(id.uuid))
    guard rows.count == 1 else { throw CatalogError(.trackNotFound, "there is no track \(id)") }
    return try TrackRecord(rows, 0)
  }

  /// Newest first.
  /// - Parameters:
  ///   - artistID: nil for the tracks of all artists.
  ///   - limit: 1 to 200.
  public func tracks(
    of artistID: String?, status: TrackStatus?, after cursor: TrackCursor?, limit: Int
  ) async throws -> [TrackRecord] {
    var parameters = Parameters(artistID, status?.rawValue)
    parameters.append(cursor)
    parameters.append(Int64(min(max(limit, 1), 200)))
    let rows = try await call(CatalogStatements.tracks, parameters)
    return try (0..<rows.count).map { try TrackRecord(rows, $0) }
  }

  /// The steps that began, in the order of their beginning.
  public func stages(_ id: TrackID) async throws -> [StageRecord] {
    let rows = try await call(CatalogStatements.stages, Parameters(id.uuid))
    return try (0..<rows.count).map { try StageRecord(rows, $0) }
  }

  /// The lyrics of a version, or those that count now; nil when there are none.
  public func lyrics(_ id: TrackID, version: Int32? = nil) async throws -> LyricsRecord? {
    let rows = try await call(CatalogStatements.lyrics, Parameters(id.uuid, version))
    return rows.count == 0 ? nil : try LyricsRecord(rows, 0)
  }

  /// The audit log of one track, oldest first.
  public func statusChanges(_ id: TrackID) async throws -> [StatusChangeRecord] {
    let rows = try await call(CatalogStatements.statusChanges, Parameters(id.uuid))
    return try (0..<rows.count).map { try StatusChangeRecord(rows, $0) }
  }
}
