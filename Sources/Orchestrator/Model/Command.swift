/// What workflow code asks for. Each becomes one event; at replay it is compared with the event recorded under the same cause.
enum Command: Sendable {
  case scheduleActivity(ActivityTask)
  case requestCancelActivity(sequence: Int32)
  case startTimer(sequence: Int32, milliseconds: Int64)
  case cancelTimer(sequence: Int32)
  /// From here on the run takes the new way at every place with this identifier.
  case recordPatch(identifier: String)
  case completeUpdate(updateID: String, outcome: StepOutcome)
  case upsertSearchAttributes(SearchAttributesUpsert)
  case completeWorkflow(result: Payload)
  case failWorkflow(Failure)
  case cancelWorkflow
  case continueAsNew(workflowType: String, input: Payload)
  case startChild(ChildTask)
  case requestCancelChild(sequence: Int32)
  case signalChild(sequence: Int32, name: String, input: Payload)
  case requestCancelExternal(sequence: Int32, workflowID: String)
  case signalExternal(sequence: Int32, workflowID: String, name: String, input: Payload)
}

/// An activity as its schedule event records it. A class, for it is large and passes through many hands unchanged.
final class ActivityTask: Sendable, Equatable {
  let sequence: Int32
  let activityType: String
  let input: Payload
  let options: ActivityOptions
  /// A JSON object; nil for none.
  let header: Payload?

  init(sequence: Int32, activityType: String, input: Payload, options: ActivityOptions, header: Payload? = nil) {
    self.sequence = sequence
    self.activityType = activityType
    self.input = input
    self.options = options
    self.header = header
  }

  static func == (left: ActivityTask, right: ActivityTask) -> Bool {
    left.sequence == right.sequence && left.activityType == right.activityType && left.input == right.input && left.options == right.options
  }
}

/// What code sets of its run's search attributes. A class, as rare as it is in a list of commands.
final class SearchAttributesUpsert: Sendable {
  let sequence: Int32
  /// What changes, as the event records it: a JSON object.
  let changes: Payload
  /// All of the run from now on, as its row holds them.
  let attributes: Payload

  init(sequence: Int32, changes: Payload, attributes: Payload) {
    self.sequence = sequence
    self.changes = changes
    self.attributes = attributes
  }
}

/// A step that is recorded with its result only. Nothing stores its input, a replay asks for the step again: so it stays the value it is.
final class InlineTask: Sendable {
  let sequence: Int32
  let activityType: String
  let input: any Codable & Sendable
  let options: ActivityOptions
  let header: Payload?

  init(sequence: Int32, activityType: String, input: any Codable & Sendable, options: ActivityOptions, header: Payload? = nil) {
    self.sequence = sequence
    self.activityType = activityType
    self.input = input
    self.options = options
    self.header = header
  }
}

extension Command {
  var type: EventType {
    switch self {
    case .scheduleActivity: .activityTaskScheduled
    case .requestCancelActivity: .activityTaskCancelRequested
    case .startTimer: .timerStarted
    case .cancelTimer: .timerCanceled
    case .recordPatch: .patchRecorded
    case .completeUpdate: .workflowExecutionUpdateCompleted
    case .upsertSearchAttributes: .upsertWorkflowSearchAttributes
    case .completeWorkflow: .workflowExecutionCompleted
    case .failWorkflow: .workflowExecutionFailed
    case .cancelWorkflow: .workflowExecutionCanceled
    case .continueAsNew: .workflowExecutionContinuedAsNew
    case .startChild: .startChildWorkflowExecutionInitiated
    case .requestCancelChild, .requestCancelExternal: .requestCancelExternalWorkflowExecutionInitiated
    case .signalChild, .signalExternal: .signalExternalWorkflowExecutionInitiated
    }
  }

  var closeStatus: CloseStatus? {
    switch self {
    case .completeWorkflow: .completed
    case .failWorkflow: .failed
    case .cancelWorkflow: .canceled
    case .continueAsNew: .continuedAsNew
    default: nil
    }
  }

