/// The types of events, with Temporal's names and numbers (temporal.api.enums.v1.EventType), so that histories read familiar. From 1000 on they
/// are ours.
public enum EventType: Int16, Sendable, CaseIterable {
  case workflowExecutionStarted = 1
  case workflowExecutionCompleted = 2
  case workflowExecutionFailed = 3
  case workflowExecutionTimedOut = 4
  case activityTaskScheduled = 10
  case activityTaskCompleted = 12
  case activityTaskFailed = 13
  case activityTaskTimedOut = 14
  case activityTaskCancelRequested = 15
  case activityTaskCanceled = 16
  case timerStarted = 17
  case timerFired = 18
  case timerCanceled = 19
  case workflowExecutionCancelRequested = 20
  case workflowExecutionCanceled = 21
  case requestCancelExternalWorkflowExecutionInitiated = 22
  case requestCancelExternalWorkflowExecutionFailed = 23
  case externalWorkflowExecutionCancelRequested = 24
  case markerRecorded = 25
  case workflowExecutionSignaled = 26
  case workflowExecutionTerminated = 27
  case workflowExecutionContinuedAsNew = 28
  case startChildWorkflowExecutionInitiated = 29
  case childWorkflowExecutionCompleted = 32
  case childWorkflowExecutionFailed = 33
  case childWorkflowExecutionCanceled = 34
  case childWorkflowExecutionTimedOut = 35
  case childWorkflowExecutionTerminated = 36
  case signalExternalWorkflowExecutionInitiated = 37
  case signalExternalWorkflowExecutionFailed = 38
  case externalWorkflowExecutionSignaled = 39
  case upsertWorkflowSearchAttributes = 40
  case workflowExecutionUpdateAccepted = 41
  case workflowExecutionUpdateCompleted = 43
  /// An operator gave the run another version of its code.
  case workflowExecutionOptionsUpdated = 55
  case workflowExecutionPaused = 58
  case workflowExecutionUnpaused = 59
  case patchRecorded = 1000
  /// The time before a run's first code is over: that code runs now.
  case startDelayEnded = 1010

  /// The name as people and SQL views show it, for example `ActivityTaskScheduled`.
  public var name: String {
    let text = String(describing: self)
    return text.prefix(1).uppercased() + text.dropFirst()
  }

  /// Whether workflow code produced it (checked at replay) rather than the world.
  var isCommand: Bool {
    switch self {
    case .activityTaskScheduled, .activityTaskCancelRequested, .timerStarted, .timerCanceled, .workflowExecutionCompleted,
      .workflowExecutionFailed, .workflowExecutionCanceled, .workflowExecutionContinuedAsNew, .workflowExecutionUpdateCompleted,
      .requestCancelExternalWorkflowExecutionInitiated, .startChildWorkflowExecutionInitiated, .signalExternalWorkflowExecutionInitiated,
      .upsertWorkflowSearchAttributes,
      .patchRecorded:
      true
    default: false
    }
  }

  /// Whether it ends the run; with cause 0 the engine ended it, not the code.
  var isClose: Bool {
    switch self {
    case .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionTimedOut, .workflowExecutionCanceled,
      .workflowExecutionTerminated, .workflowExecutionContinuedAsNew:
      true
    default: false
    }
  }
}

/// One row of a history.
public struct HistoryEvent: Sendable, Equatable {
  /// 1 for the first event of a run, without gaps.
  public let eventID: Int32
  public let type: EventType
  /// Microseconds since the Unix epoch by PostgreSQL's clock.
  public let at: Int64
  /// For what workflow code did: the event that made it do so. For results and fired timers: the event that asked for them. 0 for what came from outside.
  public let causedBy: Int32
  /// UTF-8 JSON object.
  public let attributes: [UInt8]

  public init(eventID: Int32, type: EventType, at: Int64, causedBy: Int32, attributes: [UInt8]) {
    self.eventID = eventID
    self.type = type
    self.at = at
    self.causedBy = causedBy
    self.attributes = attributes
  }
}

/// How an execution ended; the numbers are Temporal's WorkflowExecutionStatus.
public enum CloseStatus: Int16, Sendable, CaseIterable {
  case completed = 2
  case failed = 3
  case canceled = 4
  case terminated = 5
  /// The next run of its chain goes on.
  case continuedAsNew = 6
  /// It was open for longer than its start allowed.
  case timedOut = 7

  public var name: String {
    let text = String(describing: self)
    return text.prefix(1).uppercased() + text.dropFirst()
  }
}
