import Orchestrator

/// `orchestratord activity pause|resume|pauses`: activities that nobody begins.
extension ActivityCommand {
  func pause(_ arguments: inout Arguments) async throws {
    let reason = try arguments.option("--reason") ?? ""
    if let type = try arguments.option("--type") {
      let queue = try arguments.option("--queue")
      let namespace = try arguments.namespace()
      try arguments.finish()
      try await session.client.pauseActivityType(type, taskQueue: queue, reason: reason, namespace: namespace)
      return session.output.line("\(Self.name(type, queue)): no attempt begins until it is resumed")
    }
    let (key, sequence) = try Self.target(&arguments)
    try arguments.finish()
    try await session.client.pauseActivity(key, sequence: sequence, reason: reason)
    session.output.line("\(key.workflowID): no attempt of activity \(sequence) begins until it is resumed")
  }

  func resume(_ arguments: inout Arguments) async throws {
    if let type = try arguments.option("--type") {
      let queue = try arguments.option("--queue")
      let namespace = try arguments.namespace()
      try arguments.finish()
      let was = try await session.client.resumeActivityType(type, taskQueue: queue, namespace: namespace)
      return session.output.line("\(Self.name(type, queue)): \(was ? "goes on" : "was not paused so")")
    }
    let (key, sequence) = try Self.target(&arguments)
    try arguments.finish()
    let was = try await session.client.resumeActivity(key, sequence: sequence)
    session.output.line("\(key.workflowID): activity \(sequence) \(was ? "goes on" : "was not paused by itself")")
  }

  func listPauses(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    try arguments.finish()
    let pauses = try await session.client.activityPauses(namespace: namespace)
    if isJSON { return try session.output.json(Listing(items: pauses, nextCursor: nil)) }
    if pauses.isEmpty { return session.output.line("no activity is paused") }
    var table = TerminalTable("ACTIVITY", "QUEUE", "SINCE", "BY", "REASON")
    for pause in pauses {
      let single = "\(pause.workflowID ?? "") \(pause.sequence.map { "\($0)" } ?? "")"
      table.add(
        .init(pause.activityType ?? single), .init(pause.taskQueue ?? ""), .init(session.output.relative(pause.since)),
        .init(pause.identity), .init(pause.reason.shortened(to: 80)))
    }
    session.output.table(table)
  }

  private static func name(_ type: String, _ queue: String?) -> String { queue.map { "\(type) in queue \($0)" } ?? type }
}
