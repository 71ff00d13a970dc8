import PostgreSQL

/// What batches read and write; the runs that they find are those of visibility queries.
enum BatchStatements {
  static let begin = Statement(
    name: "begin_batch",
    sql: """
      insert into orchestrator.batches (run_id, namespace, workflow_id, action, query, reason, identity, rate)
      values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (run_id) do nothing
      """,
    parameterTypes: [.uuid, .text, .text, .text, .text, .text, .text, .float8])

  static let count = Statement(
    name: "count_batch",
    sql: """
      update orchestrator.batches set total = (select count(*) from orchestrator.batch_runs where run_id = $1) where run_id = $1
      returning total
      """,
    parameterTypes: [.uuid])

  /// Where a batch stands, and whether the run that does its work is closed.
  static let standing = Statement(
    name: "batch_standing",
    sql: """
      select b.total, b.done, b.skipped, b.failed, b.ended_at is not null, b.last_target_run_id,
        (extract(epoch from b.next_at - clock_timestamp()) * 1000000)::int8, (extract(epoch from b.began_at) * 1000)::int8,
        (select true from orchestrator.closes c where c.run_id = $2) is not null
      from orchestrator.batches b where b.run_id = $1
      """,
    parameterTypes: [.uuid, .uuid])

  /// The next runs; without a workflow id where nothing is left of one.
  static let page = Statement(
    name: "batch_page",
    sql: """
      select m.target_run_id, (select r.workflow_id from orchestrator.runs r where r.run_id = m.target_run_id)
      from orchestrator.batch_runs m where m.run_id = $1 and m.target_run_id > $2 order by m.target_run_id limit $3
      """,
    parameterTypes: [.uuid, .uuid, .int8])

  static let asked = Statement(
    name: "batch_asked",
    sql: """
      select i.run_id from unnest($1::uuid[]) i(run_id) where (select true from orchestrator.resets x where x.run_id = i.run_id) is not null
      """,
    parameterTypes: [.uuidArray])

  static let advance = Statement(
    name: "advance_batch", sql: "select orchestrator.advance_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    parameterTypes: [
      .uuid, .uuid, .uuid, .uuid, .uuidArray, .int2, .byteaArray, .int4, .int4, .uuidArray, .textArray, .textArray,
    ])

  static let end = Statement(
    name: "end_batch", sql: "update orchestrator.batches set ended_at = now() where run_id = $1 and ended_at is null",
    parameterTypes: [.uuid])

  static let forget = Statement(
    name: "forget_batch_runs", sql: "delete from orchestrator.batch_runs where run_id = $1", parameterTypes: [.uuid])

  private static let columns = """
    b.total, b.done, b.skipped, b.failed, b.ended_at is not null, b.run_id, b.namespace, b.workflow_id, b.action, b.query, b.reason,
    b.identity, b.rate, b.began_at, b.ended_at,
    (select w.status from orchestrator.workflows w where w.run_id = (
      select r.run_id from orchestrator.runs r where r.workflow_id = b.workflow_id and r.namespace = b.namespace
      order by r.run_id desc limit 1))
    """

  /// The newest batch of a workflow id.
  static let describe = Statement(
    name: "describe_batch",
    sql: """
      select \(columns) from orchestrator.batches b where b.workflow_id = $1 and b.namespace = $2 order by b.run_id desc limit 1
      """,
    parameterTypes: [.text, .text])

  static let list = Statement(
    name: "list_batches",
    sql: """
      select \(columns) from orchestrator.batches b where b.run_id < $2 and b.namespace = $1 order by b.run_id desc limit $3
      """,
    parameterTypes: [.text, .uuid, .int8])

  static let failures = Statement(
    name: "batch_failures",
    sql: """
      select f.target_run_id, (select r.workflow_id from orchestrator.runs r where r.run_id = f.target_run_id), f.at, f.code, f.reason
      from orchestrator.batch_failures f where f.run_id = $1 order by f.target_run_id limit $2
      """,
    parameterTypes: [.uuid, .int8])
}
