import Foundation
import Orchestrator

/// `orchestratord schedule ...`: workflows that start by the clock.
struct ScheduleCommand {
  let session: OperatorSession
  private var client: Client { session.client }
  private var output: TerminalOutput { session.output }

  static let help = """
    orchestratord schedule create ID TYPE [--input JSON] [--workflow-id ID] TIMES [POLICIES] [--paused] [--note TEXT] [--remaining-actions N]
    orchestratord schedule update ID [--type TYPE] [--input JSON] [--workflow-id ID] [TIMES] [POLICIES] [--note TEXT] [--remaining-actions N]
      TIMES: --cron TEXT, --interval 90m/15m, --calendar JSON, --exclude JSON, each as often as wanted;
        --time-zone ZONE, --jitter 30s, --start-time TIME, --end-time TIME; or all of it as --spec JSON
      POLICIES: --overlap-policy Skip|BufferOne|BufferAll|CancelOther|TerminateOther|AllowAll, --catchup-window 1h, --pause-on-failure yes|no
    orchestratord schedule list [--limit N] [--cursor C] [--json]
    orchestratord schedule describe ID [--json]
    orchestratord schedule preview ID [--from TIME] [--through TIME] [--limit N] [--json]
    orchestratord schedule pause|unpause ID [--note TEXT]
    orchestratord schedule trigger ID [--overlap-policy P]
    orchestratord schedule backfill ID --from TIME --through TIME [--overlap-policy P]
    orchestratord schedule delete ID
    """

  static func run(_ arguments: inout Arguments) async throws {
    try await OperatorSession.run(&arguments) { try await ScheduleCommand(session: $0).run(&$1) }
  }

  func run(_ arguments: inout Arguments) async throws {
    switch try arguments.positional() {
    case "create": try await create(&arguments)
    case "update": try await update(&arguments)
    case "list": try await list(&arguments)
    case "describe": try await describe(&arguments)
    case "preview": try await preview(&arguments)
    case "pause": try await annotate(&arguments, "paused") { try await client.pauseSchedule($0, note: $1, namespace: $2) }
    case "unpause": try await annotate(&arguments, "unpaused") { try await client.unpauseSchedule($0, note: $1, namespace: $2) }
    case "trigger": try await trigger(&arguments)
    case "backfill": try await backfill(&arguments)
    case "delete": try await delete(&arguments)
    case let word: throw UsageError("\(word.map { "there is no 'schedule \($0)'" } ?? "say what to do"):\n\(Self.help)")
    }
  }

  private func create(_ arguments: inout Arguments) async throws {
    var schedule = Schedule(specification: ScheduleSpecification(), action: ScheduleAction(workflowType: "", workflowID: ""))
    schedule.state.isPaused = arguments.flag("--paused")
    let workflowID = try arguments.option("--workflow-id")
    try arguments.change(&schedule)
    let (namespace, id) = try Self.target(&arguments)
    schedule.action.workflowType = try arguments.required("the workflow type")
    schedule.action.workflowID = workflowID ?? id
    try arguments.finish()
    try await client.createSchedule(id, schedule, namespace: namespace)
    let next = try await client.describeSchedule(id, namespace: namespace).info.nextTimes.first
    output.line("created \(id), \(next.map { "next time \($0.nominal)" } ?? "which acts when it is triggered")")
  }

  /// What is not named stays as it is; somebody else's change in the meantime is not undone.
  private func update(_ arguments: inout Arguments) async throws {
    let type = try arguments.option("--type")
    let workflowID = try arguments.option("--workflow-id")
    var unchanged = Schedule(specification: ScheduleSpecification(), action: ScheduleAction(workflowType: "", workflowID: ""))
    var rest = arguments
    try rest.change(&unchanged)
    let (namespace, id) = try Self.target(&rest)
    try rest.finish()
    let found = try await client.describeSchedule(id, namespace: namespace)
    var schedule = found.schedule
    try arguments.change(&schedule)
    schedule.action.workflowType = type ?? schedule.action.workflowType
    schedule.action.workflowID = workflowID ?? schedule.action.workflowID
    try await client.updateSchedule(id, to: schedule, ifVersion: found.version, namespace: namespace)
    output.line("\(id): updated")
  }

