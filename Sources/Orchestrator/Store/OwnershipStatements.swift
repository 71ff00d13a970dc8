import PostgreSQL

/// Registration, heartbeats and takeover.
enum OwnershipStatements {
  static let register = Statement(
    name: "register_process",
    sql: """
      with process as (insert into orchestrator.processes (name, build) values ($1, $2) returning process_id),
      heartbeat as (
        insert into orchestrator.process_heartbeats (process_id, at, lease, low_water)
        select process_id, now(), $3, '00000000-0000-0000-0000-000000000000' from process)
      select process_id, pg_try_advisory_lock(1330793299, process_id::int4), clock_timestamp() from process
      """,
    parameterTypes: [.text, .text, .interval])

  /// Its own session is this process's lock: others see that it ended within half a second.
  static let lockSession = Statement(
    name: "lock_session", sql: "select pg_try_advisory_lock(1330793299, $1::int4)", parameterTypes: [.int8])

  static let heartbeat = Statement(
    name: "heartbeat",
    sql: """
      with beat as (update orchestrator.process_heartbeats set at = clock_timestamp() where process_id = $1 returning process_id)
      select clock_timestamp(), (select fenced from orchestrator.processes where process_id = $1), (select count(*) from beat)
      """,
    parameterTypes: [.int8])

  /// Heartbeats may be lost in a crash: then the process is gone too.
  static let relaxed = Statement(name: "relaxed", sql: "select set_config('synchronous_commit', 'off', true)")

  /// Every process that is not fenced: silent longer than its lease, or silent for two heartbeats and its session's lock is free, is dead.
  /// While the server was down nobody could speak: silence counts from its start, and a second is given to come back.
  static let members = Statement(
    name: "members",
    sql: """
      select p.process_id,
        greatest(h.at, pg_postmaster_start_time()) + h.lease > clock_timestamp()
        and (greatest(h.at + interval '0.5 seconds', pg_postmaster_start_time() + interval '1 second') > clock_timestamp() or exists (
          select from pg_locks l
          where l.locktype = 'advisory' and l.database = (select d.oid from pg_database d where d.datname = current_database())
            and l.classid = 1330793299 and l.objid::int8 = p.process_id))
      from orchestrator.processes p join orchestrator.process_heartbeats h using (process_id)
      where not p.fenced order by p.process_id
      """)

  static let slots = Statement(
    name: "slots", sql: "select slot, process_id from orchestrator.slots order by slot")

  /// One process at a time changes who owns what.
  static let lockAssignment = Statement(name: "lock_assignment", sql: "select pg_advisory_xact_lock(1330793299, 0)")

  /// A frozen process may hold its own row's lock in a half-sent batch: its sessions are ended first.
  static let endSessions = Statement(
    name: "end_sessions",
    sql: """
      select pg_terminate_backend(a.pid) from pg_stat_activity a
      where a.datname = current_database() and a.pid <> pg_backend_pid()
        and a.application_name = any(select 'orchestrator-owner-' || p from unnest($1::int8[]) p)
      """,
    parameterTypes: [.int8Array])

  static let fence = Statement(
    name: "fence_off", sql: "update orchestrator.processes set fenced = true where process_id = any($1) and not fenced",
    parameterTypes: [.int8Array])

  /// Free slots only: those of the fenced were freed with their marks. Own ones come again, should the answer have been lost. Who was
  /// fenced meanwhile takes none.
  static let take = Statement(
    name: "take_slots",
    sql: """
      update orchestrator.slots s set process_id = $1
      where s.slot = any($2) and (s.process_id is null or s.process_id = $1)
        and exists (select from orchestrator.processes p where p.process_id = $1 and not p.fenced)
      returning s.slot, s.low_water
      """,
    parameterTypes: [.int8, .int2Array])

  /// What the fenced processes last said about their runs becomes their slots' mark, and the slots are free.
  static let freeFenced = Statement(
    name: "free_fenced",
    sql: """
      update orchestrator.slots s
      set process_id = null,
        low_water = least(s.low_water, (select h.low_water from orchestrator.process_heartbeats h where h.process_id = s.process_id))
      where s.process_id = any($1)
      """,
    parameterTypes: [.int8Array])

  static let forgetHeartbeats = Statement(
    name: "forget_heartbeats", sql: "delete from orchestrator.process_heartbeats where process_id = any($1)", parameterTypes: [.int8Array])

  static let release = Statement(
    name: "release_slots",
    sql: """
      update orchestrator.slots set process_id = null, low_water = least(low_water, $3) where process_id = $1 and slot = any($2)
      """,
    parameterTypes: [.int8, .int2Array, .uuid])
}
