import PostgreSQL

/// What a batch writes, in this order, in one transaction: the fence first, then rows; closing last, when everything it must see is there.
///
/// Plans are made once and kept, often while a table is empty; a join with `unnest` then reads the whole index for ever. So keys are looked
/// up in lateral queries with a limit, which the planner cannot turn round, and rows are reached by ctid.
enum CommitStatements {
  /// The rows of one activity each, by run and sequence.
  private static func rows(of table: String) -> String {
    """
    select k.row from unnest($1::uuid[], $2::int4[]) i(run_id, sequence)
    cross join lateral (
      select t.ctid as row from orchestrator.\(table) t where t.run_id = i.run_id and t.sequence = i.sequence limit 1) k
    """
  }

  /// The connection that commits from now on. Waits for batches on their way, whose locks of the row end with them; what arrives on earlier
  /// connections later is refused.
  static let beginSession = Statement(
    name: "begin_session", sql: "update orchestrator.processes set session = session + 1 where process_id = $1 returning session",
    parameterTypes: [.int8])

  /// Without a row that is not fenced the transaction ends here. FOR SHARE makes who fences us off wait for commits on their way. A batch of
  /// an earlier session must not land: whoever sent it has gone on without it. Nor must one that speculates on a batch which did not land:
  /// the number of the last one is a setting of the connection, which a rollback undoes with everything else.
  static let fence = Statement(
    name: "fence",
    sql: """
      select case when count(*) = 0 then orchestrator.refuse('OR001', 'this process was fenced off')
        when bool_and(session <> $2) then orchestrator.refuse('OR007', 'the connection of this batch was given up')
        when $4 is not null and current_setting('orchestrator.batch', true) is distinct from $4::text
          then orchestrator.refuse('OR007', 'the batch before this one did not land')
        when set_config('orchestrator.batch', $3::text, false) is null
          then orchestrator.refuse('OR007', 'the number of this batch cannot be kept') end
      from (select session from orchestrator.processes where process_id = $1 and not fenced for share) process
      """,
    parameterTypes: [.int8, .int8, .int8, .int8])

  /// Looks the keys up one by one whatever the tables held when the plan was made: a lateral query with a limit is not turned into a join, a
  /// scalar query not into a hash of the whole table. (An EXISTS was, and a start cost more the more runs there were.)
  static let checkStarts = Statement(
    name: "check_starts",
    sql: """
      select orchestrator.refuse('OR002', 'workflow ids with an open run', string_agg(conflict.run_id::text, ','))
      from (
        select i.run_id from unnest($1::uuid[], $2::text[], $3::text[]) i(run_id, namespace, workflow_id)
        cross join lateral (
          select from orchestrator.runs r
          where r.workflow_id = i.workflow_id and r.namespace = i.namespace
            and (select true from orchestrator.closes c where c.run_id = r.run_id) is null
          limit 1) open_run
        union all
        select i.run_id from unnest($1::uuid[]) i(run_id)
        cross join lateral (select from orchestrator.runs r where r.run_id = i.run_id limit 1) same_run) conflict
      having count(*) > 0
      """,
    parameterTypes: [.uuidArray, .textArray, .textArray])

  /// Where every run comes by, arrays are unnested in the list of columns, not in FROM, where a function's rows are first put into a store
  /// of their own: 8 % less for a row.
  static let insertRuns = Statement(
    name: "insert_runs",
    sql: """
      insert into orchestrator.runs (run_id, slot, namespace, workflow_id, workflow_type, started_at)
      select unnest($1::uuid[]), unnest($2::int2[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::timestamptz[])
      """,
    parameterTypes: [.uuidArray, .int2Array, .textArray, .textArray, .textArray, .timestamptzArray])

  static let insertLargeValues = Statement(
    name: "insert_large_values",
    sql: """
      insert into orchestrator.large_values (hash, bytes) select * from unnest($1::bytea[], $2::bytea[]) on conflict (hash) do nothing
      """,
    parameterTypes: [.byteaArray, .byteaArray])

