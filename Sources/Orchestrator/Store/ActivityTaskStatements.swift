import PostgreSQL

/// Leases of activity tasks: every write names the lease token, so a worker that lost its lease changes nothing.
enum ActivityTaskStatements {
  /// Locks the tasks of `i` whose lease is still held: looked up one by one, whatever the table held when the plan was made.
  private static let held = """
    held as materialized (
      select i.*, k.row from i cross join lateral (
        select t.ctid as row from orchestrator.activity_tasks t
        where t.run_id = i.run_id and t.sequence = i.sequence and t.lease_token = i.lease_token for update) k)
    """

  /// Run with `OwnershipStatements.relaxed`: a crash of the server may take leases back, and the token, which is the caller's, tells that of
  /// another lease from theirs.
  ///
  /// The LIMIT stands in a materialized query: without it the planner may run it again for every row.
  ///
  /// A queue with settings is leased by `leaseOrdered` only, from the moment on that they are there.
  private static func leasing(_ condition: String) -> String {
    """
    with ready as materialized (
      select ctid as row from orchestrator.activity_tasks
      where task_queue = $1 and state = 0 and visible_at <= now()\(condition)
        and not (select exists (select from orchestrator.queue_settings s where s.task_queue = $1))
      order by visible_at limit $2 for update skip locked)
    update orchestrator.activity_tasks t
    set state = 1, lease_token = $5, worker = $3, started_at = now(), heartbeat_at = now(),
      lease_expires_at = now() + $4, due_at = close_by
    from ready where t.ctid = ready.row
    returning t.run_id, t.sequence, t.namespace, t.workflow_id, t.task_queue, t.activity_type, t.input, t.options, t.scheduled_at,
      t.attempt, t.lease_token, t.heartbeat_details, t.cancel_requested
    """
  }

  static let lease = Statement(name: "lease_tasks", sql: leasing(""), parameterTypes: [.text, .int8, .text, .interval, .int8])

  static let leaseKnown = Statement(
    name: "lease_known_tasks", sql: leasing(" and activity_type = any($6)"),
    parameterTypes: [.text, .int8, .text, .interval, .int8, .textArray])

  /// Details that an attempt left in its owner's process, before its queue had settings, are handed on.
  static let leaseOrdered = Statement(
    name: "lease_ordered_tasks",
    sql: """
      select t.run_id, t.sequence, t.namespace, t.workflow_id, t.task_queue, t.activity_type, t.input, t.options, t.scheduled_at, t.attempt,
        t.lease_token, coalesce(t.heartbeat_details, (
          select h.details from orchestrator.activity_heartbeats h where h.run_id = t.run_id and h.sequence = t.sequence)),
        t.cancel_requested
      from orchestrator.lease_ordered_tasks($1, $2::int4, $3, $4, $5, $6) t
      """,
    parameterTypes: [.text, .int8, .text, .interval, .int8, .textArray])

  /// The transaction that leases.
  static func leasing(_ wanted: WantedTasks) -> [BoundStatement] {
    var parameters = Parameters(wanted.taskQueue, Int64(wanted.maximum), wanted.worker)
    parameters.appendInterval(microseconds: wanted.lease.microseconds)
    // Drawn here: a lease that a crash of the server took back must not come again with the same token.
    parameters.append(Int64.random(in: 1...Int64.max))
    var statement = wanted.isOrdered ? leaseOrdered : lease
    if let types = wanted.activityTypes {
      let column = ArrayColumn(.text)
      for type in types { column.append(type) }
      parameters.append(column)
      if !wanted.isOrdered { statement = leaseKnown }
    } else if wanted.isOrdered {
      parameters.appendNull()
    }
    return [(OwnershipStatements.relaxed, Parameters()), (statement, parameters)]
  }

  /// A task missing from the answer belongs to someone else by now.
  static let heartbeat = Statement(
    name: "heartbeat_tasks",
    sql: """
      with i as materialized (
        select * from unnest($1::uuid[], $2::int4[], $3::int8[], $4::bytea[]) i(run_id, sequence, lease_token, details)),
      \(held)
      update orchestrator.activity_tasks t
      set lease_expires_at = now() + $5, heartbeat_at = now(), heartbeat_details = coalesce(held.details, t.heartbeat_details)
      from held where t.ctid = held.row
      returning t.run_id, t.sequence, t.cancel_requested
      """,
    parameterTypes: [.uuidArray, .int4Array, .int8Array, .byteaArray, .interval])

  /// Results go to the owner's inbox in the statement that ends the lease: recorded once, or refused.
  static let complete = Statement(
    name: "complete_tasks",
    sql: """
      with i as materialized (
        select * from unnest($1::uuid[], $2::int4[], $3::int8[], $4::bytea[]) i(run_id, sequence, lease_token, attributes)),
      \(held),
      done as (
        delete from orchestrator.activity_tasks t using held where t.ctid = held.row
        returning t.run_id, t.sequence, t.slot, held.attributes),
      sent as (
        insert into orchestrator.inbox (slot, run_id, kind, attributes) select slot, run_id, 5, attributes from done)
      select run_id, sequence from done
      """,
    parameterTypes: [.uuidArray, .int4Array, .int8Array, .byteaArray])

