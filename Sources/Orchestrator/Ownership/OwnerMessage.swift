/// One thing that the owner of a slot must deal with, from wherever it came.
struct OwnerMessage: Sendable {
  enum Body: Sendable {
    case start(StartedAttributes)
    case signal(SignaledAttributes)
    case update(UpdateAttributes)
    case cancel(reason: String, identity: String)
    case terminate(reason: String, identity: String)
    case activityOutcome(sequence: Int32, AttemptReport)
    case activityCommand(sequence: Int32, ActivityCommand, identity: String)
    case timerDue(TimerRow)
    case inlineOutcome(sequence: Int32, name: String, StepOutcome)
    case retryBlocked
    case childOutcome(ChildOutcome)
    case external(ExternalMessage)
    case externalAnswer(ExternalAnswer)
    case reset(ResetRequest)
    case pause(PauseRequest)
    case move(MoveRequest)
  }

  let runID: RunID
  var body: Body
  /// Its row in the inbox, deleted in the batch that applies it.
  var messageID: Int64?
  var reply: Reply?
  /// It was in a batch that did not land or whose outcome is unknown: what it wants may stand in the history already.
  var isRedelivered = false
  /// It was for a run that has continued as new meanwhile, and stands in the inbox under that one's name.
  var isForwarded = false
  /// A reset made it, and makes it again should its batch not land.
  var isMadeByReset = false
  /// It came from another run, which is answered in the batch that takes it.
  var external: ExternalMessage?
}

/// Tells a caller that its message is durable, or why it was refused. Called once.
typealias Reply = @Sendable (OrchestratorError?) -> Void

/// What an operator may do with a pending activity.
enum ActivityCommand: Sendable {
  case retry
  case complete(Payload)
  case fail(reason: String)
  case reset(ActivityReset)
  /// Nil: those that the code asked for.
  case updateOptions(ActivityOptionsChange?)
}

/// How one attempt of an activity ended.
struct AttemptReport: Sendable {
  enum Outcome: Sendable {
    case completed(Payload)
    case failed(Failure)
  }

  var attempt: Int32
  var outcome: Outcome
  var worker: String
  /// Microseconds since the Unix epoch.
  var startedAt: Int64
  var endedAt: Int64
  /// From a remote worker, which already wrote its attempt log and found that no attempt is left.
  var exhausted: AttemptOutcome.RetryState?
  /// The last heartbeat of an attempt that failed, when nobody took it before: the next attempt is told.
  var heartbeatDetails: Payload?
}

/// An attempt for the owner's own process.
struct ActivityAttempt: Sendable {
  let key: ActivityKey
  let workflow: WorkflowKey
  let task: ActivityTask
  let attempt: Int32
  let scheduledAt: Int64
  let heartbeatDetails: Payload?
}

struct InlineStep: Sendable {
  let key: ActivityKey
  let workflow: WorkflowKey
  let task: InlineTask
  let scheduledAt: Int64
}

extension OwnerMessage {
  /// Reads a message back from its row.
  /// - Throws: `AttributesError`, `PayloadError` when the row is damaged.
  init(_ row: InboxRow) throws {
    let reader = try AttributesReader(row.attributes)
    let identity = reader.text("identity") ?? ""
    func event(_ type: EventType) throws -> IncomingEvent {
      try IncomingEvent(HistoryEvent(eventID: 0, type: type, at: 0, causedBy: 0, attributes: row.attributes))
    }
    let body: Body
    switch row.kind {
    case .start:
      guard case .started(let started) = try event(.workflowExecutionStarted) else { throw AttributesError(offset: 0) }
      body = .start(started)
    case .signal:
      guard case .signaled(let signal) = try event(.workflowExecutionSignaled) else { throw AttributesError(offset: 0) }
      body = .signal(signal)
    case .update:
      guard case .updateAccepted(let update) = try event(.workflowExecutionUpdateAccepted) else { throw AttributesError(offset: 0) }
      body = .update(update)
    case .cancel: body = .cancel(reason: reader.text("reason") ?? "", identity: identity)
    case .terminate: body = .terminate(reason: reader.text("reason") ?? "", identity: identity)
    case .retryBlocked: body = .retryBlocked
    case .childOutcome:
      let status = try require(reader.integer("status").flatMap { Int16(exactly: $0) }.flatMap(CloseStatus.init(rawValue:)))
      body = .childOutcome(try ChildOutcome(reader, status: status))
    case .external: body = .external(try ExternalMessage(reader))
    case .externalAnswer: body = .externalAnswer(try ExternalAnswer(reader, isSignal: reader.integer("signaled") == 1))
    case .reset: body = .reset(try ResetRequest(reader))
    case .pause: body = .pause(PauseRequest(reader))
    case .move: body = .move(try MoveRequest(reader))
    case .activityOutcome:
      let sequence = Int32(truncatingIfNeeded: try require(reader.integer("sequence")))
      body = .activityOutcome(sequence: sequence, try AttemptReport(reader))
    case .activityCommand:
      let sequence = Int32(truncatingIfNeeded: try require(reader.integer("sequence")))
      let command: ActivityCommand
      switch reader.text("action") {
      case "retry": command = .retry
      case "complete": command = .complete(reader.payload("result") ?? .null)
      case "reset": command = .reset(try reader.payload("result").map(ActivityReset.init(_:)) ?? ActivityReset())
      case "update-options":
        command = .updateOptions(try reader.payload("result").flatMap { $0 == .null ? nil : try ActivityOptionsChange($0) })
      default: command = .fail(reason: reader.text("reason") ?? "")
      }
      body = .activityCommand(sequence: sequence, command, identity: identity)
    }
    self.init(runID: row.runID, body: body, messageID: row.messageID)
  }

