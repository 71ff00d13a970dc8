import PostgreSQL

/// Every statement on the schema `music`.
enum CatalogStatements {
  /// Until the end of the transaction, for which it must be the first statement.
  static let becomeViewer = Statement(
    name: "catalog_become_viewer",
    sql: """
      select set_config('role', 'orchestrator_api', true), set_config('orchestrator.viewer', $1, true),
        set_config('orchestrator.viewer_sees_all', $2, true), set_config('orchestrator.viewer_track', $3, true)
      """,
    parameterTypes: [.text, .text, .text])

  static let acceptUpload = Statement(
    name: "catalog_accept_upload",
    sql: """
      select track_id, is_new, is_same, case when is_new then music.set_track_artists(track_id, $16) end
      from music.accept_upload($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
      """,
    parameterTypes: [
      .uuid, .text, .text, .text, .bytea, .text, .text, .textArray, .text, .text, .text, .int8, .bytea, .text, .text,
      .textArray,
    ])

  static let changeStatus = Statement(
    name: "catalog_change_status", sql: "select music.change_status($1, $2, $3, $4, $5)",
    parameterTypes: [.uuid, .text, .text, .text, .text])

  static let moderate = Statement(
    name: "catalog_moderate", sql: "select music.moderate($1, $2, music.reason_text($6, 'block', $3), $4, $5)",
    parameterTypes: [.uuid, .text, .text, .text, .text, .text])

  static let openReview = Statement(
    name: "catalog_open_review", sql: "select music.open_review($1, $2, $3, $4, $5, $6, $7)",
    parameterTypes: [.uuid, .text, .int8, .text, .text, .text, .text])

  static let changeLyrics = Statement(
    name: "catalog_change_lyrics", sql: "select music.change_lyrics($1, $2, $3, $4, $5)::text",
    parameterTypes: [.uuid, .text, .text, .text, .text])

  static let reportProgress = Statement(
    name: "catalog_report_progress", sql: "select music.report_progress($1, $2, $3, $4, $5)::text",
    parameterTypes: [.uuid, .text, .int2, .int4, .bool])

  private static let trackColumns = """
    id, artist_id, workflow_id, title, language, array_to_json(tags), supplied_lyrics, file_name, media_type, size_bytes, sha256,
    source_key, status, reason, lyrics_status, lyrics_reason, duration_ms, probe, waveform, streaming, created_at, updated_at,
    published_at, scan, revision, poster_key,
    array_to_json(array(select a.artist_id from music.track_artists a where a.track_id = tracks.id order by a.position))
    """

  static let track = Statement(
    name: "catalog_track", sql: "select \(trackColumns) from music.tracks where id = $1", parameterTypes: [.uuid])

  static let recordScan = Statement(
    name: "catalog_record_scan", sql: "update music.tracks set scan = $2, scan_detail = $3, updated_at = now() where id = $1",
    parameterTypes: [.uuid, .text, .text])

  /// Newest first; the cursor is the last row of the page before.
  static let tracks = Statement(
    name: "catalog_tracks",
    sql: """
      select \(trackColumns) from music.tracks
      where ($1::text is null or artist_id = $1) and ($2::text is null or status = $2)
        and ($3::timestamptz is null or (created_at, id) < ($3, $4))
      order by created_at desc, id desc
      limit $5
      """,
    parameterTypes: [.text, .text, .timestamptz, .uuid, .int8])

  static let stages = Statement(
    name: "catalog_stages",
    sql: """
      select stage, progress, attempt, started_at, finished_at from music.stages where track_id = $1 order by started_at, stage
      """,
    parameterTypes: [.uuid])

  /// The version asked for, or the one that counts: what a person wrote stands above what a machine wrote.
  static let lyrics = Statement(
    name: "catalog_lyrics",
    sql: """
      select version, source, language, model, confidence, lines from music.lyrics
      where track_id = $1 and ($2::int4 is null or version = $2)
      order by source = 'edited' desc, version desc limit 1
      """,
    parameterTypes: [.uuid, .int4])

  static let statusChanges = Statement(
    name: "catalog_status_changes",
    sql: """
      select from_status, to_status, reason, changed_by, changed_at from music.status_changes where track_id = $1 order by id
      """,
    parameterTypes: [.uuid])

  static let forgetOldUploads = Statement(
    name: "catalog_forget_old_uploads", sql: "delete from music.uploads where created_at < now() - interval '7 days'")

  static let settleTracks = Statement(
    name: "catalog_settle_tracks", sql: "select music.settle_tracks($1)", parameterTypes: [.int4])

  /// Staging keys that a track in processing, a job, or an upload that still comes needs.
  static let stagedKeys = Statement(
    name: "catalog_staged_keys",
    sql: """
      select source_key from music.tracks where source_key = any($1) and status in ('PENDING', 'PROCESSING')
      union all
      select k.key from unnest($1) as k (key)
      where exists (
        select from music.jobs j
        where j.id = substring(k.key from '^staging/jobs/([0-9a-f-]{36})/')::uuid and j.status in ('pending', 'processing'))
      union all
      select source_key from music.resumable_uploads where source_key = any($1) and accepted_at is null
      """,
    parameterTypes: [.textArray])
}
