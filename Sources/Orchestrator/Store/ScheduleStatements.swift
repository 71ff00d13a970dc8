import PostgreSQL

/// What clients and the runner do with schedules. All times are the server's; rows are taken by whoever comes first.
enum ScheduleStatements {
  static let clock = Statement(name: "schedule_clock", sql: "select clock_timestamp()")

  static let insert = Statement(
    name: "schedule_insert",
    sql: """
      insert into orchestrator.schedules (
        namespace, schedule_id, specification, workflow_type, workflow_id, input, overlap_policy, catchup_window, pause_on_failure, paused,
        note, remaining_actions, cursor_at, next_fire_at, look_at)
      values ($1, $2, $3::jsonb, $4, $5, $6::jsonb, $7, $8, $9, $10, left($11, 4096), $12, $13, $14, $14)
      on conflict (namespace, schedule_id) do nothing
      """,
    parameterTypes: values + [.timestamptz, .timestamptz])

  /// The times begin anew; what has started and what waits stays.
  static let update = Statement(
    name: "schedule_update",
    sql: """
      update orchestrator.schedules set specification = $3::jsonb, workflow_type = $4, workflow_id = $5, input = $6::jsonb,
        overlap_policy = $7, catchup_window = $8, pause_on_failure = $9, paused = $10, note = left($11, 4096), remaining_actions = $12,
        cursor_at = $13, next_fire_at = $14, look_at = clock_timestamp(), version = version + 1, updated_at = clock_timestamp(),
        problem = null
      where namespace = $1 and schedule_id = $2 and version = coalesce($15, version)
      returning version
      """,
    parameterTypes: values + [.timestamptz, .timestamptz, .int8])

  private static let values: [PostgresType] = [
    .text, .text, .text, .text, .text, .text, .text, .interval, .bool, .bool, .text, .int8,
  ]

  static let describe = Statement(
    name: "schedule_describe",
    sql: "select \(description), s.cursor_at from orchestrator.schedules s where s.namespace = $1 and s.schedule_id = $2",
    parameterTypes: [.text, .text])

  static let list = Statement(
    name: "schedule_list",
    sql: """
      select \(description), s.cursor_at from orchestrator.schedules s
      where s.namespace = $1 and s.schedule_id > $2 order by s.schedule_id limit $3
      """,
    parameterTypes: [.text, .text, .int8])

  private static let description = """
    s.namespace, s.schedule_id, s.version, s.created_at, s.updated_at, s.specification, s.workflow_type, s.workflow_id, s.input,
    s.overlap_policy, (extract(epoch from s.catchup_window) * 1000000)::int8, s.pause_on_failure, s.paused, s.note, s.remaining_actions,
    s.next_fire_at, s.recent, jsonb_array_length(s.buffered), jsonb_array_length(s.backfills), s.actions, s.missed, s.skipped, s.dropped,
    s.problem,
    (select coalesce(jsonb_agg(r), '[]') from jsonb_array_elements(s.running) r
      where orchestrator.open_run(r ->> 'workflowId', s.namespace) is not null)
    """

  static let pause = Statement(
    name: "schedule_pause", sql: "select orchestrator.pause_schedule($1, $2, $3)", parameterTypes: [.text, .text, .text])

  static let unpause = Statement(
    name: "schedule_unpause", sql: "select orchestrator.unpause_schedule($1, $2, $3)", parameterTypes: [.text, .text, .text])

  static let trigger = Statement(
    name: "schedule_trigger", sql: "select orchestrator.trigger_schedule($1, $2, $3)", parameterTypes: [.text, .text, .text])

  static let backfill = Statement(
    name: "schedule_backfill", sql: "select orchestrator.backfill_schedule($1, $2, $3, $4, $5)",
    parameterTypes: [.text, .timestamptz, .timestamptz, .text, .text])

  static let delete = Statement(
    name: "schedule_delete", sql: "select orchestrator.delete_schedule($1, $2)", parameterTypes: [.text, .text])
}

/// What the runner reads and writes, many schedules at a time.
enum ScheduleRunnerStatements {
  /// Whoever comes second passes over rows that are being dealt with.
  static let due = Statement(
    name: "schedule_due",
    sql: """
      select \(memory) from orchestrator.schedules s
      where s.look_at <= statement_timestamp() order by s.look_at limit $1 for update skip locked
      """,
    parameterTypes: [.int8])

  /// Schedules that wait for a run which has closed. A small index is walked, and each of its runs looked up.
  static let watching = Statement(
    name: "schedule_watching",
    sql: """
      select \(memory) from orchestrator.schedules s
      where s.watched is not null and exists (select from orchestrator.closes c where c.run_id = any(s.watched))
      limit $1 for update skip locked
      """,
    parameterTypes: [.int8])

  private static let memory = """
    s.namespace, s.schedule_id, s.specification::text, s.workflow_id, s.overlap_policy,
    (extract(epoch from s.catchup_window) * 1000000)::int8, s.pause_on_failure, s.cursor_at, s.paused, s.note, s.remaining_actions,
    s.running::text, s.buffered::text, s.backfills::text, s.actions, s.missed, s.skipped, s.dropped, clock_timestamp()
    """

