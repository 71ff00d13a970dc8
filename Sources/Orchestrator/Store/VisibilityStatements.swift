import PostgreSQL

/// What operators ask. Every list is bounded and walks an index: these run beside the engine's own work.
enum VisibilityStatements {
  static let describe = Statement(
    name: "visibility_describe",
    sql: """
      select w.run_id, w.namespace, w.workflow_id, w.workflow_type, w.status, w.started_at, w.closed_at,
        (select max(h.event_id) from orchestrator.history h where h.run_id = w.run_id), w.waits_for, w.blocked_code,
        (select a.attributes from orchestrator.search_attributes a where a.run_id = w.run_id), s.attributes -> 'input', s.attributes ->> 'identity', s.attributes ->> 'build', w.state, w.outcome,
        w.blocked_reason, w.blocked_at, b.build, b.attempts, w.parked_at,
        s.attributes -> 'memo', w.paused_at, w.paused_reason, w.paused_by, w.version, w.is_pinned
      from orchestrator.workflows w
      left join orchestrator.events s on s.run_id = w.run_id and s.event_id = 1
      left join orchestrator.blocked_runs b on b.run_id = w.run_id
      where w.run_id = $1 and w.workflow_id = $2 and w.namespace = $3
      """,
    parameterTypes: [.uuid, .text, .text])

  /// A start that is acknowledged and that no owner has taken yet.
  static let isStarting = Statement(
    name: "visibility_is_starting",
    sql: """
      select exists (select from orchestrator.inbox i where i.kind = 1 and i.workflow_id = $1 and i.namespace = $2)
      """,
    parameterTypes: [.text, .text])

  static let run = Statement(
    name: "visibility_run", sql: "select namespace, workflow_id, workflow_type from orchestrator.runs where run_id = $1",
    parameterTypes: [.uuid])

  /// `not in` over one history is a hashed subplan: one pass, however long the history is. Outcomes name the schedule event as their cause.
  static let pendingActivities = Statement(
    name: "visibility_pending",
    sql: """
      select h.run_id, r.workflow_id, q.sequence, a.attributes ->> 'activityType', coalesce(t.task_queue, a.attributes ->> 'taskQueue'),
        case when p.run_id is not null then 'Parked' when t.state = 1 then 'Started' when t.state = 3 then 'Paused'
          when t.run_id is not null then 'Scheduled' else 'Owner' end,
        coalesce(t.attempt, x.attempt + case when p.run_id is null then 1 else 0 end, 1),
        h.at, t.worker, coalesce(t.heartbeat_at, b.at), coalesce(t.heartbeat_details, b.details), t.lease_expires_at,
        case when p.run_id is null then
          nullif(greatest(case when t.run_id is null then x.next_attempt_at when t.state = 0 then t.visible_at end, now()), now()) end,
        p.parked_at, p.retry_state, coalesce(p.failure, x.failure), z.paused_at, z.reason, z.identity
      from orchestrator.history h
      join orchestrator.runs r on r.run_id = h.run_id
      cross join lateral (select convert_from(h.attributes, 'UTF8')::jsonb as attributes) a
      cross join lateral (select (a.attributes ->> 'sequence')::integer as sequence) q
      left join orchestrator.activity_tasks t on t.run_id = h.run_id and t.sequence = q.sequence
      left join orchestrator.activity_heartbeats b on b.run_id = h.run_id and b.sequence = q.sequence
      left join orchestrator.parked_activities p on p.run_id = h.run_id and p.sequence = q.sequence
      left join lateral (
        select y.attempt, y.next_attempt_at, y.failure from orchestrator.activity_attempts y
        where y.run_id = h.run_id and y.sequence = q.sequence order by y.attempt desc limit 1) x on true
      left join lateral (
        select s.paused_at, s.reason, s.identity from orchestrator.activity_pauses s
        where s.run_id = h.run_id and s.sequence = q.sequence
          or s.run_id is null and s.namespace = r.namespace and s.activity_type = a.attributes ->> 'activityType'
            and (s.task_queue is null or s.task_queue = a.attributes ->> 'taskQueue')
        order by s.pause_id limit 1) z on true
      where h.run_id = $1 and h.type = 10
        and h.event_id not in (select e.caused_by from orchestrator.history e where e.run_id = $1 and e.type in (12, 13, 14))
        and q.sequence not in (
          select (convert_from(e.attributes, 'UTF8')::jsonb ->> 'sequence')::integer from orchestrator.history e
          where e.run_id = $1 and e.type = 15)
      order by h.event_id limit $2
      """,
    parameterTypes: [.uuid, .int8])

