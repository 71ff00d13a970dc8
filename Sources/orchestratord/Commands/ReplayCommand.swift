import Foundation
import Orchestrator

/// `orchestratord replay FILE | --run ID`: stored history against the code of this build.
struct ReplayCommand {
  let registry: Registry
  let output: TerminalOutput

  static let help = """
    orchestratord replay FILE [--json]           a history that `orchestratord workflow export` wrote
    orchestratord replay --run ID [--json]       a run id, or a workflow id for its newest run
    """

  static func run(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let command = ReplayCommand(registry: KnownWorkflows.registry, output: .standard)
    guard let name = try arguments.option("--run") else {
      let file = try arguments.required("the file (or --run ID)")
      let codec = try Configuration(&arguments).codec
      try arguments.finish()
      return try command.replay(decoded(try load(file), codec), isJSON: isJSON)
    }
    try await OperatorSession.run(&arguments) { session, arguments in
      let namespace = try arguments.namespace()
      try arguments.finish()
      try command.replay(decoded(try await export(name, in: namespace, session.client), session.client.codec), isJSON: isJSON)
    }
  }

  private static func decoded(_ export: HistoryExport, _ codec: CodecChain?) -> HistoryExport { codec.map { export.decoded($0) } ?? export }

  static func load(_ file: String) throws -> HistoryExport {
    guard let data = FileManager.default.contents(atPath: file) else { throw UsageError("the file \(file) cannot be read") }
    return try HistoryExport(reading: [UInt8](data))
  }

  static func export(_ name: String, in namespace: String, _ client: Client) async throws -> HistoryExport {
    if let runID = RunID(name) { return try await client.export(runID) }
    return try await client.export(try await client.newestRun(of: WorkflowKey(namespace: namespace, workflowID: name)))
  }

  /// Says what the replay found.
  /// - Throws: `OrchestratorError` when code and history part: the exit status is then its code's.
  func replay(_ export: HistoryExport, isJSON: Bool) throws {
    let report = try Replayer(registry).replay(export)
    if isJSON {
      try output.json(report)
    } else {
      output.line("\(report.workflowID) (\(report.workflowType)), run \(report.runID): \(report.events) events")
      if let divergence = report.divergence { printSides(divergence, export) }
    }
    guard let divergence = report.divergence else {
      if !isJSON { output.line("the code repeats the history") }
      return
    }
    throw OrchestratorError(ErrorCode.all.first { $0.name == divergence.code } ?? .nonDeterminism, divergence.message)
  }

  func printSides(_ divergence: Replayer.Divergence, _ export: HistoryExport) {
    guard let eventID = divergence.eventID else { return }
    var names: [Int32: String] = [:]
    for event in export.events where event.eventID < eventID {
      let line = HistoryLine(event, activityNames: &names)
      if event.eventID >= eventID - 3 { output.line("     same  \(line.text)  \(line.cause)") }
    }
    var table = TerminalTable("EVENT", "", "")
    table.add(.init("#\(eventID)"), "recorded", .init(divergence.recorded ?? "", .good))
    table.add("", "code", .init(divergence.found ?? "", .bad))
    output.table(table)
  }
}