  /// The inbox row of a message that came directly and cannot be applied now; nil for those that are made again by themselves.
  var spilled: (kind: InboxKind, attributes: [UInt8])? {
    var writer = AttributesWriter()
    switch body {
    case .signal(let signal): return (.signal, IncomingEvent.signaled(signal).encoded())
    case .update(let update): return (.update, IncomingEvent.updateAccepted(update).encoded())
    case .cancel(let reason, let identity):
      return (.cancel, IncomingEvent.cancelRequested(reason: reason, identity: identity).encoded())
    case .activityCommand(let sequence, let command, let identity):
      writer.field("sequence", Int64(sequence))
      switch command {
      case .retry: writer.field("action", "retry")
      case .complete(let result):
        writer.field("action", "complete")
        writer.field("result", result)
      case .fail(let reason):
        writer.field("action", "fail")
        writer.field("reason", reason)
      case .reset(let reset):
        writer.field("action", "reset")
        writer.field("result", reset.payload)
      case .updateOptions(let change):
        writer.field("action", "update-options")
        writer.field("result", change?.payload ?? .null)
      }
      writer.field("identity", identity)
      return (.activityCommand, writer.finish())
    case .childOutcome(let outcome): return (.childOutcome, outcome.encoded())
    case .externalAnswer(let answer): return (.externalAnswer, answer.encoded())
    case .terminate(let reason, let identity):
      return (.terminate, IncomingEvent.terminated(reason: reason, identity: identity).encoded())
    case .activityOutcome(let sequence, let report): return (.activityOutcome, report.encoded(sequence: sequence))
    case .pause(let request): return (.pause, request.encoded())
    case .move(let request): return (.move, request.encoded())
    case .start, .timerDue, .inlineOutcome, .retryBlocked, .external, .reset: return nil
    }
  }
}

extension OwnerMessage {
  /// The same for the run that continues its own; nil for what means that run alone. Callers are answered, and ask again by workflow id.
  func forwarded(to successor: RunID) -> OwnerMessage? {
    guard let messageID else { return nil }
    switch body {
    case .signal, .update, .cancel, .terminate, .pause, .move:
      return OwnerMessage(runID: successor, body: body, messageID: messageID, isForwarded: true, external: external)
    default: return nil
    }
  }
}

extension AttemptReport {
  fileprivate init(_ reader: AttributesReader) throws {
    attempt = Int32(truncatingIfNeeded: reader.integer("attempt") ?? 1)
    worker = reader.text("identity") ?? ""
    startedAt = reader.integer("startedAt") ?? 0
    endedAt = reader.integer("endedAt") ?? 0
    exhausted = reader.text("retryState").flatMap(AttemptOutcome.RetryState.init(rawValue:))
    heartbeatDetails = reader.payload("details")
    if let result = reader.payload("result") {
      outcome = .completed(result)
    } else {
      outcome = .failed(try PayloadCodec.decode(Failure.self, from: try require(reader.payload("failure"))))
    }
  }

  /// The attributes of its inbox row, past the codecs.
  func stored(sequence: Int32, _ codec: CodecChain?, _ key: WorkflowKey) throws -> [UInt8] {
    try codec.map { try $0.encode(attributes: encoded(sequence: sequence), key) } ?? encoded(sequence: sequence)
  }

  /// The attributes of its inbox row.
  func encoded(sequence: Int32) -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("sequence", Int64(sequence))
    writer.field("attempt", Int64(attempt))
    writer.field("identity", worker)
    writer.field("startedAt", startedAt)
    writer.field("endedAt", endedAt)
    writer.field("retryState", exhausted?.rawValue)
    switch outcome {
    case .completed(let result): writer.field("result", result)
    case .failed(let failure): writer.field("failure", failure.payload)
    }
    if let heartbeatDetails { writer.field("details", heartbeatDetails) }
    return writer.finish()
  }
}
