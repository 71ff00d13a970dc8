import PostgreSQL

/// How the whole system stands, as its tables tell; each reads small tables or the front of an index.
enum StandingStatements {
  static let system = Statement(
    name: "metrics_system",
    sql: """
      select (select count(*) from orchestrator.slots where process_id is null),
        (select count(*) from orchestrator.owners where not fenced),
        (select coalesce(extract(epoch from max(now() - heartbeat_at)), 0)::float8 from orchestrator.owners where not fenced and slots > 0),
        (select count(*) from orchestrator.inbox),
        (select coalesce(extract(epoch from now() - min(at)), 0)::float8 from orchestrator.inbox),
        (select count(*) from orchestrator.blocked_runs),
        (select count(*) from orchestrator.paused_runs),
        (select count(*) from orchestrator.parked_activities)
      """)

  static let queues = Statement(
    name: "metrics_queues",
    sql: """
      select task_queue, ready, delayed, leased, coalesce(extract(epoch from oldest_age), 0)::float8 from orchestrator.queues
      order by task_queue limit 1000
      """)
}
