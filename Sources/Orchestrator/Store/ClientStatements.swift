import PostgreSQL

/// What clients ask of the database; the writing ones are the same functions that anyone may call in SQL.
enum ClientStatements {
  static let start = Statement(
    name: "start_workflow", sql: "select orchestrator.start_workflow($1, $2, $3::jsonb, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb)",
    parameterTypes: [.text, .text, .text, .uuid, .text, .text, .text, .text, .text])

  static let startWithMessage = Statement(
    name: "start_with_message",
    sql: """
      select orchestrator.start_with_message(
        $1, $2, $3::jsonb, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb, $10::bool, $11, $12::jsonb, $13)
      """,
    parameterTypes: [.text, .text, .text, .uuid, .text, .text, .text, .text, .text, .text, .text, .text, .text])

  static let searchAttributeTypes = Statement(
    name: "search_attribute_types", sql: "select name, type from orchestrator.search_attribute_types order by name limit 10000")

  static let addSearchAttribute = Statement(
    name: "add_search_attribute", sql: "select orchestrator.add_search_attribute($1, $2)", parameterTypes: [.text, .text])

  static let signal = Statement(
    name: "signal_workflow", sql: "select orchestrator.signal_workflow($1, $2, $3::jsonb, $4, $5, $6)",
    parameterTypes: [.text, .text, .text, .text, .text, .text])

  static let update = Statement(
    name: "update_workflow", sql: "select orchestrator.update_workflow($1, $2, $3::jsonb, $4, $5, $6)",
    parameterTypes: [.text, .text, .text, .text, .text, .text])

  static let updateAnswer = Statement(
    name: "update_answer",
    sql: """
      select u.status, u.outcome from orchestrator.runs r
      cross join lateral (
        select k.status, k.outcome from orchestrator.updates k where k.run_id = r.run_id and k.update_id = $3 limit 1) u
      where r.workflow_id = $1 and r.namespace = $2 order by r.run_id desc limit 1
      """,
    parameterTypes: [.text, .text, .text])

  /// Whether a workflow id has an open run, or a start that no owner has taken yet.
  static let isOpen = Statement(
    name: "is_workflow_open",
    sql: """
      select orchestrator.open_run($1, $2) is not null
        or exists (select from orchestrator.inbox i where i.kind = 1 and i.workflow_id = $1 and i.namespace = $2)
      """,
    parameterTypes: [.text, .text])

  static let cancel = Statement(
    name: "cancel_workflow", sql: "select orchestrator.cancel_workflow($1, $2, $3, $4)", parameterTypes: [.text, .text, .text, .text])

  static let terminate = Statement(
    name: "terminate_workflow", sql: "select orchestrator.terminate_workflow($1, $2, $3, $4)",
    parameterTypes: [.text, .text, .text, .text])

  static let pause = Statement(
    name: "pause_workflow", sql: "select orchestrator.pause_workflow($1, $2, $3, $4)", parameterTypes: [.text, .text, .text, .text])

  static let unpause = Statement(
    name: "unpause_workflow", sql: "select orchestrator.unpause_workflow($1, $2, $3, $4)", parameterTypes: [.text, .text, .text, .text])

  static let delete = Statement(
    name: "delete_workflow", sql: "select orchestrator.delete_workflow($1, $2, $3)", parameterTypes: [.text, .uuid, .text])

  static let retry = Statement(
    name: "retry_workflow", sql: "select orchestrator.retry_workflow($1, $2, $3)", parameterTypes: [.text, .text, .text])

  static let commandActivity = Statement(
    name: "command_activity", sql: "select orchestrator.command_activity($1, $2, $3, $4::jsonb, $5, $6, $7)",
    parameterTypes: [.text, .int4, .text, .text, .text, .text, .text])

  static let isPending = Statement(
    name: "is_activity_pending",
    sql: """
      select exists (
        select from orchestrator.history h
        where h.run_id = r.run_id and h.type = 10 and (convert_from(h.attributes, 'UTF8')::jsonb ->> 'sequence')::int4 = $3
          and not exists (
            select from orchestrator.history e where e.run_id = h.run_id and e.caused_by = h.event_id and e.type in (12, 13, 14)))
      from (select orchestrator.open_run($1, $2) as run_id) r where r.run_id is not null
      """,
    parameterTypes: [.text, .text, .int4])

  static let latestRun = Statement(
    name: "latest_run",
    sql: """
      select run_id from orchestrator.runs where workflow_id = $1 and namespace = $2 order by started_at desc, run_id desc limit 1
      """,
    parameterTypes: [.text, .text])

  static let state = Statement(
    name: "workflow_state",
    sql: """
      select r.workflow_type, (select s.state from orchestrator.run_states s where s.run_id = r.run_id),
        (select v.version from orchestrator.run_versions v where v.run_id = r.run_id and v.is_pinned)
      from orchestrator.runs r
      where r.workflow_id = $1 and r.namespace = $2 order by r.started_at desc, r.run_id desc limit 1
      """,
    parameterTypes: [.text, .text])

  /// Values that runs of a workflow id refer to, and nobody else's.
  static let largeValues = Statement(
    name: "large_values",
    sql: """
      select v.hash, v.bytes from unnest($1::bytea[]) i(hash)
      cross join lateral (
        select k.hash, k.bytes from orchestrator.large_values k
        where k.hash = i.hash and exists (
          select from orchestrator.large_value_references f
          cross join lateral (select r.workflow_id, r.namespace from orchestrator.runs r where r.run_id = f.run_id limit 1) r
          where f.hash = i.hash and r.workflow_id = $2 and r.namespace = $3)
        limit 1) v
      """,
    parameterTypes: [.byteaArray, .text, .text])

  /// How runs ended; a null status for those of which nothing is left. Open runs, and starts that no owner has taken yet, give no row.
  static let outcomes = Statement(
    name: "run_outcomes",
    sql: """
      select i.run_id, c.status, c.outcome from unnest($1::uuid[]) i(run_id)
      left join lateral (select k.status, k.outcome from orchestrator.closes k where k.run_id = i.run_id limit 1) c on true
      where c.status is not null
        or (select true from orchestrator.runs r where r.run_id = i.run_id) is null
        and (select true from orchestrator.inbox m where m.run_id = i.run_id limit 1) is null
      """,
    parameterTypes: [.uuidArray])
}
