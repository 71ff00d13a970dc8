import Foundation
import Orchestrator

/// `orchestratord workflow ...`: what runs, why it waits, and a hand on it.
struct WorkflowCommand {
  let session: OperatorSession
  var client: Client { session.client }
  var output: TerminalOutput { session.output }

  static let help = """
    orchestratord workflow list [--query Q] [--status S] [--type T] [--id ID] [--started-after TIME] [--limit N] [--cursor C] [--json]
    orchestratord workflow count [--query Q] [--status S] [--type T] [--id ID] [--started-after TIME] [--json]
    orchestratord workflow show ID [--run RUN] [--decode] [--json]
    orchestratord workflow export ID [--run RUN] [--decode]
    orchestratord workflow start TYPE ID [--input JSON] [--run RUN] [--search-attribute NAME=VALUE]... [--memo JSON]
                        [--reuse-policy P] [--conflict-policy P] [--start-delay 10m] [--execution-timeout 2d] [--run-timeout 1h]
                        [--retry-policy JSON] [--version V | --auto-upgrade] [--json]
                        [--signal NAME [--signal-input JSON] | --update NAME [--update-input JSON]]
    orchestratord workflow signal ID NAME [--input JSON] [--request-id TEXT]
    orchestratord workflow update ID NAME [--input JSON] [--update-id TEXT]
    orchestratord workflow query ID NAME
    orchestratord workflow cancel|terminate ID [--reason TEXT]
    orchestratord workflow delete ID [--run RUN]
    orchestratord workflow blocked [--json]
    orchestratord workflow pause|resume ID [--reason TEXT]
    orchestratord workflow retry ID [--run RUN] [--reason TEXT]
    orchestratord workflow reset ID --to EVENT|first|last-activity|before-failure [--run RUN] [--exclude signals,updates] [--reason TEXT]
      [--new-run RUN] [--version V] [--preview] [--json]
    orchestratord workflow move ID --version V | --auto-upgrade [--reason TEXT]
    orchestratord workflow fork ID NEW-ID --from EVENT|first|last-activity|before-failure | --input JSON [--run RUN] [--new-run RUN] [--json]
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await WorkflowCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "list": try await list(&arguments)
    case "count": try await count(&arguments)
    case "show": try await show(&arguments)
    case "export": try await export(&arguments)
    case "start": try await start(&arguments)
    case "signal": try await signal(&arguments)
    case "update": try await update(&arguments)
    case "query": try await query(&arguments)
    case "cancel": try await end(&arguments, "cancellation requested") { try await client.cancel($0, reason: $1) }
    case "terminate": try await end(&arguments, "termination requested") { try await client.terminate($0, reason: $1) }
    case "delete": try await delete(&arguments)
    case "blocked": try await blocked(&arguments)
    case "pause": try await end(&arguments, "will stand still") { try await client.pause($0, reason: $1) }
    case "resume": try await end(&arguments, "will go on") { try await client.unpause($0, reason: $1) }
    case "retry": try await retry(&arguments)
    case "reset": try await reset(&arguments)
    case "fork": try await fork(&arguments)
    case "move": try await move(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'workflow \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let filter = try Self.filter(&arguments)
    let limit = try arguments.number("--limit", in: 1...1000) ?? 50
    let cursor = try arguments.option("--cursor")
    try arguments.finish()
    let page = try await client.listWorkflows(filter, limit: limit, cursor: cursor)
    if isJSON { return try output.json(page) }
    var table = TerminalTable("STATUS", "WORKFLOW ID", "TYPE", "STARTED", "CLOSED", "WAITS FOR")
    for run in page.items {
      table.add(
        .init(run.status.rawValue, TerminalStyle(run.status)), .init(run.workflowID), .init(run.workflowType),
        .init(output.relative(run.startedAt)), .init(run.closedAt.map(output.relative) ?? ""),
        .init((run.blockedCode ?? run.waitsFor ?? "").shortened(to: 60), run.blockedCode == nil ? .plain : .bad))
    }
    if table.isEmpty { return output.line("no workflows") }
    output.table(table)
    if let next = page.nextCursor { output.line("more: --cursor \(next)") }
  }

  private func count(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let filter = try Self.filter(&arguments)
    try arguments.finish()
    let count = try await client.countWorkflows(filter)
    if isJSON { return try output.json(count) }
    guard let groups = count.groups else { return output.line("\(count.count)") }
    var table = TerminalTable("STATUS", "COUNT")
    for group in groups { table.add(.init(group.status), .init("\(group.count)")) }
    if table.isEmpty { return output.line("no workflows") }
    output.table(table)
  }

  /// What `list` and `count` take to choose runs.
  private static func filter(_ arguments: inout Arguments) throws -> WorkflowFilter {
    var filter = WorkflowFilter(
      namespace: try arguments.namespace(), query: try arguments.option("--query"), workflowType: try arguments.option("--type"),
      workflowID: try arguments.option("--id"))
    if let text = try arguments.option("--status") {
      guard let status = WorkflowStatus(named: text) else {
        throw UsageError("--status takes \(WorkflowStatus.allCases.map(\.rawValue).joined(separator: ", ")), not '\(text)'")
      }
      filter.status = status
    }
    if let text = try arguments.option("--started-after") {
      guard let time = RecordedTime(text) else {
        throw UsageError("--started-after takes a time such as 2026-01-31T12:00:00Z, not '\(text)'")
      }
      filter.startedAfter = time
    }
    return filter
  }

  private func show(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let display = try arguments.display(client.codec)
    let (key, runID) = try Self.target(&arguments)
    try arguments.finish()
    let description = try await client.describe(key, runID: runID, showing: display)
    let report = WorkflowReport(
      description: description, history: try await client.export(description.summary.runID, showing: display).events,
      attempts: try await client.attempts(description.summary.runID, showing: display))
    if isJSON { try output.json(report) } else { report.print(to: output) }
  }

  private func export(_ arguments: inout Arguments) async throws {
    let display = try arguments.display(client.codec, otherwise: .stored)
    let (key, runID) = try Self.target(&arguments)
    try arguments.finish()
    let found = try await client.describe(key, runID: runID).summary.runID
    output.write(String(decoding: try await client.export(found, showing: display).encoded(), as: UTF8.self))
  }

  private func start(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    let input = try arguments.json("--input") ?? .null
    let wanted = try arguments.runID()
    let memo = try arguments.json("--memo")
    var options = try arguments.startOptions()
    let message = try arguments.startMessage()
    if message != nil, options.conflictPolicy == .fail { options.conflictPolicy = .useExisting }
    let attributes = try await searchAttributes(&arguments)
    let type = try arguments.required("the workflow type")
    let key = WorkflowKey(namespace: namespace, workflowID: try arguments.required("the workflow id"))
    try arguments.finish()
    let runID = try await start(type, key, input, wanted ?? .generate(), attributes, memo, options, message)
    if isJSON { return try output.json(StartedDocument(workflowID: key.workflowID, runID: runID)) }
    output.line("started \(key.workflowID), run \(runID)")
  }

  private func start(
    _ type: String, _ key: WorkflowKey, _ input: Payload, _ runID: RunID, _ attributes: SearchAttributes, _ memo: Payload?,
    _ options: StartOptions, _ message: Arguments.StartMessage?
  ) async throws -> RunID {
    switch message {
    case nil:
      try await client.start(
        type: type, key: key, input: input, runID: runID, searchAttributes: attributes, memo: memo, options: options)
    case .signal(let name, let signalInput):
      try await client.start(
        type: type, key: key, input: input, runID: runID, searchAttributes: attributes, memo: memo, options: options, signal: name,
        signalInput: signalInput)
    case .update(let name, let updateInput):
      try await client.start(
        type: type, key: key, input: input, runID: runID, searchAttributes: attributes, memo: memo, options: options, update: name,
        updateInput: updateInput)
    }
  }

  /// `--search-attribute NAME=VALUE`, any number of them; each value is read as the type of its name asks.
  private func searchAttributes(_ arguments: inout Arguments) async throws -> SearchAttributes {
    var attributes = SearchAttributes()
    var types: [String: SearchAttributeType] = [:]
    while let text = try arguments.option("--search-attribute") {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else { throw UsageError("--search-attribute takes NAME=VALUE, not '\(text)'") }
      if types.isEmpty { for known in try await client.searchAttributes() { types[known.name] = known.type } }
      guard let type = types[parts[0]] else {
        throw UsageError("there is no search attribute '\(parts[0])': `orchestratord search-attribute list` shows what there is")
      }
      guard let value = SearchAttributes.Value(parts[1], as: type) else {
        throw UsageError("search attribute '\(parts[0])' takes a value of type \(type.rawValue), such as \(type.example)")
      }
      attributes.values[parts[0]] = value
    }
    return attributes
  }

  private func signal(_ arguments: inout Arguments) async throws {
    let input = try arguments.json("--input") ?? .null
    let requestID = try arguments.option("--request-id") ?? UUID().uuidString
    let (key, _) = try Self.target(&arguments)
    let name = try arguments.required("the signal's name")
    try arguments.finish()
    try await client.signal(key, name: name, input: input, requestID: requestID)
    output.line("\(key.workflowID): signal \(name) sent")
  }

  private func update(_ arguments: inout Arguments) async throws {
    let input = try arguments.json("--input") ?? .null
    let updateID = try arguments.option("--update-id") ?? UUID().uuidString
    let (key, _) = try Self.target(&arguments)
    let name = try arguments.required("the update's name")
    try arguments.finish()
    try await client.update(key, name: name, input: input, updateID: updateID)
    try output.json(try await client.updateResult(key, updateID: updateID))
  }

  private func query(_ arguments: inout Arguments) async throws {
    let (key, _) = try Self.target(&arguments)
    let name = try arguments.required("the query's name")
    try arguments.finish()
    try output.json(try await client.query(key, name: name))
  }

  private func end(
    _ arguments: inout Arguments, _ done: String, _ action: (WorkflowKey, String) async throws -> Void
  ) async throws {
    let reason = try arguments.option("--reason") ?? ""
    let (key, _) = try Self.target(&arguments)
    try arguments.finish()
    try await action(key, reason)
    output.line("\(key.workflowID): \(done)")
  }

  private func delete(_ arguments: inout Arguments) async throws {
    let (key, runID) = try Self.target(&arguments)
    try arguments.finish()
    output.line("\(key.workflowID): run \(try await client.delete(key, runID: runID)) is deleted")
  }

  /// `ID`, with `--namespace` and `--run`.
  static func target(_ arguments: inout Arguments) throws -> (WorkflowKey, RunID?) {
    let namespace = try arguments.namespace()
    let runID = try arguments.runID()
    return (WorkflowKey(namespace: namespace, workflowID: try arguments.required("the workflow id")), runID)
  }
}
