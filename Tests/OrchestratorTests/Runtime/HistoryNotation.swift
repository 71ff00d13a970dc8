@testable import Orchestrator

/// A history as text, one line per event: id, type, what names it, and the event that caused it.
///
///     1 WorkflowExecutionStarted
///     2 ActivityTaskScheduled 'work' #1 <- 1
///     3 ActivityTaskCompleted #1 <- 2
enum HistoryNotation {
  static func text(_ history: [HistoryEvent]) throws -> String {
    try history.map(line).joined(separator: "\n")
  }

  private static func line(_ event: HistoryEvent) throws -> String {
    let reader = try AttributesReader(event.attributes)
    var line = "\(event.eventID) \(event.type.name)"
    let names = ["activityType", "signalName", "markerName", "patchId"].lazy.compactMap { reader.text($0) }
    if let name = names.first { line += " '\(name)'" }
    if let sequence = try reader.sequence() { line += " #\(sequence)" }
    if event.causedBy > 0 { line += " <- \(event.causedBy)" }
    return line
  }
}
