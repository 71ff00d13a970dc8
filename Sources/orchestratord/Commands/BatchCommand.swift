import Foundation
import Orchestrator

/// `orchestratord batch ...`: one operation on every run that a query finds.
struct BatchCommand {
  let session: OperatorSession
  private var client: Client { session.client }
  private var output: TerminalOutput { session.output }

  static let help = """
    orchestratord batch start ACTION --query Q [--id ID] [--reason TEXT] [--rate OPERATIONS-PER-SECOND] [--dry-run] [--follow] [--json]
      ACTION is cancel, terminate, pause, resume, retry, delete, signal NAME [--input JSON],
      or reset --to EVENT|first|last-activity|before-failure [--exclude signals,updates]
    orchestratord batch list [--limit N] [--cursor C] [--json]
    orchestratord batch show ID [--follow] [--json]
    orchestratord batch cancel ID [--reason TEXT]
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await BatchCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "start": try await start(&arguments)
    case "list": try await list(&arguments)
    case "show": try await show(&arguments)
    case "cancel": try await cancel(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'batch \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func start(_ arguments: inout Arguments) async throws {
    let (isJSON, isDry, isFollowed) = (arguments.flag("--json"), arguments.flag("--dry-run"), arguments.flag("--follow"))
    let namespace = try arguments.namespace()
    let reason = try arguments.option("--reason") ?? ""
    let id = try arguments.option("--id") ?? "batch-\(UUID().uuidString.lowercased())"
    guard let query = try arguments.option("--query") else {
      throw UsageError("--query is missing: which runs, for example \"WorkflowType = 'PublishTrack'\"; --dry-run only shows them")
    }
    var rate = 50.0
    if let text = try arguments.option("--rate") {
      guard let number = Double(text) else { throw UsageError("--rate takes operations a second, not '\(text)'") }
      rate = number
    }
    let action = try Self.action(&arguments)
    try arguments.finish()
    if isDry { return try await preview(action, query, namespace, isJSON) }
    let batch = try await client.startBatch(
      action, query: query, id: id, reason: reason, operationsPerSecond: rate, namespace: namespace)
    if isFollowed { return try await follow(id, namespace, isJSON) }
    if isJSON { return try output.json(StartedDocument(workflowID: id, runID: batch.runID ?? .generate())) }
    output.line("\(id): begun; `orchestratord batch show \(id)` tells how far it is")
  }

  private static func action(_ arguments: inout Arguments) throws -> BatchAction {
    switch try arguments.positional() {
    case "cancel": .cancel
    case "terminate": .terminate
    case "pause": .pause
    case "resume": .resume
    case "retry": .retry
    case "delete": .delete
    case "signal":
      .signal(name: try arguments.required("the signal's name"), input: try arguments.json("--input") ?? .null)
    case "reset":
      .reset(
        to: try WorkflowCommand.point("--to", try arguments.option("--to") ?? ""), excluding: try WorkflowCommand.exclusions(&arguments))
    case let word: throw UsageError("\(word.map { "a batch cannot '\($0)'" } ?? "say what to do to each run"):\n\(help)")
    }
  }

  private func preview(_ action: BatchAction, _ query: String, _ namespace: String, _ isJSON: Bool) async throws {
    let preview = try await client.previewBatch(action, query: query, namespace: namespace)
    if isJSON { return try output.json(preview) }
    output.line("\(action): \(preview.count) runs" + (preview.count > preview.items.count ? ", the first of them:" : ""))
    var table = TerminalTable("STATUS", "WORKFLOW ID", "TYPE", "RUN", "STARTED")
    for run in preview.items {
      table.add(
        .init(run.status.rawValue, TerminalStyle(run.status)), .init(run.workflowID), .init(run.workflowType), .init("\(run.runID)"),
        .init(output.relative(run.startedAt)))
    }
    if !table.isEmpty { output.table(table) }
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    let limit = try arguments.number("--limit", in: 1...1000) ?? 50
    let cursor = try arguments.option("--cursor")
    try arguments.finish()
    let page = try await client.listBatches(namespace: namespace, limit: limit, cursor: cursor)
    if isJSON { return try output.json(page) }
    if page.items.isEmpty { return output.line("no batches") }
    var table = TerminalTable("STATUS", "ID", "ACTION", "DONE", "SKIPPED", "FAILED", "OF", "BEGAN", "BY", "QUERY")
    for batch in page.items {
      table.add(
        .init(batch.status.rawValue, TerminalStyle(batch.status)), .init(batch.batchID), .init(batch.action),
        .init("\(batch.progress.done)"), .init("\(batch.progress.skipped)"),
        .init("\(batch.progress.failed)", batch.progress.failed == 0 ? .plain : .bad), .init("\(batch.progress.total)"),
        .init(output.relative(batch.beganAt)), .init(batch.identity), .init(batch.query.shortened(to: 60)))
    }
    output.table(table)
    if let next = page.nextCursor { output.line("more: --cursor \(next)") }
  }

  private func show(_ arguments: inout Arguments) async throws {
    let (isJSON, isFollowed) = (arguments.flag("--json"), arguments.flag("--follow"))
    let namespace = try arguments.namespace()
    let id = try arguments.required("the batch's id")
    try arguments.finish()
    if isFollowed { return try await follow(id, namespace, isJSON) }
    try tell(try await client.describeBatch(id, namespace: namespace), isJSON)
  }

  /// Tells of progress until the batch has ended.
  private func follow(_ id: String, _ namespace: String, _ isJSON: Bool) async throws {
    var last = BatchProgress?.none
    while true {
      do {
        let batch = try await client.describeBatch(id, namespace: namespace)
        if !batch.status.isOpen { return try tell(batch, isJSON) }
        if batch.progress != last, !isJSON { output.line("\(batch.progress.text)") }
        last = batch.progress
      } catch let error as OrchestratorError where error.code == .unavailable {}
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  private func tell(_ batch: BatchDescription, _ isJSON: Bool) throws {
    if isJSON { return try output.json(batch) }
    output.write(
      "\(output.styled(batch.batchID, .strong))  \(batch.action.printable)  "
        + "\(output.styled(batch.status.rawValue, TerminalStyle(batch.status)))\n")
    output.line("  query     \(batch.query)")
    let ended = batch.endedAt.map { ", ended \(output.relative($0))" } ?? ""
    output.line("  began     \(output.relative(batch.beganAt)) by \(batch.identity)\(ended), \(batch.rate.formatted()) a second at most")
    if !batch.reason.isEmpty { output.line("  reason    \(batch.reason)") }
    output.line("  progress  \(batch.progress.text)")
    guard !batch.failures.isEmpty else { return }
    var table = TerminalTable("REFUSED", "RUN", "ERROR", "REASON")
    for failure in batch.failures {
      table.add(
        .init(failure.workflowID ?? ""), .init("\(failure.runID)"), .init(failure.code, .bad), .init(failure.reason.shortened(to: 100)))
    }
    output.table(table, indent: "  ")
  }

  private func cancel(_ arguments: inout Arguments) async throws {
    let reason = try arguments.option("--reason") ?? ""
    let namespace = try arguments.namespace()
    let id = try arguments.required("the batch's id")
    try arguments.finish()
    try await client.cancelBatch(id, reason: reason, namespace: namespace)
    output.line("\(id): deals with no further run")
  }
}

extension BatchProgress {
  fileprivate var text: String { "\(done) done, \(skipped) skipped, \(failed) refused, of \(total)" }
}
