/// What the world tells a run: each is one event of its history, applied to the workflow code one at a time.
enum IncomingEvent: Sendable {
  case started(StartedAttributes)
  case signaled(SignaledAttributes)
  case updateAccepted(UpdateAttributes)
  case cancelRequested(reason: String, identity: String)
  case terminated(reason: String, identity: String)
  case timedOut(failure: Failure, retryState: String?, newRunID: RunID?)
  /// A run that was to begin later begins.
  case startDelayEnded
  case activityCompleted(sequence: Int32, result: Payload, by: String?)
  case activityFailed(sequence: Int32, failure: Failure, by: String?)
  case activityTimedOut(sequence: Int32, failure: Failure)
  /// It was asked to stop, and did.
  case activityCanceled(sequence: Int32, by: String)
  case timerFired(sequence: Int32)
  /// An inline step with its outcome: one row, no schedule event.
  case markerRecorded(sequence: Int32, name: String, outcome: StepOutcome)
  case childEnded(ChildOutcome)
  case externalAnswered(ExternalAnswer)
  case paused(reason: String, identity: String)
  case unpaused(reason: String, identity: String)
  case optionsUpdated(MoveRequest)
}

enum StepOutcome: Sendable {
  case success(Payload)
  case failure(Failure)

  func write(to writer: inout AttributesWriter) {
    switch self {
    case .success(let result): writer.field("result", result)
    case .failure(let failure): writer.field("failure", failure.payload)
    }
  }
}

struct StartedAttributes: Sendable, Equatable {
  var workflowType: String
  var namespace: String
  var workflowID: String
  var input: Payload
  var identity: String
  /// Toolchain and program that first ran it: job order is a property of the Swift runtime.
  var build: String
  /// A JSON object; nil when there are none.
  var searchAttributes: Payload?
  /// A JSON object for people; nil when there is none.
  var memo: Payload?
  /// Nil for a run that a caller started.
  var lineage: Lineage?
  /// Nil for a run that begins at once and may take as long as it likes, once.
  var options: RunOptions?
  /// A JSON object of headers; nil when there are none.
  var header: Payload?
}

struct SignaledAttributes: Sendable, Equatable {
  var name: String
  var input: Payload
  var identity: String
  /// Makes a repeated send harmless.
  var requestID: String
  /// It came with a start that found the run open: what was to begin later begins with it.
  var isWithStart = false
  var header: Payload?
}

struct UpdateAttributes: Sendable, Equatable {
  /// Makes a repeated send harmless.
  var updateID: String
  var name: String
  var input: Payload
  var identity: String
  /// As of a signal.
  var isWithStart = false
  var header: Payload?
}

extension IncomingEvent {
  var type: EventType {
    switch self {
    case .started: .workflowExecutionStarted
    case .signaled: .workflowExecutionSignaled
    case .updateAccepted: .workflowExecutionUpdateAccepted
    case .cancelRequested: .workflowExecutionCancelRequested
    case .terminated: .workflowExecutionTerminated
    case .timedOut: .workflowExecutionTimedOut
    case .startDelayEnded: .startDelayEnded
    case .activityCompleted: .activityTaskCompleted
    case .activityFailed: .activityTaskFailed
    case .activityTimedOut: .activityTaskTimedOut
    case .activityCanceled: .activityTaskCanceled
    case .timerFired: .timerFired
    case .markerRecorded: .markerRecorded
    case .childEnded(let outcome): outcome.eventType
    case .externalAnswered(let answer): answer.eventType
    case .paused: .workflowExecutionPaused
    case .unpaused: .workflowExecutionUnpaused
    case .optionsUpdated: .workflowExecutionOptionsUpdated
    }
  }