  private func list(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let namespace = try arguments.namespace()
    let limit = try arguments.number("--limit", in: 1...1000) ?? 50
    let cursor = try arguments.option("--cursor")
    try arguments.finish()
    let page = try await client.listSchedules(namespace: namespace, limit: limit, cursor: cursor)
    if isJSON { return try output.json(page) }
    var table = TerminalTable("SCHEDULE ID", "TYPE", "STATE", "NEXT", "LAST", "STARTED", "SKIPPED", "MISSED", "NOTE")
    for schedule in page.items {
      let (info, state) = (schedule.info, schedule.schedule.state)
      table.add(
        .init(schedule.scheduleID), .init(schedule.schedule.action.workflowType), Self.stateCell(schedule),
        .init(info.nextTimes.first.map { output.relative($0.actual) } ?? ""),
        .init(info.recentActions.first.map { output.relative($0.startedAt) } ?? ""), .init("\(info.actionCount)"),
        .init("\(info.overlapSkipped + info.bufferDropped)"), .init("\(info.missedCatchupWindow)"),
        .init((info.problem ?? state.note).shortened(to: 60), info.problem == nil ? .plain : .bad))
    }
    if table.isEmpty { return output.line("no schedules") }
    output.table(table)
    if let next = page.nextCursor { output.line("more: --cursor \(next)") }
  }

  static func stateCell(_ description: ScheduleDescription) -> TerminalTable.Cell {
    if description.info.problem != nil { return .init("Problem", .bad) }
    if description.schedule.state.isPaused { return .init("Paused", .waiting) }
    return description.info.nextTimes.isEmpty ? .init("Ended", .faint) : .init("Active", .good)
  }

  private func describe(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    let description = try await client.describeSchedule(id, namespace: namespace)
    if isJSON { try output.json(description) } else { try ScheduleReport(description: description).print(to: output) }
  }

  /// From now on, for a year, unless said otherwise.
  private func preview(_ arguments: inout Arguments) async throws {
    let isJSON = arguments.flag("--json")
    let from = try arguments.time("--from") ?? RecordedTime(microseconds: output.now())
    let through = try arguments.time("--through") ?? RecordedTime(microseconds: from.microseconds + 366 * 86_400_000_000)
    let limit = try arguments.number("--limit", in: 1...1000) ?? 10
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    let times = try await client.previewTimes(id, from: from, through: through, limit: limit, namespace: namespace)
    if isJSON { return try output.json(times) }
    if times.isEmpty { return output.line("no times") }
    for time in times { output.line("\(time.nominal)" + (time.actual == time.nominal ? "" : "  at \(time.actual)")) }
  }

  private func annotate(
    _ arguments: inout Arguments, _ done: String, _ action: (String, String, String) async throws -> Void
  ) async throws {
    let note = try arguments.option("--note") ?? ""
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    try await action(id, note, namespace)
    output.line("\(id): \(done)")
  }

  private func trigger(_ arguments: inout Arguments) async throws {
    let overlap = try arguments.overlapPolicy() ?? .allowAll
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    try await client.triggerSchedule(id, overlap: overlap, namespace: namespace)
    output.line("\(id): starts now")
  }

  private func backfill(_ arguments: inout Arguments) async throws {
    let overlap = try arguments.overlapPolicy() ?? .bufferAll
    guard let from = try arguments.time("--from"), let through = try arguments.time("--through") else {
      throw UsageError("--from and --through are needed: the span whose times are started")
    }
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    try await client.backfillSchedule(id, from: from, through: through, overlap: overlap, namespace: namespace)
    output.line("\(id): starts its times from \(from) through \(through)")
  }

  private func delete(_ arguments: inout Arguments) async throws {
    let (namespace, id) = try Self.target(&arguments)
    try arguments.finish()
    try await client.deleteSchedule(id, namespace: namespace)
    output.line("\(id): deleted")
  }

  /// `ID`, with `--namespace`.
  private static func target(_ arguments: inout Arguments) throws -> (namespace: String, id: String) {
    (try arguments.namespace(), try arguments.required("the schedule id"))
  }
}