  /// - Parameters:
  ///   - newRunID: of the run that the command starts, or that tries a failed one again.
  ///   - retryState: of a failed run with a retry policy: whether it is tried again, or why not.
  func encoded(newRunID: RunID? = nil, retryState: String? = nil) -> [UInt8] {
    var writer = AttributesWriter(capacity: 128 + payloadBytes)
    switch self {
    case .scheduleActivity(let task):
      writer.field("sequence", Int64(task.sequence))
      writer.field("activityType", task.activityType)
      writer.field("taskQueue", task.options.taskQueue)
      writer.field("input", task.input)
      if let options = task.options.recorded { writer.field("options", options) }
      writer.field("header", task.header)
    case .requestCancelActivity(let sequence), .cancelTimer(let sequence), .requestCancelChild(let sequence):
      writer.field("sequence", Int64(sequence))
    case .startTimer(let sequence, let milliseconds):
      writer.field("sequence", Int64(sequence))
      writer.field("startToFireMilliseconds", milliseconds)
    case .recordPatch(let identifier): writer.field("patchId", identifier)
    case .completeUpdate(let updateID, let outcome):
      writer.field("updateId", updateID)
      outcome.write(to: &writer)
    case .upsertSearchAttributes(let upsert):
      writer.field("sequence", Int64(upsert.sequence))
      writer.field("searchAttributes", upsert.changes)
    case .completeWorkflow(let result): writer.field("result", result)
    case .failWorkflow(let failure):
      writer.field("failure", failure.payload)
      writer.field("retryState", retryState)
      writer.field("newExecutionRunId", newRunID?.description)
    case .cancelWorkflow: break
    case .continueAsNew(let workflowType, let input):
      writer.field("newExecutionRunId", newRunID?.description)
      writer.field("workflowType", workflowType)
      writer.field("input", input)
    case .startChild(let task):
      writer.field("sequence", Int64(task.sequence))
      writer.field("workflowType", task.workflowType)
      writer.field("workflowId", task.workflowID)
      writer.field("runId", newRunID?.description)
      writer.field("input", task.input)
      writer.field("parentClosePolicy", task.parentClosePolicy.rawValue)
      if let options = task.options { writer.field("options", options.payload) }
      if let attributes = task.searchAttributes { writer.field("searchAttributes", attributes) }
      if let memo = task.memo { writer.field("memo", memo) }
      writer.field("header", task.header)
    case .requestCancelExternal(let sequence, let workflowID):
      writer.field("sequence", Int64(sequence))
      writer.field("workflowId", workflowID)
    case .signalExternal(let sequence, let workflowID, let name, let input):
      writer.field("sequence", Int64(sequence))
      writer.field("workflowId", workflowID)
      writer.field("signalName", name)
      writer.field("input", input)
    case .signalChild(let sequence, let name, let input):
      writer.field("sequence", Int64(sequence))
      writer.field("signalName", name)
      writer.field("input", input)
    }
    return writer.finish()
  }

  private var payloadBytes: Int {
    switch self {
    case .scheduleActivity(let task): task.input.bytes.count
    case .completeWorkflow(let result): result.bytes.count
    case .continueAsNew(_, let input), .signalChild(_, _, let input), .signalExternal(_, _, _, let input): input.bytes.count
    case .startChild(let task): task.input.bytes.count
    default: 0
    }
  }

  /// What replay compares: kind, name and sequence. Inputs, timeouts and policies may change between builds.
  var fingerprint: CommandFingerprint {
    switch self {
    case .scheduleActivity(let task): CommandFingerprint(type: type, sequence: task.sequence, name: task.activityType)
    case .startChild(let task): CommandFingerprint(type: type, sequence: task.sequence, name: task.workflowType)
    case .signalChild(let sequence, let name, _), .signalExternal(let sequence, _, let name, _):
      CommandFingerprint(type: type, sequence: sequence, name: name)
    case .requestCancelActivity(let sequence), .startTimer(let sequence, _), .cancelTimer(let sequence), .requestCancelChild(let sequence),
      .requestCancelExternal(let sequence, _):
      CommandFingerprint(type: type, sequence: sequence, name: nil)
    case .recordPatch(let identifier): CommandFingerprint(type: type, sequence: 0, name: identifier)
    case .completeUpdate(let updateID, _): CommandFingerprint(type: type, sequence: 0, name: updateID)
    case .upsertSearchAttributes(let upsert): CommandFingerprint(type: type, sequence: upsert.sequence, name: nil)
    case .completeWorkflow, .failWorkflow, .cancelWorkflow, .continueAsNew: CommandFingerprint(type: type, sequence: 0, name: nil)
    }
  }
}

struct CommandFingerprint: Sendable, Equatable, CustomStringConvertible {
  let type: EventType
  let sequence: Int32
  let name: String?

  init(type: EventType, sequence: Int32, name: String?) {
    self.type = type
    self.sequence = sequence
    self.name = name
  }

  /// - Throws: `AttributesError` when the row is damaged.
  init(_ event: HistoryEvent) throws {
    let reader = try AttributesReader(event.attributes)
    let name =
      switch event.type {
      case .startChildWorkflowExecutionInitiated: reader.text("workflowType")
      case .signalExternalWorkflowExecutionInitiated: reader.text("signalName")
      default: reader.text("activityType") ?? reader.text("patchId") ?? reader.text("updateId")
      }
    self.init(type: event.type, sequence: try reader.sequence() ?? 0, name: name)
  }

  var description: String {
    let subject = name.map { " '\($0)'" } ?? ""
    if type == .markerRecorded { return "inline step\(subject) (sequence \(sequence))" }
    if type == .patchRecorded { return "patch\(subject)" }
    return sequence > 0 ? "\(type.name)\(subject) (sequence \(sequence))" : type.name
  }
}

extension ActivityTask {
  /// Reads the task back from its ActivityTaskScheduled event.
  convenience init(_ event: HistoryEvent) throws {
    let reader = try AttributesReader(event.attributes)
    let recorded = reader.payload("options")
    self.init(
      sequence: try require(reader.sequence()), activityType: try require(reader.text("activityType")),
      input: try require(reader.payload("input")),
      options: try recorded.map { try PayloadCodec.decode(ActivityOptions.self, from: $0) }
        ?? ActivityOptions(taskQueue: try require(reader.text("taskQueue"))), header: reader.payload("header"))
  }
}

extension ActivityOptions {
  /// Recorded only when they differ from the standard ones: most rows stay short.
  var recorded: Payload? {
    var standard = ActivityOptions.standard
    standard.taskQueue = taskQueue
    return self == standard ? nil : try? PayloadCodec.encode(self)
  }
}
