import PostgreSQL

/// What an owner reads.
enum ReadStatements {
  static let history = Statement(
    name: "read_history",
    sql: """
      select run_id, event_id, slot, type, at, caused_by, attributes from orchestrator.history
      where run_id = any($1) order by run_id, event_id
      """,
    parameterTypes: [.uuidArray])

  /// With the newest run that goes on from a part of each.
  static let closed = Statement(
    name: "read_closed",
    sql: """
      select c.run_id, x.run_id, x.event_id from orchestrator.closes c
      left join lateral (
        select k.run_id, k.event_id from orchestrator.resets k
        where k.base_run_id = c.run_id and k.event_id > 0 and not k.is_fork order by k.run_id desc limit 1) x on true
      where c.run_id = any($1)
      """,
    parameterTypes: [.uuidArray])

  static let parked = Statement(
    name: "read_parked", sql: "select run_id from orchestrator.parked_runs where run_id = any($1)", parameterTypes: [.uuidArray])

  static let blocked = Statement(
    name: "read_blocked",
    sql: "select run_id, attempts, last_event_unapplied from orchestrator.blocked_runs where run_id = any($1)",
    parameterTypes: [.uuidArray])

  static let attempts = Statement(
    name: "read_attempts",
    sql: """
      select run_id, sequence, max(attempt), (count(*) filter (where not worker_lost and not forgiven))::int4,
        (count(*) filter (where worker_lost and not forgiven))::int4,
        (array_agg(next_attempt_at order by attempt desc))[1],
        bool_or(exists (
          select from orchestrator.timers t
          where t.slot = a.slot and t.due_at = a.next_attempt_at and t.run_id = a.run_id and t.sequence = a.sequence and t.kind = 2))
      from orchestrator.activity_attempts a where run_id = any($1) group by run_id, sequence
      """,
    parameterTypes: [.uuidArray])

  static let parkedActivities = Statement(
    name: "read_parked_activities", sql: "select run_id, sequence from orchestrator.parked_activities where run_id = any($1)",
    parameterTypes: [.uuidArray])

  /// A worker's word moves from the one table to the other in one transaction, and one statement sees one of the two.
  static let queuedActivities = Statement(
    name: "read_queued_activities",
    sql: """
      select run_id, sequence from orchestrator.activity_tasks where run_id = any($1)
      union all
      select run_id, (convert_from(attributes, 'UTF8')::json ->> 'sequence')::int4 from orchestrator.inbox
      where run_id = any($1) and kind = \(InboxKind.activityOutcome.rawValue)
      """,
    parameterTypes: [.uuidArray])

  /// With changed options, which are few.
  static let heartbeats = Statement(
    name: "read_heartbeats",
    sql: """
      select run_id, sequence, details, false from orchestrator.activity_heartbeats where run_id = any($1)
      union all
      select run_id, sequence, options, true from orchestrator.activity_options where run_id = any($1)
      """,
    parameterTypes: [.uuidArray])

  static let updates = Statement(
    name: "read_updates", sql: "select run_id, update_id from orchestrator.updates where run_id = any($1)",
    parameterTypes: [.uuidArray])

  static let largeValues = Statement(
    name: "read_large_values",
    sql: """
      select r.run_id, v.hash, v.bytes from orchestrator.large_value_references r
      cross join lateral (select k.hash, k.bytes from orchestrator.large_values k where k.hash = r.hash limit 1) v
      where r.run_id = any($1)
      """,
    parameterTypes: [.uuidArray])

  /// Everything about runs, in the order in which `LoadedRuns` takes the results.
  static let run: [Statement] = [
    history, closed, parked, blocked, attempts, parkedActivities, queuedActivities, heartbeats, updates, largeValues,
  ]

  /// The sub-selects are of the statement's own snapshot, and computed once.
  static let inbox = Statement(
    name: "read_inbox",
    sql: """
      select message_id, run_id, slot, kind, attributes,
        (select pg_snapshot_xmin(pg_current_snapshot())::text::int8), (select pg_snapshot_xmax(pg_current_snapshot())::text::int8)
      from orchestrator.inbox
      where message_id > $2 and slot = any($1) order by message_id limit $3
      """,
    parameterTypes: [.int2Array, .int8, .int8])

  /// The same with whose messages they are: a run's row says so, or the start that is not taken yet.
  static let inboxWithKeys = Statement(
    name: "read_inbox_with_keys",
    sql: """
      select i.message_id, i.run_id, i.slot, i.kind, i.attributes,
        (select pg_snapshot_xmin(pg_current_snapshot())::text::int8), (select pg_snapshot_xmax(pg_current_snapshot())::text::int8),
        coalesce(i.namespace, (select r.namespace from orchestrator.runs r where r.run_id = i.run_id),
          (select s.namespace from orchestrator.inbox s where s.run_id = i.run_id and s.kind + 0 = 1 limit 1)),
        coalesce(i.workflow_id, (select r.workflow_id from orchestrator.runs r where r.run_id = i.run_id),
          (select s.workflow_id from orchestrator.inbox s where s.run_id = i.run_id and s.kind + 0 = 1 limit 1))
      from orchestrator.inbox i
      where i.message_id > $2 and i.slot = any($1) order by i.message_id limit $3
      """,
    parameterTypes: [.int2Array, .int8, .int8])

  static let timers = Statement(
    name: "read_timers",
    sql: """
      select slot, due_at, run_id, sequence, kind from orchestrator.timers
      where slot = any($1) and due_at <= $2 order by due_at limit 100000
      """,
    parameterTypes: [.int2Array, .timestamptz])

  /// The open run, and how the last one ended that was not there only to be refused.
  static let findRuns = Statement(
    name: "find_runs",
    sql: """
      select i.workflow_id, i.namespace, (
        select r.run_id from orchestrator.runs r
        where r.workflow_id = i.workflow_id and r.namespace = i.namespace
          and (select true from orchestrator.closes c where c.run_id = r.run_id) is null
        limit 1), orchestrator.last_close_status(i.workflow_id, i.namespace)
      from unnest($1::text[], $2::text[]) i(workflow_id, namespace)
      """,
    parameterTypes: [.textArray, .textArray])

  static let openRuns = Statement(
    name: "read_open_runs",
    sql: """
      select r.run_id from orchestrator.runs r
      where r.run_id >= $2 and r.slot = any($1)
        and (select true from orchestrator.closes c where c.run_id = r.run_id) is null
        and (select true from orchestrator.parked_runs p where p.run_id = r.run_id) is null
      order by r.run_id
      """,
    parameterTypes: [.int2Array, .uuid])
}
