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

  static let startedRuns = Statement(name: "bench_started_runs", sql: "select count(*) from orchestrator.runs")

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

  static let historyOfRuns = Statement(
    name: "bench_history_of_runs",
    sql: """
      select run_id, event_id, slot, type, at, caused_by, attributes from orchestrator.history
      where run_id = any($1) order by run_id, event_id
      """,
    parameterTypes: [.uuidArray])

  /// The bound: what a batch of history rows costs when nothing else is done.
  static let insertHistory = Statement(
    name: "bench_insert_history",
    sql: """
      insert into orchestrator.history (run_id, event_id, slot, type, at, caused_by, attributes)
      select unnest($1::uuid[]), unnest($2::int4[]), unnest($3::int2[]), unnest($4::int2[]), unnest($5::timestamptz[]), unnest($6::int4[]),
        unnest($7::bytea[])
      """,
    parameterTypes: [.uuidArray, .int4Array, .int2Array, .int2Array, .timestamptzArray, .int4Array, .byteaArray])

  static let signalMany = Statement(
    name: "bench_signal_many",
    sql: """
      select count(orchestrator.signal_workflow('parked-' || number, 'go', $3::jsonb, number::text))
      from generate_series($1::int4, $2::int4) number
      """,
    parameterTypes: [.int4, .int4, .text])

  /// One time of each has passed an hour before now or later, and is made up for.
  static let scheduleMany = Statement(
    name: "bench_schedule_many",
    sql: """
      insert into orchestrator.schedules (
        namespace, schedule_id, specification, workflow_type, workflow_id, input, overlap_policy, catchup_window, pause_on_failure, paused,
        note, cursor_at, next_fire_at, look_at)
      select 'default', 'schedule-' || number, '{"intervals": [{"interval": "3600s"}]}', 'BenchmarkOneStep', 'scheduled-' || number, $3::jsonb,
        'Skip', '1 day', false, false, '', now() - interval '1 hour', now(), now()
      from generate_series($1::int4, $2::int4) number
      """,
    parameterTypes: [.int4, .int4, .text])

  static let startOne = Statement(
    name: "bench_start_one", sql: "select orchestrator.start_workflow($1, $2, $3::jsonb)", parameterTypes: [.text, .text, .text])
}

/// What the benchmark asks while a killed process's runs are taken over.
extension BenchmarkStatements {
  /// Of the processes that own any, the fewest slots; 0 until there are two.
  static let fewestSlots = Statement(
    name: "bench_fewest_slots",
    sql: """
      select case when count(*) = 2 then min(slots) else 0 end from (
        select count(*) as slots from orchestrator.slots where process_id is not null group by process_id) owner
      """)

  static let openEvents = Statement(name: "bench_open_events", sql: "select count(*) from orchestrator.history")

  static let ownerOfProcess = Statement(
    name: "bench_owner_of_process", sql: "select process_id from orchestrator.processes where name like $1 and not fenced",
    parameterTypes: [.text])

  static let sessionsOfOwner = Statement(
    name: "bench_sessions_of_owner",
    sql: """
      select count(*) from pg_stat_activity
      where datname = current_database() and application_name = 'orchestrator-owner-' || $1::int8
      """,
    parameterTypes: [.int8])

  static let runsOfOwner = Statement(
    name: "bench_runs_of_owner",
    sql: """
      select r.run_id from orchestrator.runs r join orchestrator.slots s on s.slot = r.slot and s.process_id = $1
      """,
    parameterTypes: [.int8])

  static let progressOfRuns = Statement(
    name: "bench_progress_of_runs",
    sql: """
      select i.run_id, h.event_id from unnest($1::uuid[]) i(run_id)
      cross join lateral (
        select event_id from orchestrator.history h where h.run_id = i.run_id order by event_id desc limit 1) h
      """,
    parameterTypes: [.uuidArray])

  /// Only while no process owns anything.
  static let forgetRuns = Statement(
    name: "bench_forget_runs",
    sql: """
      truncate orchestrator.runs, orchestrator.history, orchestrator.closes, orchestrator.run_states, orchestrator.timers,
        orchestrator.parked_runs, orchestrator.inbox, orchestrator.activity_attempts, orchestrator.activity_heartbeats
      """)
}

extension BenchmarkStatements {
  static let emitEvent = Statement(
    name: "bench_emit_event", sql: "select events.emit($1, 'bench.change', '{}')", parameterTypes: [.text])
}

/// What the benchmark asks while a load goes on for minutes.
extension BenchmarkStatements {
  /// Dead rows, bytes of tables with their TOAST, bytes of indexes: of everything that the engine has.
  static let bloat = Statement(
    name: "bench_bloat",
    sql: """
      select coalesce(sum(n_dead_tup), 0)::int8, coalesce(sum(pg_table_size(relid)), 0)::int8,
        coalesce(sum(pg_indexes_size(relid)), 0)::int8
      from pg_stat_user_tables where schemaname = 'orchestrator'
      """)

  /// Takes a snapshot that vacuum must respect for as long as its transaction is open.
  static let holdSnapshot = Statement(
    name: "bench_hold_snapshot", sql: "select count(*) from orchestrator.event_types")

  /// Where the newest upload that was accepted is, and its digest.
  static let newestUpload = Statement(
    name: "bench_newest_upload", sql: "select source_key, sha256 from music.tracks order by created_at desc limit 1")
}