  /// The command it answers, for `caused_by`.
  var sequence: Int32? {
    switch self {
    case .activityCompleted(let sequence, _, _), .activityFailed(let sequence, _, _), .activityTimedOut(let sequence, _),
      .activityCanceled(let sequence, _),
      .timerFired(let sequence), .markerRecorded(let sequence, _, _):
      sequence
    case .childEnded(let outcome): outcome.sequence
    case .externalAnswered(let answer): answer.sequence
    default: nil
    }
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    switch self {
    case .started(let started): started.write(to: &writer)
    case .signaled(let signal):
      writer.field("signalName", signal.name)
      writer.field("input", signal.input)
      writer.field("identity", signal.identity)
      writer.field("requestId", signal.requestID)
      if signal.isWithStart { writer.field("withStart", 1) }
      writer.field("header", signal.header)
    case .updateAccepted(let update):
      writer.field("updateId", update.updateID)
      writer.field("updateName", update.name)
      writer.field("input", update.input)
      writer.field("identity", update.identity)
      if update.isWithStart { writer.field("withStart", 1) }
      writer.field("header", update.header)
    case .cancelRequested(let reason, let identity), .terminated(let reason, let identity), .paused(let reason, let identity),
      .unpaused(let reason, let identity):
      writer.field("reason", reason)
      writer.field("identity", identity)
    case .timedOut(let failure, let retryState, let newRunID):
      writer.field("failure", failure.payload)
      writer.field("retryState", retryState)
      writer.field("newExecutionRunId", newRunID?.description)
    case .startDelayEnded: break
    case .activityCompleted(let sequence, let result, let identity):
      writer.field("sequence", Int64(sequence))
      writer.field("result", result)
      writer.field("identity", identity)
    case .activityFailed(let sequence, let failure, let identity):
      writer.field("sequence", Int64(sequence))
      writer.field("failure", failure.payload)
      writer.field("identity", identity)
    case .activityTimedOut(let sequence, let failure):
      writer.field("sequence", Int64(sequence))
      writer.field("failure", failure.payload)
    case .activityCanceled(let sequence, let identity):
      writer.field("sequence", Int64(sequence))
      writer.field("identity", identity)
    case .timerFired(let sequence):
      writer.field("sequence", Int64(sequence))
    case .markerRecorded(let sequence, let name, let outcome):
      writer.field("sequence", Int64(sequence))
      writer.field("markerName", name)
      outcome.write(to: &writer)
    case .childEnded(let outcome): return outcome.encoded()
    case .externalAnswered(let answer): return answer.encoded()
    case .optionsUpdated(let request): return request.encoded()
    }
    return writer.finish()
  }
}

extension StartedAttributes {
  fileprivate func write(to writer: inout AttributesWriter) {
    writer.field("workflowType", workflowType)
    writer.field("namespace", namespace)
    writer.field("workflowId", workflowID)
    writer.field("input", input)
    writer.field("identity", identity)
    writer.field("build", build)
    if let searchAttributes { writer.field("searchAttributes", searchAttributes) }
    if let memo { writer.field("memo", memo) }
    writer.field("header", header)
    lineage?.write(to: &writer)
    if let options { writer.field("options", options.payload) }
  }
}

extension RunOptions {
  /// The options as recorded: plain values, whose encoding cannot fail.
  var payload: Payload { (try? PayloadCodec.encode(self)) ?? Payload(json: Array("{}".utf8)) }
}

