import Foundation
import Orchestrator

/// `orchestratord workflow reset|retry|fork`: runs that go on from a part of a history.
extension WorkflowCommand {
  func reset(_ arguments: inout Arguments) async throws {
    let (isJSON, isPreview) = (arguments.flag("--json"), arguments.flag("--preview"))
    guard let text = try arguments.option("--to") else { throw UsageError("--to is missing: \(Self.points)") }
    let point = try Self.point("--to", text)
    let exclusions = try Self.exclusions(&arguments)
    let reason = try arguments.option("--reason") ?? ""
    let newRunID = try Self.newRun(&arguments)
    let version = try arguments.option("--version")
    let (key, runID) = try Self.target(&arguments)
    try arguments.finish()
    if isPreview {
      let preview = try await client.previewReset(key, runID: runID, to: point, excluding: exclusions)
      return isJSON ? try output.json(preview) : print(preview)
    }
    let new = try await client.reset(
      key, runID: runID, to: point, excluding: exclusions, reason: reason, newRunID: newRunID, version: version)
    try tell(key.workflowID, new, isJSON, "goes on")
  }

  func move(_ arguments: inout Arguments) async throws {
    let reason = try arguments.option("--reason") ?? ""
    guard let versioning = try arguments.versioning() else { throw UsageError("give --version, or --auto-upgrade") }
    let (key, _) = try Self.target(&arguments)
    try arguments.finish()
    try await client.move(key, to: versioning, reason: reason)
    output.line("\(key.workflowID): will go on with \(versioning.text)")
  }

  func retry(_ arguments: inout Arguments) async throws {
    let reason = try arguments.option("--reason") ?? ""
    let (key, runID) = try Self.target(&arguments)
    try arguments.finish()
    let failed = try await client.newestRun(of: key, unless: runID)
    let new = try await client.retry(key, runID: failed, reason: reason)
    if new == failed { return output.line("\(key.workflowID): will be tried again at once") }
    try tell(key.workflowID, new, false, "goes on")
  }

  func fork(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let (from, input) = (try arguments.option("--from"), try arguments.json("--input"))
    let newRunID = try Self.newRun(&arguments)
    let (key, runID) = try Self.target(&arguments)
    let newID = try arguments.required("the workflow id of the fork")
    try arguments.finish()
    let new: RunID
    switch (from, input) {
    case (let text?, nil):
      new = try await client.fork(key, runID: runID, to: newID, from: try Self.point("--from", text), newRunID: newRunID)
    case (nil, let input?): new = try await client.fork(key, runID: runID, to: newID, input: input, newRunID: newRunID)
    default: throw UsageError("give either --from, which is \(Self.points), or --input, with which it starts anew")
    }
    try tell(newID, new, isJSON, "started")
  }

  /// What blocks runs, by reason.
  func blocked(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    try arguments.finish()
    let groups = try await client.blockedGroups(namespace: namespace)
    if isJSON { return try output.json(Listing(items: groups, nextCursor: nil)) }
    if groups.isEmpty { return output.line("no run is blocked") }
    var table = TerminalTable("FINGERPRINT", "RUNS", "CODE", "TYPE", "SINCE", "EXAMPLE", "REASON")
    for group in groups {
      table.add(
        .init(group.fingerprint), .init("\(group.runs)"), .init(group.code, .bad), .init(group.workflowType),
        .init(output.relative(group.since)),
        .init(group.exampleWorkflowID), .init(group.exampleReason.shortened(to: 200)))
    }
    output.table(table)
  }

  private func tell(_ workflowID: String, _ runID: RunID, _ isJSON: Bool, _ what: String) throws {
    if isJSON { return try output.json(StartedDocument(workflowID: workflowID, runID: runID)) }
    output.line("\(workflowID): \(what), run \(runID)")
  }

  private func print(_ preview: ResetPreview) {
    let rule = preview.isLastEventNew ? "the code decides anew what follows from the last" : "what the code did with the last is kept"
    output.line("events 1 to \(preview.lastEventID) of \(preview.events) are kept; \(rule)")
    var table = TerminalTable("WHAT", "EVENT", "SEQUENCE", "NAME")
    func add(_ what: String, _ steps: [ResetPreview.Step]) {
      for step in steps { table.add(.init(what), .init("#\(step.eventID)"), .init("\(step.sequence)"), .init(step.name ?? "")) }
    }
    add("activity begins again", preview.restartedActivities)
    add("activity runs again", preview.repeatedActivities)
    add("timer runs again", preview.repeatedTimers)
    add("child runs again", preview.repeatedChildren)
    for message in preview.messages { table.add(.init("delivered again"), .init("#\(message.eventID)"), .init(""), .init(message.name)) }
    if !table.isEmpty { output.table(table) }
  }

  private static let points = "the number of an event, first, last-activity or before-failure"

  static func point(_ option: String, _ text: String) throws -> ResetPoint {
    guard let point = ResetPoint(text) else { throw UsageError("\(option) takes \(points), not '\(text)'") }
    return point
  }

  static func exclusions(_ arguments: inout Arguments) throws -> Set<ResetExclusion> {
    let words = try arguments.option("--exclude")?.split(separator: ",").map(String.init) ?? []
    return Set(
      try words.map { word in
        guard let exclusion = ResetExclusion(rawValue: word) else {
          throw UsageError("--exclude takes signals, updates or both, not '\(word)'")
        }
        return exclusion
      })
  }

  private static func newRun(_ arguments: inout Arguments) throws -> RunID {
    guard let text = try arguments.option("--new-run") else { return .generate() }
    guard let runID = RunID(text) else { throw UsageError("--new-run takes a run id, which is a UUID, not '\(text)'") }
    return runID
  }
}

extension RunVersioning {
  fileprivate var text: String {
    switch self {
    case .pinned(let version): "version \(version)"
    case .autoUpgrade: "the current version"
    }
  }
}
