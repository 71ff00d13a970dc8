import PostgreSQL

/// Activities that nobody begins.
enum ActivityPauseStatements {
  /// The state of a task that waits: 3 while it is paused. Nothing but one look where nothing is.
  static func stateOfWaiting(_ task: String = "") -> String {
    """
    case when (select exists (select from orchestrator.activity_pauses p where p.pause_id > 0))
      and orchestrator.is_activity_paused(
        \(task)namespace, \(task)activity_type, \(task)task_queue, \(task)run_id, \(task)sequence) then 3 else 0 end
    """
  }

  /// What owners know.
  static let all = Statement(
    name: "all_activity_pauses",
    sql: """
      select namespace, activity_type, task_queue, run_id, sequence from orchestrator.activity_pauses
      where pause_id > 0 order by pause_id limit \(Limits.activityPauses)
      """)

  static let pauseType = Statement(
    name: "pause_activity_type", sql: "select orchestrator.pause_activity_type($1, $2, $3, $4, $5)",
    parameterTypes: [.text, .text, .text, .text, .text])

  static let resumeType = Statement(
    name: "resume_activity_type", sql: "select orchestrator.resume_activity_type($1, $2, $3)", parameterTypes: [.text, .text, .text])

  static let pause = Statement(
    name: "pause_activity", sql: "select orchestrator.pause_activity($1, $2, $3, $4, $5)",
    parameterTypes: [.text, .int4, .text, .text, .text])

  static let resume = Statement(
    name: "resume_activity", sql: "select orchestrator.resume_activity($1, $2, $3)", parameterTypes: [.text, .int4, .text])

  static let list = Statement(
    name: "list_activity_pauses",
    sql: """
      select activity_type, task_queue, run_id, workflow_id, sequence, paused_at, reason, identity
      from orchestrator.paused_activities where namespace = $1 order by paused_at, activity_type, run_id, sequence limit 1000
      """,
    parameterTypes: [.text])

  /// A task that was written while its pause ended waits for nobody.
  static let release = Statement(name: "release_paused_tasks", sql: "select orchestrator.release_paused_tasks()")

  /// What was paused of runs that have ended.
  static let forget = Statement(
    name: "forget_activity_pauses",
    sql: """
      delete from orchestrator.activity_pauses p
      where p.run_id is not null and (select true from orchestrator.closes c where c.run_id = p.run_id) is not null
      """)
}