  static let leasedWorkflow = Statement(
    name: "leased_workflow",
    sql: """
      select namespace, workflow_id from orchestrator.activity_tasks
      where run_id = $1 and sequence = $2 and lease_token = $3
      """,
    parameterTypes: [.uuid, .int4, .int8])

  /// Whose tasks these are.
  static let workflows = Statement(
    name: "workflows_of_tasks",
    sql: """
      select i.run_id, i.sequence, k.namespace, k.workflow_id from unnest($1::uuid[], $2::int4[]) i(run_id, sequence)
      cross join lateral (
        select t.namespace, t.workflow_id from orchestrator.activity_tasks t
        where t.run_id = i.run_id and t.sequence = i.sequence limit 1) k
      """,
    parameterTypes: [.uuidArray, .int4Array])

  /// Nobody begins it for a while.
  static let postpone = Statement(
    name: "postpone_task",
    sql: """
      update orchestrator.activity_tasks
      set state = 0, lease_token = 0, lease_expires_at = null, visible_at = now() + interval '10 seconds'
      where run_id = $1 and sequence = $2 and lease_token = $3
      """,
    parameterTypes: [.uuid, .int4, .int8])

  /// Locks a leased task and counts its failures so far.
  static let lock = Statement(
    name: "lock_task",
    sql: """
      select t.attempt, t.scheduled_at, clock_timestamp(),
        (select count(*) from orchestrator.activity_attempts a
         where a.run_id = t.run_id and a.sequence = t.sequence and not a.forgiven and not a.worker_lost)::int4,
        (select count(*) from orchestrator.activity_attempts a
         where a.run_id = t.run_id and a.sequence = t.sequence and not a.forgiven and a.worker_lost)::int4, t.heartbeat_details,
        t.options, t.task_queue, t.cancel_requested
      from orchestrator.activity_tasks t where t.run_id = $1 and t.sequence = $2 and t.lease_token = $3 for update
      """,
    parameterTypes: [.uuid, .int4, .int8])

  static let retry = Statement(
    name: "retry_task",
    sql: """
      update orchestrator.activity_tasks
      set state = \(ActivityPauseStatements.stateOfWaiting()), visible_at = now() + $3, attempt = $4 + 1, lease_token = 0, lease_expires_at = null,
        due_at = least(now() + $3 + start_within, close_by), heartbeat_details = coalesce($5, heartbeat_details)
      where run_id = $1 and sequence = $2
      """,
    parameterTypes: [.uuid, .int4, .interval, .int4, .bytea])

  static let remove = Statement(
    name: "remove_task",
    sql: """
      with gone as (delete from orchestrator.activity_tasks where run_id = $1 and sequence = $2 returning slot, run_id)
      insert into orchestrator.inbox (slot, run_id, kind, attributes) select slot, run_id, 5, $3 from gone
      """,
    parameterTypes: [.uuid, .int4, .bytea])

  static let logAttempt = Statement(
    name: "log_attempt",
    sql: """
      insert into orchestrator.activity_attempts
        (run_id, sequence, slot, activity_type, attempt, worker, started_at, ended_at, failure, worker_lost, next_attempt_at)
      select t.run_id, t.sequence, t.slot, t.activity_type, t.attempt, coalesce(t.worker, ''), coalesce(t.started_at, now()),
        clock_timestamp(), $3, $4, case when $5::interval is not null then now() + $5 end
      from orchestrator.activity_tasks t where t.run_id = $1 and t.sequence = $2
      on conflict (run_id, sequence, attempt) do nothing
      """,
    parameterTypes: [.uuid, .int4, .bytea, .bool, .interval])

  /// The workflow no longer waits: nothing is recorded.
  static let discard = Statement(
    name: "discard_task", sql: "delete from orchestrator.activity_tasks where run_id = $1 and sequence = $2 and lease_token = $3",
    parameterTypes: [.uuid, .int4, .int8])

  /// A worker that stops gives back what it did not finish: the same attempt begins elsewhere.
  static let giveBack = Statement(
    name: "give_back_tasks",
    sql: """
      with i as materialized (select * from unnest($1::uuid[], $2::int4[], $3::int8[]) i(run_id, sequence, lease_token)),
      \(held)
      update orchestrator.activity_tasks t
      set state = \(ActivityPauseStatements.stateOfWaiting("t.")), lease_token = 0, lease_expires_at = null, visible_at = now()
      from held where t.ctid = held.row
      """,
    parameterTypes: [.uuidArray, .int4Array, .int8Array])

  static let expired = Statement(
    name: "expired_leases",
    sql: """
      select run_id, sequence, lease_token from orchestrator.activity_tasks
      where state = 1 and lease_expires_at < now() order by lease_expires_at limit 100 for update skip locked
      """)

  static let overdue = Statement(
    name: "overdue_tasks",
    sql: """
      select run_id, sequence, lease_token, close_by is not null and close_by <= now()
      from orchestrator.activity_tasks where due_at <= now() and (state <> 3 or close_by <= now()) order by due_at limit 100 for update skip locked
      """)

  static let order = Statement(name: "order_queues", sql: "select orchestrator.order_queues()")

  static let notify = Statement(name: "notify", sql: "select pg_notify($1, '')", parameterTypes: [.text])
}
