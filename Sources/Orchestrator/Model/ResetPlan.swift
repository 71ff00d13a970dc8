/// What a reset of a run would do, from its history alone.
struct ResetPlan {
  /// Events that are kept: 1 to this one.
  let lastEventID: Int32
  /// The code decides anew what follows from the last of them.
  let isLastEventNew: Bool
  /// Signals and updates behind them, which are delivered again, and outcomes of children and of messages to other runs that the kept part
  /// still waits for; in order.
  let again: [HistoryEvent]
  /// Children that the kept part started and does not see end.
  let children: [Int32: OpenChild]
  /// Those of them whose end no event tells.
  let openChildren: [Int32: OpenChild]
  /// Messages to other workflow ids whose answer no event tells.
  let unanswered: [HistoryEvent]

  /// - Throws: `OrchestratorError` with code `invalid-argument` for a place that the history does not have; `AttributesError` when it is damaged.
  init(_ history: [HistoryEvent], _ point: ResetPoint, excluding exclusions: Set<ResetExclusion>) throws {
    let end = try Self.end(of: history, point)
    let kept = history.prefix(Int(end.lastEventID))
    lastEventID = end.lastEventID
    isLastEventNew = end.isNew
    guard let first = history.first, case .started(let started) = try IncomingEvent(first) else { throw AttributesError(offset: 0) }
    let begun = try OpenChild.all(in: Array(kept), namespace: started.namespace)
    var children = begun
    var questions = try Self.unanswered(in: kept)
    var again: [HistoryEvent] = []
    for event in history.dropFirst(Int(end.lastEventID)) {
      switch event.type {
      case .workflowExecutionSignaled where !exclusions.contains(.signals): again.append(event)
      case .workflowExecutionUpdateAccepted where !exclusions.contains(.updates): again.append(event)
      case .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled,
        .childWorkflowExecutionTerminated:
        if let sequence = try AttributesReader(event.attributes).sequence(), children.removeValue(forKey: sequence) != nil {
          again.append(event)
        }
      case .externalWorkflowExecutionSignaled, .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionCancelRequested,
        .requestCancelExternalWorkflowExecutionFailed:
        if let sequence = try AttributesReader(event.attributes).sequence(), questions.removeValue(forKey: sequence) != nil {
          again.append(event)
        }
      default: continue
      }
    }
    self.again = again
    self.children = begun
    openChildren = children
    unanswered = questions.values.sorted { $0.eventID < $1.eventID }
  }

  private static func unanswered(in kept: ArraySlice<HistoryEvent>) throws -> [Int32: HistoryEvent] {
    var open: [Int32: HistoryEvent] = [:]
    for event in kept {
      switch event.type {
      case .signalExternalWorkflowExecutionInitiated, .requestCancelExternalWorkflowExecutionInitiated:
        let reader = try AttributesReader(event.attributes)
        // Those to children are not answered.
        if reader.text("workflowId") != nil, let sequence = try reader.sequence() { open[sequence] = event }
      case .externalWorkflowExecutionSignaled, .signalExternalWorkflowExecutionFailed, .externalWorkflowExecutionCancelRequested,
        .requestCancelExternalWorkflowExecutionFailed:
        if let sequence = try AttributesReader(event.attributes).sequence() { open[sequence] = nil }
      default: continue
      }
    }
    return open
  }
}

// Where the kept part ends.
extension ResetPlan {
  private static func end(of history: [HistoryEvent], _ point: ResetPoint) throws -> (lastEventID: Int32, isNew: Bool) {
    switch point {
    case .first: return (1, true)
    case .event(let eventID):
      guard eventID >= 1, Int(eventID) <= history.count else {
        throw OrchestratorError(.invalidArgument, "the run has events 1 to \(history.count), there is no event \(eventID)")
      }
      return end(of: history, at: eventID)
    case .lastActivity:
      guard let asked = history.last(where: { $0.type == .activityTaskScheduled }) else {
        throw OrchestratorError(.invalidArgument, "the run has asked for no activity: reset it to its first event")
      }
      return (asked.causedBy, true)
    case .beforeFailure: return try endBeforeFailure(of: history)
    }
  }

  private static func end(of history: [HistoryEvent], at eventID: Int32) -> (lastEventID: Int32, isNew: Bool) {
    let seen = seenByCode(history)
    var eventID = min(eventID, Int32(seen))
    while eventID > 1, history[Int(eventID) - 1].type == .workflowExecutionOptionsUpdated { eventID -= 1 }
    let event = history[Int(eventID) - 1]
    guard event.type.isCommand else { return (eventID, true) }
    // An end is not kept, nor what the code did with it.
    if let close = history.last, close.type.isClose, close.causedBy == event.causedBy { return (event.causedBy, true) }
    // What was done together stays together.
    var last = eventID
    while Int(last) < seen, history[Int(last)].type.isCommand { last += 1 }
    return (last, false)
  }

  /// Events that the code has seen or caused: an end came with signals right before it that no code has seen.
  private static func seenByCode(_ history: [HistoryEvent]) -> Int {
    guard let last = history.last, last.type.isClose else { return history.count }
    let body = (history.dropLast().lastIndex { $0.type != .workflowExecutionSignaled } ?? 0) + 1
    guard last.causedBy > 0 else { return body }
    // Behind the event that made the code end, only signals and that end itself can stand beside its other commands.
    return max(Int(last.causedBy), body)
  }

  private static func endBeforeFailure(of history: [HistoryEvent]) throws -> (lastEventID: Int32, isNew: Bool) {
    guard let last = history.last, last.type.isClose else {
      throw OrchestratorError(.invalidArgument, "the run is open: it has not failed")
    }
    switch last.type {
    case .workflowExecutionFailed where last.causedBy > 0:
      let step = try failedStep(in: history, last) ?? last.causedBy
      return end(of: history, at: max(1, step - 1))
    case .workflowExecutionCanceled:
      let asked = history.first { $0.type == .workflowExecutionCancelRequested }?.eventID ?? last.causedBy
      return end(of: history, at: max(1, asked - 1))
    case .workflowExecutionCompleted, .workflowExecutionContinuedAsNew:
      throw OrchestratorError(.invalidArgument, "the run ended well: choose the event from which it is to go on")
    // The engine ended it, or somebody did: it goes on with all that its code has seen.
    default: return end(of: history, at: Int32(seenByCode(history)))
    }
  }

  /// The outcome that the run's failure tells of, itself or as its cause.
  private static func failedStep(in history: [HistoryEvent], _ last: HistoryEvent) throws -> Int32? {
    guard let payload = try AttributesReader(last.attributes).payload("failure") else { return nil }
    var causes: [Failure] = []
    var next: Failure? = try PayloadCodec.decode(Failure.self, from: payload)
    while let failure = next {
      causes.append(failure)
      next = failure.cause.first
    }
    return try history.last { event in
      switch event.type {
      case .activityTaskFailed, .activityTaskTimedOut, .markerRecorded, .childWorkflowExecutionFailed, .childWorkflowExecutionTerminated:
        guard let told = try AttributesReader(event.attributes).payload("failure") else { return false }
        return causes.contains(try PayloadCodec.decode(Failure.self, from: told))
      default: return false
      }
    }?.eventID
  }
}
