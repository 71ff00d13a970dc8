import PostgreSQL

/// What the benchmark itself asks of PostgreSQL.
enum BenchmarkStatements {
  static func createDatabase(_ name: String) -> Statement {
    Statement(name: "create_\(name)", sql: "create database \(name)")
  }

  static func dropDatabase(_ name: String) -> Statement {
    Statement(name: "drop_\(name)", sql: "drop database if exists \(name) with (force)")
  }

  /// Where the log ends, and how many transactions have written so far: each that writes takes one transaction id. Unlike the server's
  /// statistics, both are exact at once.
  static let position = Statement(
    name: "bench_position",
    sql: """
      select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8, pg_snapshot_xmax(pg_current_snapshot())::text::int8
      """)

  /// Rows by kind: all of them, and those that stand for steps (scheduled, completed, marker).
  static let historyRows = Statement(
    name: "bench_history_rows",
    sql: "select count(*), count(*) filter (where type in (10, 12, 25)) from orchestrator.history")

  static let closedRuns = Statement(name: "bench_closed_runs", sql: "select count(*) from orchestrator.closes")

  static let parkedRuns = Statement(name: "bench_parked_runs", sql: "select count(*) from orchestrator.parked_runs")

  static let databaseSize = Statement(name: "bench_database_size", sql: "select pg_database_size(current_database())")

  static let checkpoint = Statement(name: "bench_checkpoint", sql: "checkpoint")

  /// In the order in which they were written.
  static let sample = Statement(
    name: "bench_sample",
    sql: """
      select run_id, event_id, slot, type, at, caused_by, attributes from orchestrator.history order by ctid limit $1
      """,
    parameterTypes: [.int8])

  static let histories = Statement(
    name: "bench_histories",
    sql: """
      select run_id, event_id, slot, type, at, caused_by, attributes from orchestrator.history order by run_id, event_id limit $1
      """,
    parameterTypes: [.int8])

  /// The bound: what a batch of history rows costs when nothing else is done.
  static let insertHistory = Statement(
    name: "bench_insert_history",
    sql: """
      insert into orchestrator.history (run_id, event_id, slot, type, at, caused_by, attributes)
      select * from unnest($1::uuid[], $2::int4[], $3::int2[], $4::int2[], $5::timestamptz[], $6::int4[], $7::bytea[])
      """,
    parameterTypes: [.uuidArray, .int4Array, .int2Array, .int2Array, .timestamptzArray, .int4Array, .byteaArray])

  static let signalMany = Statement(
    name: "bench_signal_many",
    sql: """
      select count(orchestrator.signal_workflow('parked-' || number, 'go', $3::jsonb, number::text))
      from generate_series($1::int4, $2::int4) number
      """,
    parameterTypes: [.int4, .int4, .text])
}
