import Foundation
import Orchestrator

/// `orchestratord check`: what this build would do to the runs that are open, before it is deployed.
struct CheckCommand {
  let session: OperatorSession

  static let help = """
    orchestratord check [--namespace NAME] [--type TYPE] [--json]    every open run of the database
    orchestratord check --files FILE... [--json]                     histories that `orchestratord workflow export` wrote
    """

  static func run(_ arguments: inout Arguments) async throws {
    guard arguments.flag("--files") else {
      return try await OperatorSession.run(&arguments) { session, arguments in try await CheckCommand(session: session).run(&arguments) }
    }
    try checkFiles(&arguments, KnownWorkflows.registry, .standard)
  }

  func run(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.option("--namespace")
    let type = try arguments.option("--type")
    try arguments.finish()
    let output = session.output
    let check = try await session.client.checkOpenRuns(namespace: namespace, workflowType: type) { count in
      output.progress("\(count) open runs replayed")
    }
    output.progress("")
    if !isJSON {
      for group in check.groups {
        Self.printHead(group, session.output)
        guard let example = group.examples.first, let export = try? await session.client.export(example.runID) else { continue }
        ReplayCommand(registry: session.registry, output: session.output).printSides(group.divergence, export)
      }
    }
    try Self.report(check, "open runs", session.output, isJSON: isJSON)
  }

  static func checkFiles(_ arguments: inout Arguments, _ registry: Registry, _ output: TerminalOutput) throws {
    let isJSON = arguments.flag("--json")
    var check = ReplayCheck()
    var file: String? = try arguments.required("the file after --files")
    while let name = file {
      file = try arguments.positional()
      let export = try ReplayCommand.load(name)
      let report = try Replayer(registry).replay(export)
      check.add(
        ReplayCheck.Example(runID: export.runID, namespace: export.namespace, workflowID: export.workflowID),
        workflowType: export.workflowType, events: report.events, report.divergence)
    }
    if !isJSON { for group in check.groups { printHead(group, output) } }
    try report(check, "histories", output, isJSON: isJSON)
  }

  private static func printHead(_ group: ReplayCheck.Group, _ output: TerminalOutput) {
    let names = group.examples.map { $0.workflowID.printable.shortened(to: 60) }.joined(separator: ", ")
    let more = group.runs > group.examples.count ? " and \(group.runs - group.examples.count) more" : ""
    output.line("\(output.styled(group.workflowType.printable, .strong)): \(group.divergence.code) in \(group.runs): \(names)\(more)")
    if group.divergence.recorded == nil { output.line("     \(group.divergence.message)") }
  }

  /// - Throws: `OrchestratorError` when a history differs: the exit status is then its code's.
  private static func report(_ check: ReplayCheck, _ what: String, _ output: TerminalOutput, isJSON: Bool) throws {
    let broken = check.groups.reduce(0) { $0 + $1.runs }
    if isJSON {
      try output.json(check)
    } else if broken == 0 {
      output.line("\(check.runs) \(what), \(check.events) events: the code repeats them all")
    }
    guard let worst = check.groups.first else { return }
    throw OrchestratorError(
      ErrorCode.all.first { $0.name == worst.divergence.code } ?? .nonDeterminism,
      "\(broken) of \(check.runs) \(what) would be blocked by this build: put the change behind `workflow.patched(...)`, or give the workflow "
        + "a new name, and check again")
  }
}
