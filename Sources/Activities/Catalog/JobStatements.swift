import PostgreSQL

/// Statements on jobs; what changes them are functions of the database.
enum JobStatements {
  static let submit = Statement(
    name: "jobs_submit",
    sql: "select job_id, is_new, is_same from music.submit_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    parameterTypes: [.uuid, .uuid, .text, .int4, .text, .int2, .text, .text, .text, .bytea, .int4])

  /// A job that ended stays ended: then there is no row.
  static let begin = Statement(
    name: "jobs_begin",
    sql: """
      with begun as (
        update music.jobs set status = 'processing', started_at = coalesce(started_at, now()), updated_at = now()
        where id = $1 and status in ('pending', 'processing')
        returning asset_id, type, input_version, input_kind, parameters, tries
      )
      select b.asset_id, b.type, b.input_version, b.parameters, f.kind, f.object_key, f.media_type, f.size_bytes, f.duration_ms, b.tries
      from begun b
      join music.asset_files f on f.asset_id = b.asset_id and f.version = b.input_version and f.kind = b.input_kind
      """,
    parameterTypes: [.uuid])

  /// Never back to an earlier attempt, nor backwards in one.
  static let reportProgress = Statement(
    name: "jobs_report_progress",
    sql: """
      update music.jobs set progress = $2, attempt = $3, updated_at = now()
      where id = $1 and status = 'processing' and (attempt < $3 or attempt = $3 and progress < $2)
      """,
    parameterTypes: [.uuid, .int2, .int4])

  /// The same request again is one signal.
  static let report = Statement(
    name: "jobs_report", sql: "select orchestrator.signal_workflow($1, $2, $3::jsonb, $4)::text",
    parameterTypes: [.text, .text, .text, .text])

  static let reserveVersion = Statement(
    name: "jobs_reserve_version", sql: "select music.reserve_version($1)", parameterTypes: [.uuid])

  static let complete = Statement(
    name: "jobs_complete", sql: "select music.complete_job($1, $2, $3)", parameterTypes: [.uuid, .text, .text])

  static let end = Statement(
    name: "jobs_end", sql: "select music.end_job($1, $2, $3, $4)::text", parameterTypes: [.uuid, .text, .text, .text])

  static let cancel = Statement(name: "jobs_cancel", sql: "select music.cancel_job($1, $2)::text", parameterTypes: [.uuid, .text])

  static let retry = Statement(name: "jobs_retry", sql: "select music.retry_job($1, $2)::text", parameterTypes: [.uuid, .text])

  static let settle = Statement(name: "jobs_settle", sql: "select music.settle_jobs($1)", parameterTypes: [.int4])

  private static let columns = """
    id, asset_id, requested_by, type, input_version, input_kind, priority, parameters, status, progress, attempt, tries, created_version,
    error_code, error, created_at, started_at, updated_at, finished_at
    """

  static let job = Statement(name: "jobs_job", sql: "select \(columns) from music.jobs where id = $1", parameterTypes: [.uuid])

  /// Newest first; the cursor is the last row of the page before.
  static let jobs = Statement(
    name: "jobs_jobs",
    sql: """
      select \(columns) from music.jobs
      where ($1::uuid is null or asset_id = $1) and ($2::text is null or status = $2)
        and ($3::timestamptz is null or (created_at, id) < ($3, $4))
      order by created_at desc, id desc
      limit $5
      """,
    parameterTypes: [.uuid, .text, .timestamptz, .uuid, .int8])
}
