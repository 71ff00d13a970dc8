import PostgreSQL

/// What must hold of the tables whatever happened, in SQL that shares no code with the engine.
struct HistoryChecker {
  let pool: Database

  /// Rules that hold at any moment.
  /// - Returns: what breaks them, a line each; empty when all is well.
  func violations() async throws -> [String] { try await check(Self.always) }

  /// Rules that hold once the owners had a moment of peace: nothing is left behind and nothing is forgotten.
  func leftovers() async throws -> [String] { try await check(Self.eventually) }

  /// Acknowledged starts without a run.
  func lostStarts(_ workflowIDs: some Collection<String>) async throws -> [String] {
    let rows = try await pool.query(
      Statement(name: "all_workflow_ids", sql: "select workflow_id from orchestrator.runs"))
    let known = Set(try (0..<rows.count).map { try rows.text($0, 0) })
    return workflowIDs.filter { !known.contains($0) }
  }

  /// Acknowledged signals, by request id, without their event.
  func lostSignals(_ requestIDs: some Collection<String>) async throws -> [String] {
    let rows = try await pool.query(
      Statement(
        name: "all_request_ids",
        sql: "select convert_from(attributes, 'UTF8')::json ->> 'requestId' from orchestrator.history where type = 26"))
    let known = Set(try (0..<rows.count).map { try rows.text($0, 0) })
    return requestIDs.filter { !known.contains($0) }
  }

  /// Where the open runs stand, for a test that waits in vain.
  func openRuns() async throws -> String {
    let rows = try await pool.query(
      Statement(
        name: "describe_open_runs",
        sql: """
          select string_agg(line, e'\\n') from (
            select format('%s %s %s waits for %s; inbox %s; timers %s; owner %s: %s', r.workflow_id, r.run_id, r.status, r.waits_for,
              (select count(*) from orchestrator.inbox i where i.run_id = r.run_id),
              (select string_agg(format('%s/%s in %s', t.kind, t.sequence, t.due_at - now()), ', ')
               from orchestrator.timers t where t.run_id = r.run_id),
              (select s.process_id from orchestrator.slots s where s.slot = r.slot),
              (select string_agg(format('%s %s', e.event_id, e.type), ', ' order by e.event_id)
               from orchestrator.events e where e.run_id = r.run_id)) as line
            from orchestrator.workflows r where r.closed_at is null limit 5) l
          union all
          select string_agg(o::text, ' ') from orchestrator.owners o where slots > 0 or not fenced
          union all
          select format('inbox %s, starts %s', count(*), count(*) filter (where kind = 1)) from orchestrator.inbox
          """))
    return try (0..<rows.count).map { try rows.optional($0, 0, rows.text) ?? "none" }.joined(separator: "\n")
  }

  private func check(_ rules: [(name: String, sql: String)]) async throws -> [String] {
    var found: [String] = []
    for rule in rules {
      let rows = try await pool.query(Statement(name: "check_\(rule.name)", sql: rule.sql))
      for row in 0..<min(rows.count, 5) { found.append("\(rule.name): \(try rows.text(row, 0))") }
    }
    return found
  }

  private static let answers = """
    (select run_id, event_id, type, caused_by, (convert_from(attributes, 'UTF8')::json ->> 'sequence')::int as sequence
     from orchestrator.history where type in (10, 12, 13, 14, 15, 17, 18, 19, 25))
    """

