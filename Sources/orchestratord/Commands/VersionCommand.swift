import Foundation
import Orchestrator

/// `orchestratord version ...`: versions of workflow code; alone it tells which program this is.
struct VersionCommand {
  let session: OperatorSession
  private var client: Client { session.client }
  private var output: TerminalOutput { session.output }

  static let help = """
    orchestratord version
    orchestratord version list [TYPE] [--json]
    orchestratord version set-current TYPE VERSION [--force]
    orchestratord version ramp TYPE VERSION PERCENT [--force]
    orchestratord version clear TYPE
    """

  static func run(_ arguments: inout Arguments) async throws {
    if (try? arguments.finish()) != nil { return print(Configuration.build) }
    try await OperatorSession.run(&arguments) { try await VersionCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "list": try await list(&arguments)
    case "set-current": try await setCurrent(&arguments)
    case "ramp": try await ramp(&arguments)
    case "clear": try await clear(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'version \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    let type = try arguments.positional()
    try arguments.finish()
    let versions = try await client.workflowVersions(of: type, namespace: namespace)
    if isJSON { return try output.json(Listing(items: versions, nextCursor: nil)) }
    if versions.isEmpty { return output.line("no workflow type has versions") }
    var table = TerminalTable("TYPE", "VERSION", "STATUS", "PINNED RUNS", "UPGRADING RUNS", "OLDEST", "PROCESSES")
    for version in versions {
      let share = version.rampingPercent.map { " \($0.formatted()) %" } ?? ""
      table.add(
        .init(version.workflowType), .init(version.version), .init((version.status?.rawValue ?? "") + share, Self.style(version.status)),
        .init("\(version.pinnedRuns)"), .init("\(version.upgradingRuns)"), .init(version.oldestRunAt.map(output.relative) ?? ""),
        .init("\(version.processes)"))
    }
    output.table(table)
  }

  private static func style(_ status: WorkflowVersion.Status?) -> TerminalStyle {
    switch status {
    case .current: .good
    case .ramping, .draining: .waiting
    case .drained, nil: .plain
    }
  }

  private func setCurrent(_ arguments: inout Arguments) async throws {
    let isForced = arguments.flag("--force")
    let namespace = try arguments.namespace()
    let (type, version) = (try arguments.required("the workflow type"), try arguments.required("the version"))
    try arguments.finish()
    try await client.setCurrentVersion(version, of: type, namespace: namespace, isForced: isForced)
    output.line("\(type): new runs begin with version \(version)")
  }

  private func ramp(_ arguments: inout Arguments) async throws {
    let isForced = arguments.flag("--force")
    let namespace = try arguments.namespace()
    let (type, version) = (try arguments.required("the workflow type"), try arguments.required("the version"))
    let text = try arguments.required("the share in percent")
    try arguments.finish()
    guard let percent = Double(text), (0...100).contains(percent) else { throw UsageError("the share is 0 to 100 percent, not '\(text)'") }
    try await client.setRampingVersion(percent == 0 ? nil : version, percent: percent, of: type, namespace: namespace, isForced: isForced)
    output.line("\(type): \(percent.formatted()) % of the workflow ids begin with version \(version)")
  }

  private func clear(_ arguments: inout Arguments) async throws {
    let namespace = try arguments.namespace()
    let type = try arguments.required("the workflow type")
    try arguments.finish()
    try await client.setRampingVersion(nil, of: type, namespace: namespace)
    try await client.setCurrentVersion(nil, of: type, namespace: namespace)
    output.line("\(type): new runs begin as the code says")
  }
}
