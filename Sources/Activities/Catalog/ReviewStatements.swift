import PostgreSQL

/// Statements on the queue of reviews.
enum ReviewStatements {
  private static let columns = """
    t.id, t.artist_id, t.title, t.language, array_to_json(t.tags), t.duration_ms, t.status, t.review_round, t.status_since, t.revision,
    c.reviewer, c.claimed_at, c.expires_at
    """
  private static let tables = """
    music.tracks t left join music.review_claims c on c.track_id = t.id and c.expires_at > now()
    """

  /// Oldest first; the cursor is the last row of the page before. What is decided waits for nobody, even before it is applied.
  static let queue = Statement(
    name: "catalog_review_queue",
    sql: """
      select \(columns) from \(tables)
      where t.status = $1 and ($2::bool is null or (c.track_id is not null) = $2)
        and (t.status <> 'REVIEWING'
          or not exists (select from music.reviews r where r.track_id = t.id and r.round = t.review_round))
        and ($3::timestamptz is null or (t.status_since, t.id) > ($3, $4))
      order by t.status_since, t.id limit $5
      """,
    parameterTypes: [.text, .bool, .timestamptz, .uuid, .int8])

  static let waiting = Statement(
    name: "catalog_review_waiting", sql: "select \(columns) from \(tables) where t.id = $1", parameterTypes: [.uuid])

  static let decisions = Statement(
    name: "catalog_review_decisions",
    sql: "select round, decision, reason_code, reason, reviewer, decided_at from music.reviews where track_id = $1 order by round",
    parameterTypes: [.uuid])

  static let reasons = Statement(
    name: "catalog_review_reasons",
    sql: "select code, array_to_json(decisions), message from music.review_reasons order by code = 'other', code")

  static let claim = Statement(
    name: "catalog_claim_review", sql: "select music.claim_review($1, $2, $3)::text", parameterTypes: [.uuid, .text, .interval])

  static let release = Statement(
    name: "catalog_release_review", sql: "select music.release_review($1, $2)::text", parameterTypes: [.uuid, .text])

  static let submit = Statement(
    name: "catalog_submit_review", sql: "select music.submit_review($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    parameterTypes: [.uuid, .text, .text, .text, .text, .text, .text, .int4Array, .text, .bytea])

  static let apply = Statement(
    name: "catalog_apply_review", sql: "select music.apply_review($1, $2, $3, $4, $5, $6)",
    parameterTypes: [.uuid, .text, .text, .text, .text, .text])

  static let resubmit = Statement(
    name: "catalog_resubmit", sql: "select music.resubmit($1, $2, $3)", parameterTypes: [.uuid, .text, .text])

  static let reopen = Statement(
    name: "catalog_reopen_review", sql: "select music.reopen_review($1, $2, $3, $4)", parameterTypes: [.uuid, .text, .text, .text])
}
