/// A run that stands still while the database is asked for its history.
struct FrozenRun {
  let entry: RunEntry
  let number: Int
  let request: ResetRequest
  let message: OwnerMessage
  var isAsked = false

  var query: ResetQuery {
    ResetQuery(number: number, baseRunID: request.baseRunID, newRunID: request.newRunID, target: request.target)
  }
}

/// A reset from the request to the decision. The run stands still until all it wrote has landed and its history was read; then what becomes of
/// it and the run that goes on are rows of one batch.
extension SlotOwner {
  /// An open run, or one that a fork made already.
  func freeze(_ entry: RunEntry, for request: ResetRequest, _ message: OwnerMessage) {
    guard entry.runID == request.baseRunID else { return acknowledge(message, entry) }
    lastFreeze += 1
    entry.frozenBy = lastFreeze
    // First, so that whoever takes the run's messages finds it.
    entry.waiting.insert(message, at: 0)
    frozen.append(FrozenRun(entry: entry, number: lastFreeze, request: request, message: message))
    readFrozen()
  }

  /// The run is closed, or it is a fork that does not stand yet: an entry without code holds its place.
  func reset(_ request: ResetRequest, _ message: OwnerMessage, stored run: LoadedRun) {
    // It was on its way when the slot left: the next owner finds it in the inbox.
    guard slots.contains(request.target.slot), !isReleasing(request.target.slot) else { return inbox.forget([message.messageID ?? 0]) }
    if run.runID != request.baseRunID, !run.history.isEmpty { return dropMessage(message) }
    let entry = RunEntry(runID: run.runID, phase: .loading)
    entry.slot = request.target.slot
    entries[run.runID] = entry
    if run.runID == request.baseRunID { return freeze(entry, for: request, message) }
    lastFreeze += 1
    entry.frozenBy = lastFreeze
    entry.waiting = [message]
    frozen.append(FrozenRun(entry: entry, number: lastFreeze, request: request, message: message))
    readFrozen()
  }

  /// Asks for the histories of those of which nothing is on its way any more.
  func readFrozen() {
    frozen.removeAll { entries[$0.entry.runID] !== $0.entry || $0.entry.frozenBy != $0.number }
    for index in frozen.indices where !frozen[index].isAsked && isWritten(frozen[index].entry) {
      frozen[index].isAsked = true
      store.readReset(frozen[index].query)
    }
  }

  private func isWritten(_ entry: RunEntry) -> Bool {
    entry.uncommittedBatches == 0
      || entry.uncommittedBatches == 1 && entry.touchedBy == pipeline.open.number && pipeline.open.isEmpty
  }

  func take(_ reading: ResetReading) {
    guard let index = frozen.firstIndex(where: { $0.number == reading.number }) else { return }
    let run = frozen.remove(at: index)
    guard entries[run.entry.runID] === run.entry, run.entry.frozenBy == run.number else { return }
    run.entry.frozenBy = nil
    run.entry.waiting.removeFirst()
    guard !reading.isDone else {
      acknowledge(run.message, run.entry)
      return unfreeze(run.entry)
    }
    resetting = run
    do {
      try carryOut(run, try configuration.codec.map { try reading.decoded($0) } ?? reading)
      resetting = nil
    } catch {
      resetting = nil
      refuse(run, Self.refusal(error))
    }
    if pipeline.isFull { seal() }
  }

  /// Its messages go on: to the run itself, or to the one that goes on in its place.
  func unfreeze(_ entry: RunEntry) {
    let waiting = entry.takeWaiting()
    // Nothing but its place was held.
    if case .loading = entry.phase, entries[entry.runID] === entry { entries[entry.runID] = nil }
    handle(waiting)
  }

  private func refuse(_ run: FrozenRun, _ error: OrchestratorError) {
    conflictingStarts.remove(run.request.newRunID)
    acknowledge(run.message, run.entry)
    pipeline.open.resets.append(
      ResetRow(request: run.request, slot: run.request.target.slot, eventID: 0, at: clock(), refusal: error))
    Log.warning("reset-refused", error.message, ["run_id": run.request.baseRunID.description])
    unfreeze(run.entry)
  }

  /// The replay of the kept part did not end in time; another thread drives the owner now.
  func abandonReset(_ problem: WorkflowProblem) {
    guard let run = resetting else { return }
    resetting = nil
    refuse(run, Self.refusal(problem))
    takeArrived()
    handle([])
  }

  private static func refusal(_ error: any Error) -> OrchestratorError {
    switch error {
    case let error as OrchestratorError: error
    case let problem as WorkflowProblem:
      OrchestratorError(problem.code, "the code at hand cannot continue the events that are to be kept: \(problem.message)")
    default: OrchestratorError(.damagedHistory, "the history cannot be read: \(error)")
    }
  }
}

extension ResetReading {
  /// The history with its values as they were.
  fileprivate func decoded(_ codec: CodecChain) throws -> ResetReading {
    guard let first = history.first, case .started(let started) = try IncomingEvent(first) else { return self }
    let key = WorkflowKey(namespace: started.namespace, workflowID: started.workflowID)
    var reading = self
    reading.history = try history.map { try $0.decoded(codec, key) }
    return reading
  }
}

extension LoadedRun {
  /// What a child or another run tells this closed run, for the run that goes on from a part of its history that asked for it.
  func handOver(_ message: OwnerMessage) -> OwnerMessage? {
    guard let reset, let messageID = message.messageID else { return nil }
    let asked: (EventType, Int32)
    switch message.body {
    case .childOutcome(let outcome): asked = (.startChildWorkflowExecutionInitiated, outcome.sequence)
    case .externalAnswer(let answer):
      asked = (
        answer.isSignal ? .signalExternalWorkflowExecutionInitiated : .requestCancelExternalWorkflowExecutionInitiated, answer.sequence
      )
    default: return nil
    }
    let isKept = history.prefix(Int(reset.eventID)).contains { event in
      event.type == asked.0 && (try? AttributesReader(event.attributes).sequence()) == asked.1
    }
    return isKept ? OwnerMessage(runID: reset.runID, body: message.body, messageID: messageID, isForwarded: true) : nil
  }
}
