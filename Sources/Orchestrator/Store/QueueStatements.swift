import PostgreSQL

/// Settings of task queues, and who serves them.
enum QueueStatements {
  /// A pause of half the time in which a full bucket fills wastes no token.
  static let ordered = Statement(
    name: "ordered_queues",
    sql: """
      select task_queue, min(case when rate is null then 1000 else greatest(5, least(1000, 500 * burst / rate)) end)::int8
      from orchestrator.queue_settings group by task_queue order by task_queue limit 10000
      """)

  static let set = Statement(
    name: "set_queue", sql: "select orchestrator.set_queue($1, $2, $3, $4, $5)", parameterTypes: [.text, .int4, .float8, .int4, .text])

  static let unset = Statement(name: "unset_queue", sql: "select orchestrator.unset_queue($1, $2)", parameterTypes: [.text, .text])

  /// The first task with a priority gives its queue an order.
  static let order = Statement(
    name: "order_queue",
    sql: "insert into orchestrator.queue_settings (task_queue, namespace) values ($1, $2) on conflict do nothing",
    parameterTypes: [.text, .text])

  /// Whether a row waits in one of these queues.
  static let hasTasks = Statement(
    name: "queues_have_tasks",
    sql: """
      select exists (
        select from unnest($1::text[]) q(name) cross join lateral (
          (select from orchestrator.activity_tasks t where t.task_queue = q.name and t.state = 0 limit 1)
          union all (select from orchestrator.activity_tasks t where t.task_queue = q.name and t.state = 3 limit 1)) waiting)
      """,
    parameterTypes: [.textArray])

  static let limits = Statement(
    name: "queue_limits",
    sql: """
      select task_queue, namespace, concurrency, rate, burst, running, waiting, (extract(epoch from oldest_age) * 1000)::int8
      from orchestrator.queue_limits where $1::text is null or task_queue = $1 order by task_queue, namespace limit 1000
      """,
    parameterTypes: [.text])

  /// A worker of long ago is forgotten by the next that speaks.
  static let seen = Statement(
    name: "worker_seen",
    sql: """
      with gone as (delete from orchestrator.workers where seen_at < now() - interval '1 hour')
      insert into orchestrator.workers as w (worker, task_queue, concurrency, build)
      select $1, q.name, q.concurrency, $4 from unnest($2::text[], $3::int4[]) q(name, concurrency) order by q.name
      on conflict (worker, task_queue) do update
      set seen_at = excluded.seen_at, concurrency = excluded.concurrency, build = excluded.build
      """,
    parameterTypes: [.text, .textArray, .int4Array, .text])

  static let workers = Statement(
    name: "active_workers",
    sql: """
      select worker, task_queue, concurrency, build, running, first_seen_at, seen_at, (extract(epoch from now() - seen_at) * 1000)::int8
      from orchestrator.active_workers order by worker, task_queue limit 1000
      """)
}
