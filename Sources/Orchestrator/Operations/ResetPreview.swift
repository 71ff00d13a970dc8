/// What a reset would do to a run as it stands, found without writing anything.
public struct ResetPreview: Codable, Sendable, Equatable {
  /// Something that the run asked for.
  public struct Step: Codable, Sendable, Equatable {
    /// Its number within the run, from 1.
    public let sequence: Int32
    /// The activity's or workflow's type; nil for a timer.
    public let name: String?
    /// The event that asks for it.
    public let eventID: Int32

    enum CodingKeys: String, CodingKey {
      case sequence, name
      case eventID = "eventId"
    }
  }

  /// A signal or an update that is delivered again.
  public struct Message: Codable, Sendable, Equatable {
    /// Its number in the history as it stands.
    public let eventID: Int32
    /// Its type, for example `WorkflowExecutionSignaled`.
    public let type: String
    public let name: String

    enum CodingKeys: String, CodingKey {
      case type, name
      case eventID = "eventId"
    }
  }

  public let runID: RunID
  /// Events that are kept: 1 to this one.
  public let lastEventID: Int32
  /// Events of the run as it stands.
  public let events: Int32
  /// Whether the code decides anew what follows from the last kept event.
  public let isLastEventNew: Bool
  /// Pending in the kept part: they begin again with their first attempt.
  public let restartedActivities: [Step]
  /// Asked for behind it: they run again where the code asks for them again.
  public let repeatedActivities: [Step]
  public let repeatedTimers: [Step]
  public let repeatedChildren: [Step]
  /// Delivered again, in this order.
  public let messages: [Message]
  /// Children of the kept part whose end is kept, by sequence.
  public let keptChildren: [Int32]

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case lastEventID = "lastEventId"
    case events, isLastEventNew, restartedActivities, repeatedActivities, repeatedTimers, repeatedChildren, messages, keptChildren
  }
}

extension ResetPreview {
  /// - Throws: as `ResetPlan`.
  init(of history: [HistoryEvent], _ runID: RunID, _ point: ResetPoint, excluding exclusions: Set<ResetExclusion>) throws {
    let plan = try ResetPlan(history, point, excluding: exclusions)
    let (kept, dropped) = (history.prefix(Int(plan.lastEventID)), history.dropFirst(Int(plan.lastEventID)))
    func steps(_ type: EventType, in events: some Sequence<HistoryEvent>) throws -> [Step] {
      try events.filter { $0.type == type }.map { event in
        let reader = try AttributesReader(event.attributes)
        return Step(
          sequence: try require(reader.sequence()), name: reader.text("activityType") ?? reader.text("workflowType"), eventID: event.eventID
        )
      }
    }
    let answered = Set(
      try kept.filter {
        [.activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut, .activityTaskCancelRequested].contains($0.type)
      }
      .compactMap { try AttributesReader($0.attributes).sequence() })
    let told = try plan.again.map { ($0, try AttributesReader($0.attributes)) }
    self.init(
      runID: runID, lastEventID: plan.lastEventID, events: Int32(history.count), isLastEventNew: plan.isLastEventNew,
      restartedActivities: try steps(.activityTaskScheduled, in: kept).filter { !answered.contains($0.sequence) },
      repeatedActivities: try steps(.activityTaskScheduled, in: dropped), repeatedTimers: try steps(.timerStarted, in: dropped),
      repeatedChildren: try steps(.startChildWorkflowExecutionInitiated, in: dropped),
      messages: told.compactMap { event, reader in
        (reader.text("signalName") ?? reader.text("updateName")).map { Message(eventID: event.eventID, type: event.type.name, name: $0) }
      },
      keptChildren: try told.filter { $0.0.type.isChildOutcome }.compactMap { try $0.1.sequence() })
  }
}

extension EventType {
  fileprivate var isChildOutcome: Bool {
    switch self {
    case .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled,
      .childWorkflowExecutionTerminated:
      true
    default: false
    }
  }
}
