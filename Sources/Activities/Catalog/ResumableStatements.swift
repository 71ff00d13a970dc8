import PostgreSQL

/// The statements on uploads that come in parts.
enum ResumableStatements {
  static let begin = Statement(
    name: "resumable_begin",
    sql: """
      select id, is_new, is_same from music.begin_resumable_upload($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      """,
    parameterTypes: [
      .uuid, .text, .text, .bytea, .text, .text, .text, .text, .text, .int8, .interval, .int4, .int8,
    ])

  private static let columns = """
    id, artist_id, metadata, file_name, media_type, form::text, source_key, length_bytes, offset_bytes, expires_at, accepted_at is not null,
    accepted_at is null and expires_at < now()
    """

  static let upload = Statement(
    name: "resumable_upload", sql: "select \(columns) from music.resumable_uploads where id = $1", parameterTypes: [.uuid])

  /// Moves the offset, unless it was moved by another or the upload is gone.
  static let advance = Statement(
    name: "resumable_advance",
    sql: """
      update music.resumable_uploads set offset_bytes = $3, changed_at = now(), expires_at = now() + $4
      where id = $1 and offset_bytes = $2 and accepted_at is null
      returning expires_at
      """,
    parameterTypes: [.uuid, .int8, .int8, .interval])

  static let delete = Statement(
    name: "resumable_delete", sql: "delete from music.resumable_uploads where id = $1 and accepted_at is null", parameterTypes: [.uuid])

  /// Of those that are over, one that nobody else removes at the moment.
  static let takeExpired = Statement(
    name: "resumable_take_expired",
    sql: """
      delete from music.resumable_uploads where id in (
        select id from music.resumable_uploads where expires_at < now() order by expires_at limit 100 for update skip locked)
      returning source_key, accepted_at is not null
      """)

  /// Whole, but not accepted: whoever saw the last byte was killed, or the database was away.
  static let complete = Statement(
    name: "resumable_complete",
    sql: """
      select \(columns) from music.resumable_uploads
      where accepted_at is null and offset_bytes = length_bytes and changed_at < now() - $1 and expires_at >= now()
      order by changed_at limit 100
      """,
    parameterTypes: [.interval])

  static let admit = Statement(
    name: "catalog_admit_upload", sql: "select wait_seconds, remaining, reset_seconds, used_bytes from music.admit_upload($1, $2, $3)",
    parameterTypes: [.text, .int4, .interval])

  static let checkQuota = Statement(
    name: "catalog_check_quota", sql: "select music.check_quota($1, $2, $3)::text", parameterTypes: [.text, .uuid, .int8])
}
