import PostgreSQL

/// What retention reads and removes.
enum RetentionStatements {
  /// The server's clock decides what is due.
  static let cutoff = Statement(
    name: "retention_cutoff", sql: "select clock_timestamp(), clock_timestamp() - $1", parameterTypes: [.interval])

  /// Ended runs in the order of their starts, with the rows that each has at least. The primary key is walked: an index on the time of the
  /// close would be paid for by every run.
  static let page = Statement(
    name: "retention_page",
    sql: """
      select run_id, last_event_id, closed_at < $3 from orchestrator.closes
      where run_id > $1 and run_id <= $2 order by run_id limit $4
      """,
    parameterTypes: [.uuid, .uuid, .timestamptz, .int8])

  /// Everything that a closed run has left, in one transaction: it is there whole, or it is gone. What waits for something (timers, tasks,
  /// parked and blocked runs) went when it closed.
  static let removal: [Statement] = [
    "history", "run_states", "search_attributes", "activity_attempts", "activity_heartbeats", "updates", "resets", "runs", "closes",
  ].map { table in
    Statement(
      name: "retention_delete_\(table)", sql: "delete from orchestrator.\(table) where run_id = any($1)", parameterTypes: [.uuidArray])
  }
}
