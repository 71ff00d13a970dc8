import PostgreSQL

/// Statements on assets and their versions.
enum AssetStatements {
  private static let assetColumns = "id, artist_id, status, latest_version, created_at, updated_at"

  static let asset = Statement(
    name: "assets_asset", sql: "select \(assetColumns) from music.assets where id = $1", parameterTypes: [.uuid])

  /// Newest first; the cursor is the last row of the page before.
  static let assets = Statement(
    name: "assets_assets",
    sql: """
      select \(assetColumns) from music.assets
      where ($1::text is null or artist_id = $1) and ($2::timestamptz is null or (created_at, id) < ($2, $3))
      order by created_at desc, id desc
      limit $4
      """,
    parameterTypes: [.text, .timestamptz, .uuid, .int8])

  /// Oldest first, those after version $2; only version $3 unless it is null.
  static let versions = Statement(
    name: "assets_versions",
    sql: """
      select v.version, v.from_version, v.job_id, v.metadata, v.published_at, (
        select json_agg(json_build_object(
          'kind', f.kind, 'key', f.object_key, 'mediaType', f.media_type, 'sizeBytes', f.size_bytes,
          'durationMilliseconds', f.duration_ms) order by f.kind)
        from music.asset_files f where f.asset_id = v.asset_id and f.version = v.version)
      from music.asset_versions v
      where v.asset_id = $1 and v.version > $2 and ($3::int4 is null or v.version = $3) and v.published_at is not null
      order by v.version
      limit $4
      """,
    parameterTypes: [.uuid, .int4, .int4, .int8])
}
