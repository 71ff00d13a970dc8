import PostgreSQL

/// Every statement on `music.upload_requests`.
enum UploadRequestStatements {
  /// No row when the artist has too many already that have neither ended nor become a track.
  static let add = Statement(
    name: "upload_request_add",
    sql: """
      insert into music.upload_requests (id, artist_id, object_key, file_name, media_type, size_bytes, form, expires_at)
      select $1, $2, $3, $4, $5, $6, $7::jsonb, $8
      where $9 > (
        select count(*) from music.upload_requests r
        where r.artist_id = $2 and r.expires_at > now() and not exists (select from music.tracks t where t.id = r.id))
      returning id
      """,
    parameterTypes: [.uuid, .text, .text, .text, .text, .int8, .text, .timestamptz, .int8])

  private static let columns = "id, artist_id, object_key, file_name, media_type, size_bytes, form::text, expires_at"

  static let byID = Statement(
    name: "upload_request_by_id", sql: "select \(columns) from music.upload_requests where id = $1", parameterTypes: [.uuid])

  static let byKey = Statement(
    name: "upload_request_by_key", sql: "select \(columns) from music.upload_requests where object_key = $1", parameterTypes: [.text])

  /// A day is longer than any notification of a store is late.
  static let forget = Statement(
    name: "upload_request_forget", sql: "delete from music.upload_requests where expires_at < now() - interval '1 day'")
}
