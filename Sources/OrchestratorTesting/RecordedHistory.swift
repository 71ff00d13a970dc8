import Foundation
import Orchestrator

/// What is recorded of one run, as tests ask for it.
public struct RecordedHistory: Sendable, CustomStringConvertible {
  /// The same as `orchestratord workflow export` writes.
  public let export: HistoryExport
  private let attributes: [Attributes]

  /// The fields that are read here, of events of any type.
  private struct Attributes: Decodable {
    var sequence: Int32?
    var activityType: String?
    var markerName: String?
    var updateName: String?
    var signalName: String?
    var workflowType: String?
    var startToFireMilliseconds: Int64?
    var newExecutionRunId: String?
    var patchId: String?
    var options: Options?

    struct Options: Decodable { var versioning: Versioning? }
    struct Versioning: Decodable { var version: String? }
  }

  init(_ export: HistoryExport) throws {
    self.export = export
    attributes = try export.events.map { try PayloadCodec.decode(Attributes.self, from: $0.attributes) }
  }

  /// Temporal's names of the events, in order.
  public var events: [String] { export.events.map(\.type) }

  /// The version of its code that the run began with; nil for code without one.
  public var version: String? { attributes.first?.options?.versioning?.version }

  /// How many events of a type there are.
  public func count(of type: String) -> Int { events.count { $0 == type } }

  /// The activities that were asked for, in order; inline steps are not among them.
  public var activities: [String] { values("ActivityTaskScheduled", \.activityType) }

  /// The inline steps that were recorded, in order.
  public var inlineSteps: [String] { values("MarkerRecorded", \.markerName) }

  /// The timers that were started, in order.
  public var timers: [Duration] { values("TimerStarted", \.startToFireMilliseconds).map { .milliseconds($0) } }

  /// The signals that the run got, in order.
  public var signals: [String] { values("WorkflowExecutionSignaled", \.signalName) }

  /// The workflow types of the children that were asked for, in order.
  public var children: [String] { values("StartChildWorkflowExecutionInitiated", \.workflowType) }

  /// The patches that were recorded, in order.
  public var patches: [String] { values("PatchRecorded", \.patchId) }

  private func values<Value>(_ type: String, _ field: KeyPath<Attributes, Value?>) -> [Value] {
    zip(export.events, attributes).compactMap { $0.type == type ? $1[keyPath: field] : nil }
  }

  /// The run that continues this one.
  var successor: RunID? { values("WorkflowExecutionContinuedAsNew", \.newExecutionRunId).first.flatMap { RunID($0) } }

  /// The number of the newest activity of this name that has no outcome yet.
  func pendingActivity(_ name: String) -> Int32? {
    var pending: Int32?
    for (event, fields) in zip(export.events, attributes) {
      if event.type == "ActivityTaskScheduled", fields.activityType == name {
        pending = fields.sequence
      } else if Self.ends.contains(event.type), fields.sequence == pending {
        pending = nil
      }
    }
    return pending
  }

  private static let ends: Set<String> = [
    "ActivityTaskCompleted", "ActivityTaskFailed", "ActivityTaskTimedOut", "ActivityTaskCancelRequested",
    "ActivityTaskCanceled",
  ]

  /// Writes it into a file, to be replayed by later builds.
  /// - Throws: what writing the file throws.
  public func write(to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(export) + Data("\n".utf8)).write(to: file)
  }

  public var description: String { zip(export.events, attributes).map(Self.line).joined(separator: "\n") }

  private static func line(_ event: HistoryEntry, _ fields: Attributes) -> String {
    let names = [
      fields.activityType, fields.signalName, fields.updateName, fields.markerName, fields.patchId, fields.workflowType,
    ]
    let subject = names.lazy.compactMap { $0 }.first.map { " \($0)" } ?? ""
    return "\(event.eventID) \(event.type)\(subject)"
  }
}