  /// How tracked runs stand. A workflow id that went on in a new run is open still.
  static let statuses = Statement(
    name: "schedule_statuses",
    sql: """
      select i.run_id,
        coalesce(
          orchestrator.open_run(i.workflow_id, i.namespace),
          (select m.run_id from orchestrator.inbox m
            where m.kind = 1 and m.workflow_id = i.workflow_id and m.namespace = i.namespace limit 1)),
        (select c.status from orchestrator.runs r join orchestrator.closes c on c.run_id = r.run_id
          where r.workflow_id = i.workflow_id and r.namespace = i.namespace order by r.run_id desc limit 1)
      from unnest($1::uuid[], $2::text[], $3::text[]) i(run_id, workflow_id, namespace)
      """,
    parameterTypes: [.uuidArray, .textArray, .textArray])

  /// Type and input stay in the server.
  static let start = Statement(
    name: "schedule_start",
    sql: """
      select i.run_id,
        orchestrator.start_scheduled_workflow(s.workflow_type, i.workflow_id, s.input, i.run_id, s.namespace, s.schedule_id)
      from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) i(namespace, schedule_id, workflow_id, run_id)
      cross join lateral (
        select x.namespace, x.schedule_id, x.workflow_type, x.input from orchestrator.schedules x
        where x.namespace = i.namespace and x.schedule_id = i.schedule_id limit 1) s
      """,
    parameterTypes: [.textArray, .textArray, .textArray, .uuidArray])

  static let end = Statement(
    name: "schedule_end",
    sql: """
      select orchestrator.end_scheduled_workflow(i.workflow_id, i.must_terminate, i.namespace, i.schedule_id)
      from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) i(namespace, schedule_id, workflow_id, must_terminate)
      """,
    parameterTypes: [.textArray, .textArray, .textArray, .boolArray])

  /// Everything that a look changed. The newest ten starts are kept. The rows are locked, so that they stay where they are found.
  static let remember = Statement(
    name: "schedule_remember",
    sql: """
      with u as materialized (
        select n.*, r.place
        from unnest(
          $1::text[], $2::text[], $3::timestamptz[], $4::bool[], $5::text[], $6::int8[], $7::text[], $8::text[], $9::text[], $10::text[],
          $11::int8[], $12::int8[], $13::int8[], $14::int8[], $15::timestamptz[], $16::timestamptz[], $17::bool[])
          n(namespace, schedule_id, cursor_at, paused, note, remaining_actions, running, buffered, backfills, started,
            actions, missed, skipped, dropped, next_fire_at, look_at, is_watching)
        cross join lateral (
          select x.ctid as place from orchestrator.schedules x
          where x.namespace = n.namespace and x.schedule_id = n.schedule_id limit 1) r)
      update orchestrator.schedules s set cursor_at = u.cursor_at, paused = u.paused, note = u.note,
        version = s.version + case when s.paused = u.paused then 0 else 1 end, remaining_actions = u.remaining_actions,
        running = u.running::jsonb, buffered = u.buffered::jsonb, backfills = u.backfills::jsonb,
        recent = case when u.started is null then s.recent else (
          select jsonb_agg(x.e order by x.n) from jsonb_array_elements(u.started::jsonb || s.recent) with ordinality x(e, n) where x.n <= 10)
          end,
        actions = u.actions, missed = u.missed, skipped = u.skipped, dropped = u.dropped, next_fire_at = u.next_fire_at, look_at = u.look_at,
        watched = case when u.is_watching then (
          select array_agg((r ->> 'runId')::uuid) from jsonb_array_elements(u.running::jsonb) r) end,
        problem = null
      from u where s.ctid = u.place
      """,
    parameterTypes: [
      .textArray, .textArray, .timestamptzArray, .boolArray, .textArray, .int8Array, .textArray, .textArray, .textArray, .textArray,
      .int8Array, .int8Array, .int8Array, .int8Array, .timestamptzArray, .timestamptzArray, .boolArray,
    ])

  /// The schedule is left as it is and looked at again later.
  static let postpone = Statement(
    name: "schedule_postpone",
    sql: """
      update orchestrator.schedules set problem = left($3, 4096), look_at = clock_timestamp() + $4, watched = null
      where namespace = $1 and schedule_id = $2
      """,
    parameterTypes: [.text, .text, .text, .interval])

  /// Microseconds until the next schedule is due, null without one; and whether one waits for a run that has closed.
  static let outlook = Statement(
    name: "schedule_outlook",
    sql: """
      select (extract(epoch from (
          select s.look_at from orchestrator.schedules s where s.look_at is not null order by s.look_at limit 1)
        - clock_timestamp()) * 1000000)::int8,
        exists (select from orchestrator.schedules s where s.watched is not null
          and exists (select from orchestrator.closes c where c.run_id = any(s.watched)))
      """)
}
