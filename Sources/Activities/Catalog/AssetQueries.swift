import PostgreSQL
import Workflows

extension TrackCatalog {
  /// - Throws: `CatalogError.assetNotFound`.
  public func asset(_ id: AssetID) async throws -> AssetRecord {
    let rows = try await call(AssetStatements.asset, Parameters(id.uuid))
    guard rows.count == 1 else { throw CatalogError(.assetNotFound, "there is no asset \(id)") }
    return try AssetRecord(rows, 0)
  }

  /// Newest first.
  /// - Parameters:
  ///   - artistID: nil for the assets of all artists.
  ///   - limit: 1 to 200.
  public func assets(of artistID: String?, after cursor: TrackCursor?, limit: Int) async throws -> [AssetRecord] {
    var parameters = Parameters(artistID)
    parameters.append(cursor)
    parameters.append(Int64(min(max(limit, 1), 200)))
    let rows = try await call(AssetStatements.assets, parameters)
    return try (0..<rows.count).map { try AssetRecord(rows, $0) }
  }

  /// The versions of an asset, oldest first.
  /// - Parameters:
  ///   - after: only those with a greater number.
  ///   - limit: 1 to 200.
  public func assetVersions(_ id: AssetID, after: Int32 = 0, limit: Int) async throws -> [AssetVersionRecord] {
    let rows = try await call(AssetStatements.versions, Parameters(id.uuid, after, Int32?.none, Int64(min(max(limit, 1), 200))))
    return try (0..<rows.count).map { try AssetVersionRecord(rows, $0) }
  }

  /// - Throws: `CatalogError.versionNotFound`.
  public func assetVersion(_ id: AssetID, _ version: Int32) async throws -> AssetVersionRecord {
    let rows = try await call(AssetStatements.versions, Parameters(id.uuid, Int32(0), version, Int64(1)))
    guard rows.count == 1 else { throw CatalogError(.versionNotFound, "asset \(id) has no version \(version)") }
    return try AssetVersionRecord(rows, 0)
  }
}

extension Parameters {
  /// Two parameters: time and id, or nulls for the first page.
  mutating func append(_ cursor: TrackCursor?) {
    if let cursor {
      appendTimestamp(microseconds: cursor.createdAt)
    } else {
      appendNull()
    }
    append(cursor?.id.uuid)
  }
}