  static let insertLargeValueReferences = Statement(
    name: "insert_large_value_references",
    sql: """
      insert into orchestrator.large_value_references (run_id, hash) select * from unnest($1::uuid[], $2::bytea[])
      on conflict (run_id, hash) do nothing
      """,
    parameterTypes: [.uuidArray, .byteaArray])

  static let insertHistory = Statement(
    name: "insert_history",
    sql: """
      insert into orchestrator.history (run_id, event_id, slot, type, at, caused_by, attributes)
      select unnest($1::uuid[]), unnest($2::int4[]), unnest($3::int2[]), unnest($4::int2[]), unnest($5::timestamptz[]), unnest($6::int4[]),
        unnest($7::bytea[])
      """,
    parameterTypes: [.uuidArray, .int4Array, .int2Array, .int2Array, .timestamptzArray, .int4Array, .byteaArray])

  static let upsertStates = Statement(
    name: "upsert_states",
    sql: """
      insert into orchestrator.run_states as s (run_id, event_id, state)
      select * from unnest($1::uuid[], $2::int4[], $3::bytea[])
      on conflict (run_id) do update set event_id = excluded.event_id, state = excluded.state
      """,
    parameterTypes: [.uuidArray, .int4Array, .byteaArray])

  static let upsertSearchAttributes = Statement(
    name: "upsert_search_attributes",
    sql: """
      insert into orchestrator.search_attributes (run_id, slot, attributes)
      select run_id, slot, attributes::jsonb from unnest($1::uuid[], $2::int2[], $3::text[]) i(run_id, slot, attributes)
      on conflict (run_id) do update set attributes = excluded.attributes
      """,
    parameterTypes: [.uuidArray, .int2Array, .textArray])

  static let insertParked = Statement(
    name: "insert_parked",
    sql: """
      insert into orchestrator.parked_runs (run_id, slot, parked_at, waits_for)
      select run_id, slot, now(), waits_for from unnest($1::uuid[], $2::int2[], $3::text[]) i(run_id, slot, waits_for)
      on conflict (run_id) do nothing
      """,
    parameterTypes: [.uuidArray, .int2Array, .textArray])

  static let deleteParked = Statement(
    name: "delete_parked", sql: "delete from orchestrator.parked_runs where run_id = any($1)", parameterTypes: [.uuidArray])

  static let insertTimers = Statement(
    name: "insert_timers",
    sql: """
      insert into orchestrator.timers (slot, due_at, run_id, sequence, kind)
      select * from unnest($1::int2[], $2::timestamptz[], $3::uuid[], $4::int4[], $5::int2[])
      on conflict do nothing
      """,
    parameterTypes: [.int2Array, .timestamptzArray, .uuidArray, .int4Array, .int2Array])

  static let deleteTimers = Statement(
    name: "delete_timers",
    sql: """
      delete from orchestrator.timers where ctid = any(array(
        select k.row from unnest($1::int2[], $2::timestamptz[], $3::uuid[], $4::int4[]) i(slot, due_at, run_id, sequence)
        cross join lateral (
          select t.ctid as row from orchestrator.timers t
          where t.slot = i.slot and t.due_at = i.due_at and t.run_id = i.run_id and t.sequence = i.sequence limit 1) k))
      """,
    parameterTypes: [.int2Array, .timestamptzArray, .uuidArray, .int4Array])

  static let deleteMessages = Statement(
    name: "delete_messages", sql: "delete from orchestrator.inbox where message_id = any($1)", parameterTypes: [.int8Array])

  static let insertMessages = Statement(
    name: "insert_messages",
    sql: """
      insert into orchestrator.inbox (slot, run_id, kind, attributes, workflow_id, namespace)
      select * from unnest($1::int2[], $2::uuid[], $3::int2[], $4::bytea[], $5::text[], $6::text[])
      """,
    parameterTypes: [.int2Array, .uuidArray, .int2Array, .byteaArray, .textArray, .textArray])

