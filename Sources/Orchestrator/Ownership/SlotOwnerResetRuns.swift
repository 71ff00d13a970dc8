/// What goes on from a part of a run's history.
struct Replacement {
  /// Children that the kept part started: they are the new run's.
  let children: [Int32: OpenChild]
  /// Updates that the new run answers.
  let updates: Set<String>
}

/// A reset that is carried out: the run that was, and the one that goes on in its place, in one batch.
extension SlotOwner {
  /// - Throws: `OrchestratorError` or `WorkflowProblem` when there is no such run to be; nothing is written then.
  func carryOut(_ run: FrozenRun, _ reading: ResetReading) throws {
    let request = run.request
    try check(request, reading)
    let plan = try ResetPlan(reading.history, request.point, excluding: request.exclusions)
    let at = max(clock(), reading.history.last?.at ?? 0)
    let started = try start(of: request, plan, reading.history, at)
    let new = try rebuild(started, request, plan, reading.history)
    resetting = nil
    let again = try messages(for: new.entry, plan, reading, isFork: request.isFork)
    let rest = replace(run, new.entry, plan, at)
    begin(new.entry, started, run, reading.history.prefix(Int(plan.lastEventID)), at)
    keepUpdates(of: reading.history.prefix(Int(plan.lastEventID)), new.entry, at)
    goOn(new.entry, new.outcome, plan, request, again + rest, at)
    if request.isFork || reading.isClosed { unfreeze(run.entry) }
  }

  private func check(_ request: ResetRequest, _ reading: ResetReading) throws {
    guard !reading.history.isEmpty else {
      throw OrchestratorError(.workflowNotFound, "there is no run \(request.baseRunID)")
    }
    guard !reading.isTaken else {
      throw OrchestratorError(.invalidArgument, "run \(request.newRunID) exists already: give the new run an identifier of its own")
    }
    let open = openRuns[request.target] ?? reading.openRun
    if let open, request.isFork || open != request.baseRunID {
      throw OrchestratorError(
        .workflowAlreadyStarted, "workflow id '\(request.target.workflowID)' has an open run: \(open); end that one first")
    }
  }

  /// The start event of the new run: that of the base run, and where it comes from.
  private func start(of request: ResetRequest, _ plan: ResetPlan, _ history: [HistoryEvent], _ at: Int64) throws -> StartedAttributes {
    guard case .started(let begun) = try IncomingEvent(history[0]) else { throw AttributesError(offset: 0) }
    var started = try begun.moved(by: history.prefix(Int(plan.lastEventID)))
    if let versioning = request.versioning { started.options = (started.options ?? RunOptions()).versioned(versioning) }
    guard request.isFork || started.workflowID == request.target.workflowID && started.namespace == request.target.namespace else {
      throw OrchestratorError(.invalidArgument, "run \(request.baseRunID) is not one of workflow id '\(request.target.workflowID)'")
    }
    let until = plan.isLastEventNew ? plan.lastEventID : plan.lastEventID + 1
    var seeds = (started.lineage?.reset?.seeds ?? []).filter { $0.until < until }
    let author = started.lineage?.reset?.author(of: until - 1, in: request.baseRunID) ?? request.baseRunID
    seeds.append(ResetOrigin.Seed(runID: author, until: until))
    guard seeds.count <= Limits.resets else {
      throw OrchestratorError(
        .invalidArgument, "the run comes from \(Limits.resets) resets, which is the limit: reset it to an earlier event")
    }
    let reset = ResetOrigin(
      runID: request.baseRunID, eventID: plan.lastEventID, at: at, seeds: seeds, reason: request.reason, identity: request.identity)
    let lineage = started.lineage
    started.workflowID = request.target.workflowID
    started.namespace = request.target.namespace
    // A fork is nobody's child.
    started.lineage = Lineage(continued: lineage?.continued, parent: request.isFork ? nil : lineage?.parent, reset: reset)
    return started
  }

  private func rebuild(
    _ started: StartedAttributes, _ request: ResetRequest, _ plan: ResetPlan, _ history: [HistoryEvent]
  ) throws -> (entry: RunEntry, outcome: ReplayMatcher.Outcome) {
    guard let code = registry.workflows[started.workflowType] else { throw WorkflowProblem.unknownWorkflowType(started.workflowType) }
    let definition = try routes.definition(continuing: started.options?.versioning, code, started.key)
    let instance = definition.makeInstance(WorkflowInfo(request.newRunID, started), escapeReport(request.newRunID))
    var kept = Array(history.prefix(Int(plan.lastEventID)))
    kept[0] = HistoryEvent(
      eventID: 1, type: .workflowExecutionStarted, at: kept[0].at, causedBy: 0, attributes: IncomingEvent.started(started).encoded())
    do {
      monitor.began(resetting?.entry.runID ?? request.baseRunID, instance)
      defer { monitor.ended() }
      let outcome = try ReplayMatcher.replay(kept, into: instance, isLastEventNew: plan.isLastEventNew)
      let entry = RunEntry(runID: request.newRunID, phase: .active(instance))
      entry.lastEventID = plan.lastEventID
      entry.scheduledBy = outcome.scheduledBy
      entry.children = plan.children
      entry.isPaused = kept.pause != nil
      return (entry, outcome)
    } catch {
      instance.evict()
      throw error
    }
  }

