import Foundation
import Orchestrator

/// All about one run, as `workflow show` tells it.
struct WorkflowReport: Encodable {
  let description: WorkflowDescription
  let history: [HistoryEntry]
  let attempts: [FailedAttempt]

  enum CodingKeys: String, CodingKey { case history, attempts }

  func encode(to encoder: any Encoder) throws {
    try description.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(history, forKey: .history)
    try container.encode(attempts, forKey: .attempts)
  }

  func print(to output: TerminalOutput) {
    printHead(to: output)
    printPending(to: output)
    printAttempts(to: output)
    printHistory(to: output)
  }

  private func printHead(to output: TerminalOutput) {
    let (run, details) = (description.summary, description.details)
    let status = output.styled(run.status.rawValue, TerminalStyle(run.status))
    output.write("\(output.styled(run.workflowID, .strong))  \(run.workflowType.printable)  \(status)\n")
    func field(_ name: String, _ value: String?) {
      guard let value else { return }
      output.line("  " + name.padding(toLength: 11, withPad: " ", startingAt: 0) + value)
    }
    field("run", "\(run.runID)" + (run.namespace == "default" ? "" : " in namespace \(run.namespace)"))
    field("started", "\(output.relative(run.startedAt)) (\(run.startedAt))" + (details.startedBy.map { " by \($0)" } ?? ""))
    field("version", run.version.map { $0 + (run.isPinned == true ? ", pinned" : ", or the current one") })
    field("closed", run.closedAt.map { "\(output.relative($0)) (\($0))" })
    if let paused = details.paused {
      field("paused", "\(output.relative(paused.since)) by \(paused.identity)" + (paused.reason.isEmpty ? "" : ": \(paused.reason)"))
    }
    if let blocked = details.blocked {
      field("blocked", "\(blocked.code), \(output.relative(blocked.since)), tried \(blocked.attempts) times by \(blocked.build)")
      field("because", blocked.reason)
      field("to do", "deploy code that fits, or `orchestratord workflow retry \(run.workflowID)`; docs/errors/\(blocked.code).md")
    } else {
      field("waits for", run.waitsFor.map { $0 + (details.parkedAt.map { ", since \(output.relative($0))" } ?? "") })
    }
    for reset in details.resets {
      let what = reset.isFork ? "fork" : "reset"
      let by = " by \(reset.identity), \(output.relative(reset.at))" + (reset.reason.isEmpty ? "" : ": \(reset.reason)")
      if reset.runID == run.runID {
        field(what, "of run \(reset.baseRunID), events 1 to \(reset.eventID) are its" + by)
      } else {
        field(what, "run \(reset.runID) goes on from events 1 to \(reset.eventID)" + by)
      }
    }
    field("attributes", run.searchAttributes?.text.shortened(to: 500))
    field("memo", details.memo?.text.shortened(to: 500))
    field("input", details.input?.text.shortened(to: 500))
    field("state", details.state?.text.shortened(to: 500))
    field("outcome", details.outcome?.text.shortened(to: 500))
  }

  private func printPending(to output: TerminalOutput) {
    for timer in description.details.pendingTimers {
      output.line(
        "  timer (\(timer.sequence))".padding(toLength: 13, withPad: " ", startingAt: 0)
          + "due \(output.relative(timer.firesAt)) (\(timer.firesAt))")
    }
    guard !description.details.pendingActivities.isEmpty else { return }
    output.write("\npending activities\n")
    output.table(ActivityCommand.table(description.details.pendingActivities, output), indent: "  ")
  }

  private func printAttempts(to output: TerminalOutput) {
    guard !attempts.isEmpty else { return }
    output.write("\nfailed attempts\n")
    var table = TerminalTable("ACTIVITY", "ATTEMPT", "ENDED", "WORKER", "ERROR")
    for attempt in attempts {
      table.add(
        .init("\(attempt.activityType) (\(attempt.sequence))"), .init("\(attempt.attempt)"), .init(output.relative(attempt.endedAt)),
        .init(attempt.worker), .init("\(attempt.failure.type): \(attempt.failure.message)".shortened(to: 200), .bad))
    }
    output.table(table, indent: "  ")
  }

  private func printHistory(to output: TerminalOutput) {
    output.write("\nhistory: \(history.count) events\n")
    var names: [Int32: String] = [:]
    for event in history {
      let line = HistoryLine(event, activityNames: &names)
      let since = event.at.microseconds - (history.first?.at.microseconds ?? 0)
      let time = "+" + TerminalOutput.length(microseconds: since)
      let cause = line.cause.isEmpty ? "" : "  " + output.styled(line.cause, .faint)
      output.write("  \(output.styled(time.padding(toLength: 9, withPad: " ", startingAt: 0), .faint))\(line.text.printable)\(cause)\n")
    }
  }
}

/// One event as a line: number, name, what it is about, and why it happened.
struct HistoryLine {
  let text: String
  /// `because of #4` for what the code did, `answers #4` for what it had asked for; empty for what came from outside.
  let cause: String

  /// - Parameter activityNames: names by sequence, which only the events that schedule carry.
  init(_ event: HistoryEntry, activityNames: inout [Int32: String]) {
    let attributes = (try? JSONDecoder().decode(Attributes.self, from: Data(event.attributes.bytes))) ?? Attributes()
    if let sequence = attributes.sequence, let name = attributes.activityType { activityNames[sequence] = name }
    let asked = attributes.sequence.flatMap { activityNames[$0] }
    let subject =
      attributes.activityType ?? attributes.signalName ?? attributes.markerName ?? attributes.patchID ?? attributes.workflowType
      ?? asked ?? ""
    let detail = attributes.failure.map { "\($0.type): \($0.message)" } ?? attributes.reason ?? ""
    text = ["#\(event.eventID)", event.type, subject, detail.shortened(to: 120)].filter { !$0.isEmpty }.joined(separator: " ")
    let isAnswer =
      ["ActivityTaskCompleted", "ActivityTaskFailed", "ActivityTaskTimedOut", "ActivityTaskCanceled", "TimerFired"].contains(event.type)
    cause = event.causedBy == 0 ? "" : isAnswer ? "answers #\(event.causedBy)" : "because of #\(event.causedBy)"
  }

  private struct Attributes: Decodable {
    var sequence: Int32?
    var activityType: String?
    var signalName: String?
    var markerName: String?
    var patchID: String?
    var workflowType: String?
    var failure: Failure?
    var reason: String?

    enum CodingKeys: String, CodingKey {
      case patchID = "patchId"
      case sequence, activityType, signalName, markerName, workflowType, failure, reason
    }
  }
}