  static let insertTasks = Statement(
    name: "insert_tasks",
    sql: """
      insert into orchestrator.activity_tasks
        (run_id, sequence, slot, namespace, workflow_id, task_queue, activity_type, input, options, scheduled_at, attempt, start_within,
        close_by, due_at, state)
      select run_id, sequence, slot, namespace, workflow_id, task_queue, activity_type, input, options, scheduled_at, attempt,
        start_within, scheduled_at + close_within, least(now() + start_within, scheduled_at + close_within),
        \(ActivityPauseStatements.stateOfWaiting())
      from unnest(
        $1::uuid[], $2::int4[], $3::int2[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bytea[],
        $10::timestamptz[], $11::int4[], $12::interval[], $13::interval[])
        i(run_id, sequence, slot, namespace, workflow_id, task_queue, activity_type, input, options, scheduled_at, attempt, start_within,
        close_within)
      on conflict (run_id, sequence) do nothing
      """,
    parameterTypes: [
      .uuidArray, .int4Array, .int2Array, .textArray, .textArray, .textArray, .textArray, .byteaArray, .byteaArray, .timestamptzArray,
      .int4Array, .intervalArray, .intervalArray,
    ])

  static let cancelTasks = Statement(
    name: "cancel_tasks",
    sql: """
      update orchestrator.activity_tasks
      set cancel_requested = true, visible_at = least(visible_at, now()), state = case when state in (2, 3) then 0 else state end
      where ctid = any(array(\(rows(of: "activity_tasks"))))
      """,
    parameterTypes: [.uuidArray, .int4Array])

  /// Behind `cancelTasks`, which has their rows locked: those that no worker holds end here.
  static let withdrawTasks = Statement(
    name: "withdraw_tasks",
    sql: """
      with gone as (
        delete from orchestrator.activity_tasks t
        using (
          select i.attributes, k.row from unnest($1::uuid[], $2::int4[], $3::bytea[]) i(run_id, sequence, attributes)
          cross join lateral (
            select x.ctid as row from orchestrator.activity_tasks x where x.run_id = i.run_id and x.sequence = i.sequence limit 1) k) w
        where t.ctid = w.row and t.state = 0
        returning t.slot, t.run_id, w.attributes)
      insert into orchestrator.inbox (slot, run_id, kind, attributes) select slot, run_id, 5, attributes from gone
      """,
    parameterTypes: [.uuidArray, .int4Array, .byteaArray])

  static let expediteTasks = Statement(
    name: "expedite_tasks",
    sql: """
      update orchestrator.activity_tasks set visible_at = now()
      where ctid = any(array(\(rows(of: "activity_tasks")))) and visible_at > now()
      """,
    parameterTypes: [.uuidArray, .int4Array])

  /// An attempt that a worker has goes on as it began; its deadline is the new one.
  static let changeTasks = Statement(
    name: "change_tasks",
    sql: """
      update orchestrator.activity_tasks t
      set task_queue = c.task_queue, options = c.options, start_within = c.start_within, close_by = t.scheduled_at + c.close_within,
        due_at = least(case when t.state <> 1 then now() + c.start_within end, t.scheduled_at + c.close_within),
        state = case t.state when 2 then 0 else t.state end
      from (
        select i.*, k.row from unnest($1::uuid[], $2::int4[], $3::text[], $4::bytea[], $5::interval[], $6::interval[])
          i(run_id, sequence, task_queue, options, start_within, close_within)
        cross join lateral (
          select x.ctid as row from orchestrator.activity_tasks x where x.run_id = i.run_id and x.sequence = i.sequence limit 1) k) c
      where t.ctid = c.row
      """,
    parameterTypes: [.uuidArray, .int4Array, .textArray, .byteaArray, .intervalArray, .intervalArray])

  static let clearTasks = Statement(
    name: "clear_tasks",
    sql: "update orchestrator.activity_tasks set heartbeat_details = null where ctid = any(array(\(rows(of: "activity_tasks"))))",
    parameterTypes: [.uuidArray, .int4Array])

