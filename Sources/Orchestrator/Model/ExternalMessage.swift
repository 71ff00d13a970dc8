/// What one run says to the open run of another workflow id. A class: it travels beside messages that have none.
final class ExternalMessage: Sendable {
  let key: WorkflowKey
  /// Nil asks it to cancel.
  let signal: SignaledAttributes?
  let identity: String
  let sender: Sender

  /// The run that waits for the answer, and what it calls the question.
  struct Sender: Sendable {
    let runID: RunID
    let key: WorkflowKey
    let sequence: Int32
  }

  init(key: WorkflowKey, signal: SignaledAttributes?, identity: String, sender: Sender) {
    self.key = key
    self.signal = signal
    self.identity = identity
    self.sender = sender
  }

  /// - Throws: `AttributesError` when a field is missing.
  init(_ reader: AttributesReader) throws {
    key = WorkflowKey(namespace: try require(reader.text("namespace")), workflowID: try require(reader.text("workflowId")))
    signal = reader.text("signalName") == nil ? nil : try SignaledAttributes(reader)
    identity = reader.text("identity") ?? ""
    sender = Sender(
      runID: try require(reader.text("senderRunId").flatMap { RunID($0) }),
      key: WorkflowKey(namespace: key.namespace, workflowID: try require(reader.text("senderWorkflowId"))),
      sequence: try require(reader.integer("senderSequence").flatMap { Int32(exactly: $0) }))
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("namespace", key.namespace)
    writer.field("workflowId", key.workflowID)
    writer.field("signalName", signal?.name)
    if let signal { writer.field("input", signal.input) }
    writer.field("requestId", signal?.requestID)
    writer.field("identity", identity)
    writer.field("senderRunId", sender.runID.description)
    writer.field("senderWorkflowId", sender.key.workflowID)
    writer.field("senderSequence", Int64(sender.sequence))
    return writer.finish()
  }

  /// What the run that it is for is told.
  var body: OwnerMessage.Body {
    if let signal { return .signal(signal) }
    return .cancel(reason: "workflow '\(sender.key.workflowID)' asks for it", identity: identity)
  }

  /// The answer to its sender.
  /// - Parameter runID: the run that has it now; nil when no run of the workflow id is open.
  func answer(_ runID: RunID?) -> ExternalAnswer {
    ExternalAnswer(sequence: sender.sequence, isSignal: signal != nil, runID: runID)
  }
}

/// Whether a message to another workflow id reached an open run.
final class ExternalAnswer: Sendable {
  let sequence: Int32
  let isSignal: Bool
  /// The run that has it; nil when none was open.
  let runID: RunID?

  init(sequence: Int32, isSignal: Bool, runID: RunID?) {
    self.sequence = sequence
    self.isSignal = isSignal
    self.runID = runID
  }

  /// - Throws: `AttributesError` when a field is missing.
  init(_ reader: AttributesReader, isSignal: Bool) throws {
    sequence = try require(reader.sequence())
    self.isSignal = isSignal
    runID = reader.text("runId").flatMap { RunID($0) }
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("sequence", Int64(sequence))
    writer.field("signaled", isSignal ? 1 : 0)
    writer.field("runId", runID?.description)
    return writer.finish()
  }

  var eventType: EventType {
    switch (isSignal, runID) {
    case (true, .some): .externalWorkflowExecutionSignaled
    case (true, nil): .signalExternalWorkflowExecutionFailed
    case (false, .some): .externalWorkflowExecutionCancelRequested
    case (false, nil): .requestCancelExternalWorkflowExecutionFailed
    }
  }
}
