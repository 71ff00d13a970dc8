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

  /// Values that these runs refer to are looked at: others may refer to them too.
  static let dropReferences = Statement(
    name: "retention_drop_references",
    sql: """
      with gone as (delete from orchestrator.large_value_references where run_id = any($1) returning hash)
      update orchestrator.large_values set dropped_at = now() where hash = any(array(select hash from gone))
      """,
    parameterTypes: [.uuidArray])

  /// Removes what nobody refers to any more. A new reference that comes in between is found by the foreign key, and this fails: it is done again.
  static let removeLargeValues = Statement(
    name: "retention_remove_values",
    sql: """
      with looked as materialized (
        select v.hash, exists (select from orchestrator.large_value_references r where r.hash = v.hash) as referred
        from orchestrator.large_values v where v.dropped_at > '-infinity' order by v.dropped_at limit $1 for update skip locked),
      kept as (
        update orchestrator.large_values set dropped_at = null where hash = any(array(select hash from looked where referred))),
      removed as (
        delete from orchestrator.large_values where hash = any(array(select hash from looked where not referred)))
      select count(*) from looked
      """,
    parameterTypes: [.int8])

  /// Everything that a closed run has left, in one transaction: it is there whole, or it is gone. What waits for something (timers, tasks,
  /// parked and blocked runs) went when it closed.
  static let removal: [Statement] = [
    "history", "run_states", "search_attributes", "run_versions", "activity_attempts", "activity_heartbeats", "activity_pauses",
    "activity_options", "updates",
    "resets", "batch_runs", "batch_failures", "batches", "runs", "closes",
  ].map { table in
    Statement(
      name: "retention_delete_\(table)", sql: "delete from orchestrator.\(table) where run_id = any($1)", parameterTypes: [.uuidArray])
  }
}
