import PostgreSQL

/// Every statement on the schema `events` but those of webhooks.
enum EventStatements {
  static let state = Statement(name: "events_state", sql: "select head, pruned from events.state")

  static let take = Statement(
    name: "events_take", sql: "select number, user_id, document from events.take($1, $2)", parameterTypes: [.int8, .int4])

  static let prune = Statement(
    name: "events_prune", sql: "select events.prune($1, $2)", parameterTypes: [.interval, .int4])

  static let pastOfUser = Statement(
    name: "events_past_of_user",
    sql: """
      select number, user_id, document from events.log where user_id = $1 and number > $2 and number <= $3 order by number limit $4
      """,
    parameterTypes: [.text, .int8, .int8, .int8])

  static let past = Statement(
    name: "events_past",
    sql: "select number, user_id, document from events.log where number > $1 and number <= $2 order by number limit $3",
    parameterTypes: [.int8, .int8, .int8])

  /// Tracks that are in processing now are few, whatever was processed before.
  static let progress = Statement(
    name: "events_progress",
    sql: """
      select t.id, t.artist_id, s.stage, s.progress
      from music.tracks t join music.stages s on s.track_id = t.id where t.status = 'PROCESSING'
      order by t.id, s.started_at, s.stage limit 10000
      """)
}
