import PostgreSQL

/// Statements on what people edit.
enum RevisionStatements {
  static let edit = Statement(
    name: "catalog_edit", sql: "select revision, is_repeated from music.edit_track($1, $2, $3, $4, $5, $6, $7)",
    parameterTypes: [.uuid, .int4Array, .text, .text, .text, .text, .bytea])

  /// Newest first; the cursor is the last row of the page before.
  static let revisions = Statement(
    name: "catalog_revisions",
    sql: """
      select revision, changes, changed_by, reason, changed_at from music.revisions
      where track_id = $1 and ($2::int8 is null or revision < $2)
      order by revision desc limit $3
      """,
    parameterTypes: [.uuid, .int8, .int8])
}
