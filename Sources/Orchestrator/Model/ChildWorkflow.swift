/// What becomes of a child that is open when its parent closes. It is asked for in the commit that closes the parent.
public enum ParentClosePolicy: String, Codable, Sendable, CaseIterable {
  case terminate
  /// The child sees a cancelled task.
  case requestCancel
  /// The child goes on alone.
  case abandon
}

/// What becomes of a child when the task that waits for its result is cancelled.
public enum ChildCancellationType: String, Sendable, CaseIterable {
  /// The child goes on; who waits throws at once.
  case abandon
  /// The child is asked to cancel, and who waits throws at once.
  case tryCancel
  /// The child is asked to cancel, and who waits goes on to wait for how it ends.
  case waitCancellationCompleted
  /// The child is asked to cancel, and who waits throws once the request stands in its history.
  case waitCancellationRequested
}

/// A child as the event of its start records it. A class, as `ActivityTask` is.
final class ChildTask: Sendable {
  let sequence: Int32
  let workflowType: String
  let workflowID: String
  let input: Payload
  let parentClosePolicy: ParentClosePolicy
  let options: RunOptions?
  /// JSON objects; nil for none.
  let searchAttributes: Payload?
  let memo: Payload?
  let header: Payload?

  init(
    sequence: Int32, workflowType: String, workflowID: String, input: Payload, parentClosePolicy: ParentClosePolicy,
    options: RunOptions? = nil, searchAttributes: Payload? = nil, memo: Payload? = nil, header: Payload? = nil
  ) {
    self.header = header
    self.sequence = sequence
    self.workflowType = workflowType
    self.workflowID = workflowID
    self.input = input
    self.parentClosePolicy = parentClosePolicy
    self.options = options
    self.searchAttributes = searchAttributes
    self.memo = memo
  }
}

/// The run that started a child. A class: most runs have none.
public final class ParentWorkflow: Sendable, Equatable {
  public let runID: RunID
  public let namespace: String
  public let workflowID: String
  /// What the parent calls the child.
  let sequence: Int32

  init(runID: RunID, namespace: String, workflowID: String, sequence: Int32) {
    self.runID = runID
    self.namespace = namespace
    self.workflowID = workflowID
    self.sequence = sequence
  }

  public static func == (left: ParentWorkflow, right: ParentWorkflow) -> Bool {
    left.runID == right.runID && left.sequence == right.sequence
  }

  func write(to writer: inout AttributesWriter) {
    writer.field("parentRunId", runID.description)
    writer.field("parentNamespace", namespace)
    writer.field("parentWorkflowId", workflowID)
    writer.field("parentSequence", Int64(sequence))
  }

  static func read(_ reader: AttributesReader) throws -> ParentWorkflow? {
    guard let runID = reader.text("parentRunId").flatMap({ RunID($0) }) else { return nil }
    return ParentWorkflow(
      runID: runID, namespace: try require(reader.text("parentNamespace")), workflowID: try require(reader.text("parentWorkflowId")),
      sequence: try require(reader.integer("parentSequence").flatMap { Int32(exactly: $0) }))
  }
}

/// How a child ended, as its parent is told.
final class ChildOutcome: Sendable {
  /// What the parent calls the child.
  let sequence: Int32
  /// The run that ended: the last one of a child that continued as new.
  let runID: RunID
  let status: CloseStatus
  /// The result of a completed child, the failure of one that failed, timed out or was terminated.
  let payload: Payload?

  init(sequence: Int32, runID: RunID, status: CloseStatus, payload: Payload?) {
    self.sequence = sequence
    self.runID = runID
    self.status = status
    self.payload = payload
  }

  /// - Throws: `AttributesError` when a field is missing.
  init(_ reader: AttributesReader, status: CloseStatus) throws {
    sequence = try require(reader.sequence())
    runID = try require(reader.text("runId").flatMap { RunID($0) })
    self.status = status
    payload = reader.payload("result") ?? reader.payload("failure")
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("sequence", Int64(sequence))
    writer.field("runId", runID.description)
    writer.field("status", Int64(status.rawValue))
    if let payload { writer.field(status == .completed ? "result" : "failure", payload) }
    return writer.finish()
  }

  var eventType: EventType {
    switch status {
    case .completed: .childWorkflowExecutionCompleted
    case .failed: .childWorkflowExecutionFailed
    case .canceled: .childWorkflowExecutionCanceled
    case .timedOut: .childWorkflowExecutionTimedOut
    // A child that continues as new has not ended; nobody is told of it.
    case .terminated, .continuedAsNew: .childWorkflowExecutionTerminated
    }
  }
}

/// What waiting for a child throws when it ended without a result.
public struct ChildWorkflowFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// How it ended.
  public enum Kind: String, Sendable {
    case failed, canceled, terminated, timedOut
    /// It never began: its workflow id had an open run.
    case alreadyStarted
  }

  public let kind: Kind
  public let workflowType: String
  public let workflowID: String
  /// The run that ended.
  public let runID: RunID
  /// Nil for a cancelled child.
  public let failure: Failure?

  public var description: String {
    let reason = failure.map { ": \($0.type): \($0.message)" } ?? ""
    return "child \(workflowType) '\(workflowID)' ended \(kind.rawValue)\(reason)"
  }
}