extension Failure {
  /// The failure as stored; encoding plain strings and numbers cannot fail, so a failure to do so names itself.
  var payload: Payload {
    (try? PayloadCodec.encode(self)) ?? Payload(json: Array(#"{"type":"UnencodableFailure","message":""}"#.utf8))
  }
}

extension IncomingEvent {
  /// Reads an event back from its row.
  /// - Throws: `AttributesError` or `PayloadError` when a field is missing or damaged.
  init(_ event: HistoryEvent) throws {
    let reader = try AttributesReader(event.attributes)
    func sequence() throws -> Int32 { try require(reader.sequence()) }
    func failure() throws -> Failure { try PayloadCodec.decode(Failure.self, from: try require(reader.payload("failure"))) }
    switch event.type {
    case .workflowExecutionStarted:
      self = .started(
        StartedAttributes(
          workflowType: try require(reader.text("workflowType")), namespace: try require(reader.text("namespace")),
          workflowID: try require(reader.text("workflowId")), input: try require(reader.payload("input")),
          identity: reader.text("identity") ?? "", build: reader.text("build") ?? "",
          searchAttributes: reader.payload("searchAttributes"), memo: reader.payload("memo"), lineage: try Lineage.read(reader),
          options: try reader.payload("options").map { try PayloadCodec.decode(RunOptions.self, from: $0) },
          header: reader.payload("header")))
    case .workflowExecutionSignaled: self = .signaled(try SignaledAttributes(reader))
    case .workflowExecutionUpdateAccepted:
      self = .updateAccepted(
        UpdateAttributes(
          updateID: try require(reader.text("updateId")), name: try require(reader.text("updateName")),
          input: try require(reader.payload("input")), identity: reader.text("identity") ?? "",
          isWithStart: reader.integer("withStart") == 1, header: reader.payload("header")))
    case .workflowExecutionCancelRequested:
      self = .cancelRequested(reason: reader.text("reason") ?? "", identity: reader.text("identity") ?? "")
    case .workflowExecutionTerminated:
      self = .terminated(reason: reader.text("reason") ?? "", identity: reader.text("identity") ?? "")
    case .workflowExecutionPaused:
      self = .paused(reason: reader.text("reason") ?? "", identity: reader.text("identity") ?? "")
    case .workflowExecutionUnpaused:
      self = .unpaused(reason: reader.text("reason") ?? "", identity: reader.text("identity") ?? "")
    case .workflowExecutionOptionsUpdated: self = .optionsUpdated(try MoveRequest(reader))
    case .workflowExecutionTimedOut:
      self = .timedOut(
        failure: try failure(), retryState: reader.text("retryState"),
        newRunID: reader.text("newExecutionRunId").flatMap { RunID($0) })
    case .startDelayEnded: self = .startDelayEnded
    case .activityTaskCompleted:
      self = .activityCompleted(
        sequence: try sequence(), result: try require(reader.payload("result")), by: reader.text("identity"))
    case .activityTaskFailed:
      self = .activityFailed(sequence: try sequence(), failure: try failure(), by: reader.text("identity"))
    case .activityTaskTimedOut: self = .activityTimedOut(sequence: try sequence(), failure: try failure())
    case .activityTaskCanceled: self = .activityCanceled(sequence: try sequence(), by: reader.text("identity") ?? "")
    case .timerFired: self = .timerFired(sequence: try sequence())
    case .markerRecorded:
      let name = try require(reader.text("markerName"))
      let outcome = try reader.payload("result").map(StepOutcome.success) ?? .failure(try failure())
      self = .markerRecorded(sequence: try sequence(), name: name, outcome: outcome)
    case .externalWorkflowExecutionSignaled, .signalExternalWorkflowExecutionFailed:
      self = .externalAnswered(try ExternalAnswer(reader, isSignal: true))
    case .externalWorkflowExecutionCancelRequested, .requestCancelExternalWorkflowExecutionFailed:
      self = .externalAnswered(try ExternalAnswer(reader, isSignal: false))
    case .childWorkflowExecutionCompleted: self = .childEnded(try ChildOutcome(reader, status: .completed))
    case .childWorkflowExecutionFailed: self = .childEnded(try ChildOutcome(reader, status: .failed))
    case .childWorkflowExecutionCanceled: self = .childEnded(try ChildOutcome(reader, status: .canceled))
    case .childWorkflowExecutionTimedOut: self = .childEnded(try ChildOutcome(reader, status: .timedOut))
    case .childWorkflowExecutionTerminated: self = .childEnded(try ChildOutcome(reader, status: .terminated))
    case .activityTaskScheduled, .activityTaskCancelRequested, .timerStarted, .timerCanceled, .workflowExecutionCompleted,
      .workflowExecutionFailed, .workflowExecutionCanceled, .workflowExecutionContinuedAsNew, .workflowExecutionUpdateCompleted,
      .requestCancelExternalWorkflowExecutionInitiated, .startChildWorkflowExecutionInitiated, .signalExternalWorkflowExecutionInitiated,
      .upsertWorkflowSearchAttributes,
      .patchRecorded:
      throw AttributesError(offset: 0)
    }
  }
}

extension SignaledAttributes {
  /// - Throws: `AttributesError` when a field is missing.
  init(_ reader: AttributesReader) throws {
    self.init(
      name: try require(reader.text("signalName")), input: try require(reader.payload("input")),
      identity: reader.text("identity") ?? "", requestID: reader.text("requestId") ?? "", isWithStart: reader.integer("withStart") == 1,
      header: reader.payload("header"))
  }
}

extension AttributesReader {
  /// The number that ties an outcome to the command that asked for it; nil when the event has none.
  func sequence() throws -> Int32? {
    try integer("sequence").map { try require(Int32(exactly: $0)) }
  }
}

/// A field that must be there.
func require<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw AttributesError(offset: 0) }
  return value
}
