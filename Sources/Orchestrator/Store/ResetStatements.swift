import PostgreSQL

/// What resets read and write.
enum ResetStatements {
  /// The part of a history that another begins with: however long, it does not pass through the owner.
  static let copyHistory = Statement(
    name: "copy_history",
    sql: """
      insert into orchestrator.history (run_id, event_id, slot, type, at, caused_by, attributes)
      select i.new_run_id, h.event_id, i.slot, h.type, h.at, h.caused_by, h.attributes
      from unnest($1::uuid[], $2::uuid[], $3::int2[], $4::int4[]) i(run_id, new_run_id, slot, last_event_id)
      cross join lateral (
        select k.event_id, k.type, k.at, k.caused_by, k.attributes from orchestrator.history k
        where k.run_id = i.run_id and k.event_id > 1 and k.event_id <= i.last_event_id
        order by k.event_id limit \(Limits.historyEvents)) h
      """,
    parameterTypes: [.uuidArray, .uuidArray, .int2Array, .int4Array])

  /// What the copied part refers to stays for as long as the copy does.
  static let copyReferences = Statement(
    name: "copy_references",
    sql: """
      insert into orchestrator.large_value_references (run_id, hash)
      select i.new_run_id, f.hash from unnest($1::uuid[], $2::uuid[]) i(run_id, new_run_id)
      cross join lateral (select r.hash from orchestrator.large_value_references r where r.run_id = i.run_id limit 1000000) f
      on conflict (run_id, hash) do nothing
      """,
    parameterTypes: [.uuidArray, .uuidArray])

  static let insertResets = Statement(
    name: "insert_resets",
    sql: """
      insert into orchestrator.resets (run_id, base_run_id, slot, event_id, is_fork, at, reason, identity, refused_code, refused_reason)
      select run_id, base_run_id, slot, event_id, is_fork, at, reason, identity, nullif(code, ''), nullif(refusal, '')
      from unnest(
        $1::uuid[], $2::uuid[], $3::int2[], $4::int4[], $5::bool[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[])
        i(run_id, base_run_id, slot, event_id, is_fork, at, reason, identity, code, refusal)
      """,
    parameterTypes: [
      .uuidArray, .uuidArray, .int2Array, .int4Array, .boolArray, .timestamptzArray, .textArray, .textArray, .textArray, .textArray,
    ])

  /// Whether the run that is copied is closed, whether this reset was dealt with, whether its identifier is taken, and the open run of the
  /// workflow id.
  static let standing = Statement(
    name: "reset_standing",
    sql: """
      select exists (select from orchestrator.closes c where c.run_id = $1),
        exists (select from orchestrator.resets x where x.run_id = $2),
        exists (select from orchestrator.runs r where r.run_id = $2),
        (select r.run_id from orchestrator.runs r
         where r.workflow_id = $3 and r.namespace = $4
           and (select true from orchestrator.closes c where c.run_id = r.run_id) is null
         limit 1)
      """,
    parameterTypes: [.uuid, .uuid, .text, .text])

  /// How the children of a run ended, each to the end of its chain: one that continued as new or was reset goes on.
  static let childOutcomes = Statement(
    name: "child_outcomes",
    sql: """
      with recursive child as (
        select (convert_from(h.attributes, 'UTF8')::jsonb ->> 'runId')::uuid as first, (convert_from(h.attributes, 'UTF8')::jsonb ->> 'runId')::uuid as run_id
        from orchestrator.history h where h.run_id = $1 and h.type = 29
        union all
        select c.first, n.run_id from child c
        cross join lateral (
          select (convert_from(k.outcome, 'UTF8')::jsonb ->> 'newExecutionRunId')::uuid as run_id from orchestrator.closes k
          where k.run_id = c.run_id and k.status in (5, 6) limit 1) n
        where n.run_id is not null)
      select c.first, c.run_id, k.status, k.outcome from child c
      cross join lateral (
        select x.status, x.outcome from orchestrator.closes x
        where x.run_id = c.run_id
          and (x.status not in (5, 6) or (convert_from(x.outcome, 'UTF8')::jsonb ->> 'newExecutionRunId') is null)
        limit 1) k
      """,
    parameterTypes: [.uuid])

  static func reading(_ query: ResetQuery) -> [BoundStatement] {
    let base = ArrayColumn(.uuid)
    base.append(query.baseRunID.uuid)
    var history = Parameters()
    history.append(base)
    return [
      (
        standing,
        Parameters(query.baseRunID.uuid, query.newRunID.uuid, query.target.workflowID, query.target.namespace)
      ),
      (ReadStatements.history, history), (ReadStatements.largeValues, history), (childOutcomes, Parameters(query.baseRunID.uuid)),
    ]
  }

  /// - Throws: `DatabaseError` when a row has another shape than expected.
  static func read(_ results: [Rows], _ query: ResetQuery) throws -> ResetReading {
    var reading = ResetReading(number: query.number)
    reading.isClosed = try results[0].bool(0, 0)
    reading.isDone = try results[0].bool(0, 1)
    reading.isTaken = try results[0].bool(0, 2)
    reading.openRun = try results[0].optional(0, 3, results[0].uuid).map { RunID($0) }
    var run = LoadedRun(runID: query.baseRunID, history: try (0..<results[1].count).map { try LoadedRuns.event(results[1], $0) })
    for row in 0..<results[2].count { run.largeValues.bytes[try results[2].bytes(row, 1)] = try results[2].bytes(row, 2) }
    reading.history = run.withLargeValues.history
    let outcomes = results[3]
    for row in 0..<outcomes.count {
      guard let status = CloseStatus(rawValue: try outcomes.int16(row, 2)) else { continue }
      reading.childOutcomes[RunID(try outcomes.uuid(row, 0))] = ResetReading.ChildEnd(
        runID: RunID(try outcomes.uuid(row, 1)), status: status,
        payload: try outcomes.optional(row, 3) { Payload(json: try outcomes.bytes($0, $1)) })
    }
    return reading
  }

  /// What became of a request.
  static let answer = Statement(
    name: "reset_answer",
    sql: "select event_id, refused_code, refused_reason from orchestrator.resets where run_id = $1", parameterTypes: [.uuid])

  static let request = Statement(
    name: "reset_workflow", sql: "select orchestrator.reset_workflow($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    parameterTypes: [.text, .text, .uuid, .uuid, .text, .text, .text, .text, .text])

  static let fork = Statement(
    name: "fork_workflow", sql: "select orchestrator.fork_workflow($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    parameterTypes: [.text, .text, .text, .uuid, .uuid, .text, .text, .text, .text])

  /// Runs that come from a run, and the one it comes from; those behind it first.
  static let resets = Statement(
    name: "run_resets",
    sql: """
      select x.run_id, x.base_run_id, x.event_id, x.is_fork, x.at, x.reason, x.identity from orchestrator.resets x
      where x.run_id = $1 and x.event_id > 0
      union all
      (select x.run_id, x.base_run_id, x.event_id, x.is_fork, x.at, x.reason, x.identity from orchestrator.resets x
       where x.base_run_id = $1 and x.event_id > 0 order by x.run_id desc limit 100)
      """,
    parameterTypes: [.uuid])
}
