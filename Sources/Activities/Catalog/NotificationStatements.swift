import PostgreSQL

/// Every statement on `music.notifications`; the functions of the schema add its rows.
enum NotificationStatements {
  private static let columns = "id, track_id, kind, status, message, created_at, read_at"

  static let notifications = Statement(
    name: "notifications_list",
    sql: """
      select \(columns) from music.notifications
      where artist_id = $1 and ($2::bool is null or (read_at is null) = $2) and ($3::int8 is null or id < $3)
      order by id desc limit $4
      """,
    parameterTypes: [.text, .bool, .int8, .int8])

  static let counts = Statement(
    name: "notifications_counts",
    sql: """
      select (select count(*) from (select from music.notifications where artist_id = $1 limit 10000) n),
        (select count(*) from (select from music.notifications where artist_id = $1 and read_at is null limit 10000) n)
      """,
    parameterTypes: [.text])

  static let mark = Statement(
    name: "notifications_mark",
    sql: """
      update music.notifications set read_at = case when $3 then coalesce(read_at, now()) end where id = $1 and artist_id = $2
      returning \(columns)
      """,
    parameterTypes: [.int8, .text, .bool])

  static let markAll = Statement(
    name: "notifications_mark_all",
    sql: """
      update music.notifications set read_at = now() where artist_id = $1 and read_at is null and ($2::int8 is null or id <= $2)
      """,
    parameterTypes: [.text, .int8])

  static let remove = Statement(
    name: "notifications_remove", sql: "delete from music.notifications where id = $1 and artist_id = $2",
    parameterTypes: [.int8, .text])
}
