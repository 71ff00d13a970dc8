import Orchestrator

/// `orchestratord activity ...`: jobs without a workflow, and steps that wait for an operator.
struct ActivityCommand {
  let session: OperatorSession

  static let help = """
    orchestratord activity start TYPE ID --queue NAME [--input JSON] [--attempts N] [--run RUN]
    orchestratord activity list [--workflow ID] [--limit N] [--cursor C] [--json]
    orchestratord activity retry WORKFLOW-ID SEQUENCE
    orchestratord activity complete WORKFLOW-ID SEQUENCE --result JSON
    orchestratord activity fail WORKFLOW-ID SEQUENCE --reason TEXT
    orchestratord activity reset WORKFLOW-ID SEQUENCE [--clear-heartbeat] [--restore-options]
    orchestratord activity update-options WORKFLOW-ID SEQUENCE --options JSON | --restore
    orchestratord activity pause WORKFLOW-ID SEQUENCE | --type TYPE [--queue NAME] [--reason TEXT]
    orchestratord activity resume WORKFLOW-ID SEQUENCE | --type TYPE [--queue NAME]
    orchestratord activity pauses [--json]
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await ActivityCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "start": try await start(&arguments)
    case "list": try await list(&arguments)
    case "retry": try await command(&arguments, .retry, "will be tried again at once")
    case "complete":
      guard let result = try arguments.json("--result") else { throw UsageError("--result is missing: the JSON that the activity gives") }
      try await command(&arguments, .complete(result), "completed by hand")
    case "fail":
      guard let reason = try arguments.option("--reason") else { throw UsageError("--reason is missing: the workflow is told why") }
      try await command(&arguments, .fail(reason: reason), "failed by hand")
    case "reset":
      let reset = ActivityReset(
        keepHeartbeat: !arguments.flag("--clear-heartbeat"), restoreOptions: arguments.flag("--restore-options"))
      try await command(&arguments, .reset(reset), "begins again as if it had not been tried")
    case "update-options": try await updateOptions(&arguments)
    case "pause": try await pause(&arguments)
    case "resume": try await resume(&arguments)
    case "pauses": try await listPauses(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'activity \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  /// An activity by itself, wherever the queue is served.
  private func start(_ arguments: inout Arguments) async throws {
    let type = try arguments.required("the activity type")
    let id = try arguments.required("the workflow id")
    guard let queue = try arguments.option("--queue") else { throw UsageError("--queue is missing: the task queue whose workers run it") }
    let attempts = try arguments.number("--attempts", in: 0...1_000_000) ?? 3
    let input = try arguments.json("--input") ?? .null
    let runID = try arguments.runID() ?? .generate()
    let namespace = try arguments.namespace()
    try arguments.finish()
    let options = ActivityOptions(taskQueue: queue, retryPolicy: RetryPolicy(maximumAttempts: Int32(attempts)))
    let job = try await session.client.start(
      Activity<Payload, Payload>(type, options), id: id, input: input, namespace: namespace, runID: runID)
    session.output.line("\(id): started as run \(job.runID ?? runID)")
  }

  /// Parked activities of all runs, or everything that is pending of one.
  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    let workflowID = try arguments.option("--workflow")
    let limit = try arguments.number("--limit", in: 1...1000) ?? 50
    let cursor = try arguments.option("--cursor")
    try arguments.finish()
    let page: Listing<PendingActivity>
    if let workflowID {
      let runID = try await session.client.newestRun(of: WorkflowKey(namespace: namespace, workflowID: workflowID))
      page = Listing(items: try await session.client.pendingActivities(runID), nextCursor: nil)
    } else {
      page = try await session.client.parkedActivities(namespace: namespace, limit: limit, cursor: cursor)
    }
    if isJSON { return try session.output.json(page) }
    if page.items.isEmpty { return session.output.line(workflowID == nil ? "no activity waits for an operator" : "no pending activity") }
    session.output.table(Self.table(page.items, session.output))
    if let next = page.nextCursor { session.output.line("more: --cursor \(next)") }
  }

  static func table(_ activities: [PendingActivity], _ output: TerminalOutput) -> TerminalTable {
    var table = TerminalTable("WORKFLOW ID", "SEQUENCE", "ACTIVITY", "STATE", "ATTEMPT", "QUEUE", "SINCE", "PROGRESS", "NEXT", "LAST ERROR")
    for activity in activities {
      table.add(
        .init(activity.workflowID), .init("\(activity.sequence)"), .init(activity.activityType),
        .init(activity.state.rawValue, activity.state == .parked ? .waiting : .plain), .init("\(activity.attempt)"),
        .init(activity.taskQueue), .init(output.relative(activity.parkedAt ?? activity.scheduledAt)),
        .init(activity.heartbeatDetails?.text.shortened(to: 30) ?? ""), .init(activity.nextAttemptAt.map(output.relative) ?? ""),
        .init(activity.lastFailure.map { "\($0.type): \($0.message)".shortened(to: 80) } ?? "", .bad))
    }
    return table
  }

  private func command(_ arguments: inout Arguments, _ action: ActivityAction, _ done: String) async throws {
    let (key, sequence) = try Self.target(&arguments)
    try arguments.finish()
    try await session.client.commandActivity(key, sequence: sequence, action)
    session.output.line("\(key.workflowID): activity \(sequence) \(done)")
  }

  private func updateOptions(_ arguments: inout Arguments) async throws {
    let isRestored = arguments.flag("--restore")
    let options = try arguments.json("--options")
    guard isRestored != (options != nil) else {
      throw UsageError("give either --options, such as '{\"taskQueue\": \"other\", \"heartbeatMilliseconds\": null}', or --restore")
    }
    let change = try options.map { try ActivityOptionsChange($0) }
    try await command(&arguments, .updateOptions(change), isRestored ? "has its first options again" : "has other options")
  }

  /// `WORKFLOW-ID SEQUENCE`, with `--namespace`.
  static func target(_ arguments: inout Arguments) throws -> (WorkflowKey, sequence: Int32) {
    let key = WorkflowKey(namespace: try arguments.namespace(), workflowID: try arguments.required("the workflow id"))
    let text = try arguments.required("the activity's sequence number")
    guard let sequence = Int32(text), sequence > 0 else {
      throw UsageError("an activity is named by its sequence number in the run (`orchestratord activity list` shows it), not '\(text)'")
    }
    return (key, sequence)
  }
}