  static let upsertActivityOptions = Statement(
    name: "upsert_activity_options",
    sql: """
      insert into orchestrator.activity_options (run_id, sequence, slot, options)
      select run_id, sequence, slot, options from unnest($1::uuid[], $2::int4[], $3::int2[], $4::bytea[]) i(run_id, sequence, slot, options)
      order by run_id, sequence
      on conflict (run_id, sequence) do update set options = excluded.options, changed_at = excluded.changed_at
      """,
    parameterTypes: [.uuidArray, .int4Array, .int2Array, .byteaArray])

  static let deleteActivityOptions = Statement(
    name: "delete_activity_options",
    sql: "delete from orchestrator.activity_options where ctid = any(array(\(rows(of: "activity_options"))))",
    parameterTypes: [.uuidArray, .int4Array])

  static let deleteTasks = Statement(
    name: "delete_tasks", sql: "delete from orchestrator.activity_tasks where run_id = any($1)", parameterTypes: [.uuidArray])

  static let insertAttempts = Statement(
    name: "insert_attempts",
    sql: """
      insert into orchestrator.activity_attempts
        (run_id, sequence, slot, activity_type, attempt, worker, started_at, ended_at, failure, worker_lost, next_attempt_at)
      select * from unnest(
        $1::uuid[], $2::int4[], $3::int2[], $4::text[], $5::int4[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::bytea[],
        $10::bool[], $11::timestamptz[])
      on conflict (run_id, sequence, attempt) do nothing
      """,
    parameterTypes: [
      .uuidArray, .int4Array, .int2Array, .textArray, .int4Array, .textArray, .timestamptzArray, .timestamptzArray, .byteaArray,
      .boolArray, .timestamptzArray,
    ])

  static let forgiveAttempts = Statement(
    name: "forgive_attempts",
    sql: """
      update orchestrator.activity_attempts set forgiven = true
      where ctid = any(array(
        select k.row from unnest($1::uuid[], $2::int4[]) i(run_id, sequence)
        cross join lateral (
          select t.ctid as row from orchestrator.activity_attempts t
          where t.run_id = i.run_id and t.sequence = i.sequence and not t.forgiven limit 10000) k))
      """,
    parameterTypes: [.uuidArray, .int4Array])

  /// Its completion keeps the name that came with its acceptance.
  static let upsertUpdates = Statement(
    name: "upsert_updates",
    sql: """
      insert into orchestrator.updates as u (run_id, update_id, slot, name, status, at, outcome)
      select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::text[], $5::int2[], $6::timestamptz[], $7::bytea[])
      on conflict (run_id, update_id) do update
      set name = coalesce(nullif(excluded.name, ''), u.name), status = excluded.status, at = excluded.at, outcome = excluded.outcome
      """,
    parameterTypes: [.uuidArray, .textArray, .int2Array, .textArray, .int2Array, .timestamptzArray, .byteaArray])

  static let upsertHeartbeats = Statement(
    name: "upsert_heartbeats",
    sql: """
      insert into orchestrator.activity_heartbeats (run_id, sequence, at, details)
      select * from unnest($1::uuid[], $2::int4[], $3::timestamptz[], $4::bytea[])
      on conflict (run_id, sequence) do update set at = excluded.at, details = excluded.details
      """,
    parameterTypes: [.uuidArray, .int4Array, .timestamptzArray, .byteaArray])

  static let deleteHeartbeats = Statement(
    name: "delete_heartbeats",
    sql: """
      delete from orchestrator.activity_heartbeats where ctid = any(array(\(rows(of: "activity_heartbeats"))))
      """,
    parameterTypes: [.uuidArray, .int4Array])

  static let insertParkedActivities = Statement(
    name: "insert_parked_activities",
    sql: """
      insert into orchestrator.parked_activities
        (run_id, sequence, slot, activity_type, parked_at, attempts, retry_state, failure)
      select * from unnest(
        $1::uuid[], $2::int4[], $3::int2[], $4::text[], $5::timestamptz[], $6::int4[], $7::text[], $8::bytea[])
      on conflict (run_id, sequence) do nothing
      """,
    parameterTypes: [.uuidArray, .int4Array, .int2Array, .textArray, .timestamptzArray, .int4Array, .textArray, .byteaArray])