  /// What the new run is told of the time behind the kept events.
  private func messages(
    for entry: RunEntry, _ plan: ResetPlan, _ reading: ResetReading, isFork: Bool
  ) throws -> [OwnerMessage] {
    func message(_ body: OwnerMessage.Body) -> OwnerMessage {
      var message = OwnerMessage(runID: entry.runID, body: body)
      message.isMadeByReset = true
      return message
    }
    var told = try plan.again.map { event in
      switch try IncomingEvent(event) {
      case .signaled(let signal): return message(.signal(signal))
      case .updateAccepted(let update): return message(.update(update))
      case .childEnded(let outcome): return message(.childOutcome(outcome))
      case .externalAnswered(let answer): return message(.externalAnswer(answer))
      default: throw AttributesError(offset: 0)
      }
    }
    for (sequence, child) in plan.openChildren.sorted(by: { $0.key < $1.key }) {
      if let end = reading.childOutcomes[child.runID] {
        let payload = try decoded(end, child.key)
        told.append(message(.childOutcome(ChildOutcome(sequence: sequence, runID: end.runID, status: end.status, payload: payload))))
      } else if isFork {
        throw OrchestratorError(
          .invalidArgument, "child '\(child.key.workflowID)' of the kept events is open: it answers one parent; fork from an earlier event")
      }
    }
    return told
  }

  /// A child's values are its own.
  private func decoded(_ end: ResetReading.ChildEnd, _ key: WorkflowKey) throws -> Payload? {
    guard let codec = configuration.codec else { return end.payload }
    return try end.payload.map { end.status == .completed ? try codec.decode($0, key) : try codec.decode(failure: $0, key) }
  }

  /// The base run ends, if it is open.
  /// - Returns: its messages that are for the new run.
  private func replace(_ run: FrozenRun, _ new: RunEntry, _ plan: ResetPlan, _ at: Int64) -> [OwnerMessage] {
    let (entry, request) = (run.entry, run.request)
    guard let slot = entry.slot, !entry.isLoading else {
      acknowledge(run.message, entry)
      return []
    }
    record(run.message, entry, at: at)
    var rest: [OwnerMessage] = []
    var handedOn: Set<String> = []
    for message in entry.waiting {
      switch message.body {
      case .signal where request.exclusions.contains(.signals), .update where request.exclusions.contains(.updates): continue
      case .childOutcome(let outcome) where plan.children[outcome.sequence] == nil: continue
      case .signal, .cancel, .terminate, .childOutcome, .externalAnswer, .pause:
        var copy = OwnerMessage(runID: new.runID, body: message.body)
        copy.isMadeByReset = true
        rest.append(copy)
      case .update(let update):
        handedOn.insert(update.updateID)
        var copy = OwnerMessage(runID: new.runID, body: message.body)
        copy.isMadeByReset = true
        rest.append(copy)
      default: continue
      }
    }
    recordHandedOn(entry, handedOn, slot, at)
    let reason = "reset to event \(plan.lastEventID)" + (request.reason.isEmpty ? "" : ": \(request.reason)")
    var writer = AttributesWriter()
    writer.field("reason", reason)
    writer.field("identity", request.identity)
    writer.field("newExecutionRunId", new.runID.description)
    _ = append(.workflowExecutionTerminated, causedBy: 0, writer.finish(), entry, slot, at)
    let updates = Set(plan.again.compactMap { event in (try? AttributesReader(event.attributes))?.text("updateId") })
    close(
      entry, .terminated, outcome: CloseStatus.outcome(resetTo: new.runID, reason), at: at,
      by: Replacement(children: plan.children, updates: updates.union(openUpdates(of: new))))
    return rest
  }

  /// What waits at the base run has its place in its history; updates that the new run decides are not refused here.
  private func recordHandedOn(_ entry: RunEntry, _ updates: Set<String>, _ slot: Slot, _ at: Int64) {
    var kept: [OwnerMessage] = []
    for message in entry.takeWaiting() {
      if case .update(let update) = message.body, updates.contains(update.updateID) {
        acknowledge(message, entry)
      } else {
        kept.append(message)
      }
    }
    entry.followers = kept
    recordFollowers(of: entry, slot, at)
  }

  private func openUpdates(of entry: RunEntry) -> [String] { entry.instance?.updates.identifiers ?? [] }