  /// Timers that neither fired nor were cancelled, by one pass as well.
  static let pendingTimers = Statement(
    name: "visibility_timers",
    sql: """
      select q.sequence, h.at, h.at + (a.attributes ->> 'startToFireMilliseconds')::int8 * interval '1 millisecond'
      from orchestrator.history h
      cross join lateral (select convert_from(h.attributes, 'UTF8')::jsonb as attributes) a
      cross join lateral (select (a.attributes ->> 'sequence')::integer as sequence) q
      where h.run_id = $1 and h.type = 17
        and h.event_id not in (select e.caused_by from orchestrator.history e where e.run_id = $1 and e.type = 18)
        and q.sequence not in (
          select (convert_from(e.attributes, 'UTF8')::jsonb ->> 'sequence')::integer from orchestrator.history e
          where e.run_id = $1 and e.type = 19)
      order by h.event_id limit $2
      """,
    parameterTypes: [.uuid, .int8])

  /// Parked activities of all runs, with the columns of `pendingActivities`.
  static let parkedActivities = Statement(
    name: "visibility_parked",
    sql: """
      select p.run_id, r.workflow_id, p.sequence, p.activity_type, s.task_queue, 'Parked', coalesce(x.attempt, p.attempts), s.at,
        null::text, b.at, b.details, null::timestamptz, null::timestamptz, p.parked_at, p.retry_state, p.failure,
        null::timestamptz, null::text, null::text
      from orchestrator.parked_activities p
      join orchestrator.runs r on r.run_id = p.run_id and r.namespace = $1
      cross join lateral (
        select h.at, convert_from(h.attributes, 'UTF8')::jsonb ->> 'taskQueue' as task_queue from orchestrator.history h
        where h.run_id = p.run_id and h.type = 10 and (convert_from(h.attributes, 'UTF8')::jsonb ->> 'sequence')::integer = p.sequence
        limit 1) s
      left join orchestrator.activity_heartbeats b on b.run_id = p.run_id and b.sequence = p.sequence
      left join lateral (
        select max(y.attempt) as attempt from orchestrator.activity_attempts y
        where y.run_id = p.run_id and y.sequence = p.sequence) x on true
      where (p.run_id, p.sequence) > ($2, $3)
      order by p.run_id, p.sequence limit $4
      """,
    parameterTypes: [.text, .uuid, .int4, .int8])

  static let history = Statement(
    name: "visibility_history",
    sql: """
      select run_id, event_id, slot, type, at, caused_by, attributes from orchestrator.history
      where run_id = $1 and event_id > $2 order by event_id limit $3
      """,
    parameterTypes: [.uuid, .int4, .int8])

  static let lastEventUnapplied = Statement(
    name: "visibility_last_event_unapplied",
    sql: "select exists (select from orchestrator.blocked_runs where run_id = $1 and last_event_unapplied)", parameterTypes: [.uuid])

  /// The newest attempts when there are more than the limit.
  static let attempts = Statement(
    name: "visibility_attempts",
    sql: """
      select x.sequence, x.activity_type, x.attempt, x.worker, x.started_at, x.ended_at, x.failure, x.next_attempt_at
      from (
        select y.sequence, y.activity_type, y.attempt, y.worker, y.started_at, y.ended_at, y.failure, y.next_attempt_at
        from orchestrator.activity_attempts y where y.run_id = $1 order by y.ended_at desc limit $2) x
      order by x.sequence, x.attempt
      """,
    parameterTypes: [.uuid, .int8])

  static let queues = Statement(
    name: "visibility_queues",
    sql: """
      select task_queue, ready, delayed, leased, (extract(epoch from oldest_age) * 1000)::int8, pollers, polled_at
      from orchestrator.queues order by task_queue limit 1000
      """)

  static let blockedGroups = Statement(
    name: "visibility_blocked_groups",
    sql: """
      select fingerprint, workflow_type, code, runs, blocked_since, blocked_last, example_workflow_id, example_reason, build
      from orchestrator.blocked_groups where namespace = $1 order by runs desc, fingerprint limit 1000
      """,
    parameterTypes: [.text])

  static let owners = Statement(
    name: "visibility_owners",
    sql: """
      select process_id, name, build, started_at, heartbeat_at, (extract(epoch from lease) * 1000)::int8, slots
      from orchestrator.owners where heartbeat_at is not null and not fenced order by process_id limit 1000
      """)
}