  static let deleteParkedActivities = Statement(
    name: "delete_parked_activities",
    sql: """
      delete from orchestrator.parked_activities where ctid = any(array(\(rows(of: "parked_activities"))))
      """,
    parameterTypes: [.uuidArray, .int4Array])

  static let upsertBlocked = Statement(
    name: "upsert_blocked",
    sql: """
      insert into orchestrator.blocked_runs as b
        (run_id, slot, blocked_at, code, reason, build, attempts, last_event_unapplied)
      select * from unnest(
        $1::uuid[], $2::int2[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::bool[])
      on conflict (run_id) do update
      set code = excluded.code, reason = excluded.reason, build = excluded.build, attempts = excluded.attempts
      """,
    parameterTypes: [
      .uuidArray, .int2Array, .timestamptzArray, .textArray, .textArray, .textArray, .int4Array, .boolArray,
    ])

  static let insertPauses = Statement(
    name: "insert_pauses",
    sql: """
      insert into orchestrator.paused_runs (run_id, slot, paused_at, reason, identity)
      select * from unnest($1::uuid[], $2::int2[], $3::timestamptz[], $4::text[], $5::text[])
      """,
    parameterTypes: [.uuidArray, .int2Array, .timestamptzArray, .textArray, .textArray])

  static let deletePauses = Statement(
    name: "delete_pauses", sql: "delete from orchestrator.paused_runs where run_id = any($1)", parameterTypes: [.uuidArray])

  static let deleteBlocked = Statement(
    name: "delete_blocked", sql: "delete from orchestrator.blocked_runs where run_id = any($1)", parameterTypes: [.uuidArray])

  static let setLowWater = Statement(
    name: "set_low_water", sql: "update orchestrator.process_heartbeats set low_water = $2 where process_id = $1",
    parameterTypes: [.int8, .uuid])

  /// The process's mark speaks for these slots from now on.
  static let confirmSlots = Statement(
    name: "confirm_slots",
    sql: """
      update orchestrator.slots set low_water = 'ffffffff-ffff-ffff-ffff-ffffffffffff' where process_id = $1 and slot = any($2)
      """,
    parameterTypes: [.int8, .int2Array])

  /// Locks the closing runs against senders. A row that a sender holds is skipped and so refuses the close: nobody's open transaction may
  /// hold up the batch.
  static let lockClosing = Statement(
    name: "lock_closing",
    sql: """
      with locked as materialized (
        select run_id from orchestrator.runs where run_id = any($1) for update skip locked)
      select case when (select count(*) from locked) < cardinality($1)
        then orchestrator.refuse('OR006', 'a sender holds a closing run',
          (select string_agg(run_id::text, ',') from unnest($1) i(run_id) where run_id not in (select run_id from locked))) end
      """,
    parameterTypes: [.uuidArray])

  /// Behind that lock a new snapshot sees every message that was accepted.
  static let checkClosing = Statement(
    name: "check_closing",
    sql: """
      select case when exists (select from orchestrator.inbox where run_id = any($1)
          and kind not in (\(InboxKind.activityOutcome.rawValue), \(InboxKind.childOutcome.rawValue),
            \(InboxKind.externalAnswer.rawValue), \(InboxKind.reset.rawValue)))
        then orchestrator.refuse('OR006', 'a closing run has unseen messages',
          (select string_agg(distinct run_id::text, ',') from orchestrator.inbox where run_id = any($1))) end
      """,
    parameterTypes: [.uuidArray])

  static let insertCloses = Statement(
    name: "insert_closes",
    sql: """
      insert into orchestrator.closes (run_id, slot, status, closed_at, last_event_id, outcome)
      select unnest($1::uuid[]), unnest($2::int2[]), unnest($3::int2[]), unnest($4::timestamptz[]), unnest($5::int4[]), unnest($6::bytea[])
      """,
    parameterTypes: [.uuidArray, .int2Array, .int2Array, .timestamptzArray, .int4Array, .byteaArray])
}