  /// The first rows of the new run.
  private func begin(_ entry: RunEntry, _ started: StartedAttributes, _ run: FrozenRun, _ kept: ArraySlice<HistoryEvent>, _ at: Int64) {
    let request = run.request
    let (key, slot) = (request.target, request.target.slot)
    if let earlier = entries[entry.runID], earlier !== run.entry { entry.waiting = earlier.takeWaiting() }
    if run.entry.runID == entry.runID { entry.waiting = run.entry.takeWaiting() }
    adopt(entry, started, slot, startedAt: kept[0].at)
    if entry.instance?.isDelayed != true { entry.deadlines.removeAll { $0.kind == .startDelay } }
    for row in entry.deadlines { begin(row) }
    entry.lastActiveAt = at
    entries[entry.runID] = entry
    openRuns[key] = entry.runID
    record(nil, entry, at: at)
    lowerWater(to: entry.runID)
    pipeline.open.runs.append(
      RunRow(
        runID: entry.runID, slot: slot, key: key, workflowType: started.workflowType, startedAt: at,
        isSuccessor: !request.isFork && !run.entry.isLoading))
    pipeline.open.history.append(
      HistoryRow(
        runID: entry.runID, slot: slot,
        event: HistoryEvent(
          eventID: 1, type: .workflowExecutionStarted, at: kept[0].at, causedBy: 0,
          attributes: IncomingEvent.started(started).encoded())))
    if request.isFork, configuration.codec != nil {
      // Values of another workflow id do not open under this one's.
      pipeline.open.history += kept.dropFirst().map { HistoryRow(runID: entry.runID, slot: slot, event: $0) }
    } else {
      pipeline.open.copies.append(HistoryCopy(from: request.baseRunID, to: entry.runID, slot: slot, lastEventID: entry.lastEventID))
    }
    pipeline.open.resets.append(ResetRow(request: request, slot: slot, eventID: entry.lastEventID, at: at, refusal: nil))
    if entry.isPaused {
      storePause(of: entry, PauseRequest(isPaused: true, reason: request.reason, identity: request.identity), at)
    }
    if let attributes = entry.instance?.foundBy { store(attributes, of: entry, slot) }
    if let versioning = started.options?.versioning { store(versioning, of: entry, slot) }
  }

  /// Updates of the kept events stand as they did.
  private func keepUpdates(of kept: ArraySlice<HistoryEvent>, _ entry: RunEntry, _ at: Int64) {
    for event in kept where event.type == .workflowExecutionUpdateAccepted || event.type == .workflowExecutionUpdateCompleted {
      guard let reader = try? AttributesReader(event.attributes), let updateID = reader.text("updateId") else { continue }
      let key = UpdateKey(runID: entry.runID, updateID: updateID)
      entry.updates.insert(updateID)
      let result = reader.payload("result")
      let status: UpdateStatus = event.type == .workflowExecutionUpdateAccepted ? .accepted : result == nil ? .failed : .completed
      pipeline.open.updates[key] = UpdateRow(
        key: key, slot: entry.slot ?? Slot(0), name: reader.text("updateName") ?? pipeline.open.updates[key]?.name, status: status,
        at: event.at, outcome: result ?? reader.payload("failure"))
    }
  }

  /// What was pending begins again, what the code decides anew follows, and what came later is delivered once more.
  private func goOn(
    _ entry: RunEntry, _ outcome: ReplayMatcher.Outcome, _ plan: ResetPlan, _ request: ResetRequest, _ again: [OwnerMessage], _ at: Int64
  ) {
    guard let slot = entry.slot else { return }
    for timer in outcome.openTimers {
      let row = TimerRow(slot: slot, dueAt: timer.dueAt, runID: entry.runID, sequence: timer.sequence, kind: .timer)
      entry.timers[timer.sequence] = row
      begin(row)
    }
    for open in outcome.openActivities { schedule(open.task, entry, slot, at) }
    for task in outcome.openInlineSteps { startInline(task, entry, scheduledAt: at) }
    for event in plan.unanswered { ask(event, again: entry, request, at) }
    let waiting = entry.takeWaiting()
    // Should the code end meanwhile, they have their place in its history: nothing of this may land without the rest.
    entry.followers = again
    isHoldingBatch = true
    perform(Activation(commands: outcome.newCommands, inlineSteps: []), causedBy: plan.lastEventID, entry, at)
    dealWithFollowers(of: entry)
    isHoldingBatch = false
    handle(waiting)
  }

  /// A message to another workflow id whose answer may have gone to the base run: with its own request id, so that it counts once.
  private func ask(_ event: HistoryEvent, again entry: RunEntry, _ request: ResetRequest, _ at: Int64) {
    guard let reader = try? AttributesReader(event.attributes), let workflowID = reader.text("workflowId"),
      let sequence = try? reader.sequence(), let sender = entry.key
    else { return }
    let author = entry.info?.reset?.author(of: event.eventID, in: request.baseRunID) ?? request.baseRunID
    let signal = reader.text("signalName").map { name in
      SignaledAttributes(
        name: name, input: reader.payload("input") ?? .null, identity: configuration.identity, requestID: "\(author)/\(sequence)")
    }
    let key = WorkflowKey(namespace: sender.namespace, workflowID: workflowID)
    let message = ExternalMessage(
      key: key, signal: signal, identity: configuration.identity, sender: .init(runID: entry.runID, key: sender, sequence: sequence))
    pipeline.open.sentMessages.append(
      SpilledMessage(
        runID: runID(following: entry.runID, at), slot: key.slot, kind: .external, attributes: message.encoded(), recipient: key))
  }
}