  private static let always: [(name: String, sql: String)] = [
    (
      "gap-free",
      """
      select run_id::text from orchestrator.history group by run_id having min(event_id) <> 1 or max(event_id) <> count(*)
      """
    ),
    (
      "started-first-and-once",
      """
      select run_id::text from orchestrator.history group by run_id
      having count(*) filter (where type = 1) <> 1 or min(event_id) filter (where type = 1) <> 1
      """
    ),
    (
      "closed-once-and-last",
      """
      select h.run_id::text from (
        select run_id, count(*) filter (where type in (2, 3, 21, 27)) as endings, max(event_id) as last,
          max(event_id) filter (where type in (2, 3, 21, 27)) as closing,
          max(case type when 2 then 2 when 3 then 3 when 21 then 4 when 27 then 5 end) as status
        from orchestrator.history group by run_id) h
      full join orchestrator.closes c using (run_id)
      where h.endings > 1 or h.closing < h.last or (h.endings = 1) is distinct from (c.run_id is not null)
        or c.last_event_id <> h.last or c.status <> h.status
      """
    ),
    (
      "a-run-per-history",
      """
      select coalesce(r.run_id, h.run_id)::text from orchestrator.runs r
      full join (select run_id, min(slot) as low, max(slot) as high from orchestrator.history group by run_id) h using (run_id)
      where r.run_id is null or h.run_id is null or h.low <> r.slot or h.high <> r.slot
        or r.slot <> orchestrator.slot_of(r.namespace, r.workflow_id)
      """
    ),
    (
      "one-open-run-per-workflow-id",
      """
      select r.workflow_id from orchestrator.runs r left join orchestrator.closes c using (run_id) where c.run_id is null
      group by r.namespace, r.workflow_id having count(*) > 1
      """
    ),
    (
      "answered-once",
      """
      select run_id::text || ' ' || sequence from \(answers) a group by run_id, sequence
      having count(*) filter (where type = 10) > 1 or count(*) filter (where type = 17) > 1
        or count(*) filter (where type in (12, 13, 14, 15)) > 1 or count(*) filter (where type in (18, 19)) > 1
        or count(*) filter (where type = 25) > 1
      """
    ),
    (
      "answers-follow-their-question",
      """
      select a.run_id::text || ' ' || a.event_id from \(answers) a
      where a.type in (12, 13, 14, 18) and not exists (
        select from \(answers) q
        where q.run_id = a.run_id and q.event_id = a.caused_by and q.event_id < a.event_id and q.sequence = a.sequence
          and q.type = case a.type when 18 then 17 else 10 end)
      """
    ),
    (
      "commands-have-a-cause",
      """
      select h.run_id::text || ' ' || h.event_id from orchestrator.history h
      where (h.type in (10, 15, 17, 19, 2, 21) or (h.type = 3 and h.caused_by <> 0)) and not exists (
        select from orchestrator.history c
        where c.run_id = h.run_id and c.event_id = h.caused_by and c.event_id < h.event_id
          and c.type in (1, 12, 13, 14, 18, 20, 25, 26))
      """
    ),
    (
      "a-request-is-applied-once",
      """
      select run_id::text || ' ' || (convert_from(attributes, 'UTF8')::json ->> 'requestId') from orchestrator.history
      where type = 26 group by run_id, convert_from(attributes, 'UTF8')::json ->> 'requestId' having count(*) > 1
      """
    ),
    (
      "time-does-not-go-back",
      """
      select run_id::text || ' ' || event_id from (
        select run_id, event_id, at < lag(at) over (partition by run_id order by event_id) as is_earlier
        from orchestrator.history) h where is_earlier
      """
    ),
    (
      "no-timer-fires-early",
      """
      select f.run_id::text || ' ' || f.event_id from orchestrator.history f
      join orchestrator.history s on s.run_id = f.run_id and s.event_id = f.caused_by
      where f.type = 18 and f.at < s.at
        + (convert_from(s.attributes, 'UTF8')::json ->> 'startToFireMilliseconds')::bigint * interval '1 millisecond'
      """
    ),
  ]

  private static let eventually: [(name: String, sql: String)] = [
    (
      "closed-runs-leave-nothing",
      """
      select place || ' ' || run_id::text from (
        select 'inbox' as place, run_id from orchestrator.inbox
        union all select 'timers', run_id from orchestrator.timers
        union all select 'parked_runs', run_id from orchestrator.parked_runs
        union all select 'blocked_runs', run_id from orchestrator.blocked_runs
        union all select 'activity_tasks', run_id from orchestrator.activity_tasks
        union all select 'activity_heartbeats', run_id from orchestrator.activity_heartbeats
        union all select 'parked_activities', run_id from orchestrator.parked_activities) l
      join orchestrator.closes c using (run_id)
      """
    ),
    (
      "open-runs-have-something-to-wait-for",
      """
      select r.run_id::text from orchestrator.runs r
      where not exists (select from orchestrator.closes c where c.run_id = r.run_id)
        and not exists (select from orchestrator.parked_runs p where p.run_id = r.run_id)
        and not exists (select from orchestrator.blocked_runs b where b.run_id = r.run_id)
        and not exists (select from orchestrator.timers t where t.run_id = r.run_id)
        and not exists (select from orchestrator.inbox i where i.run_id = r.run_id)
        and not exists (select from orchestrator.pending_activities a where a.run_id = r.run_id)
      """
    ),
    (
      "slots-belong-to-the-living",
      """
      select s.slot::text from orchestrator.slots s join orchestrator.processes p using (process_id) where p.fenced
      """
    ),
  ]
}
