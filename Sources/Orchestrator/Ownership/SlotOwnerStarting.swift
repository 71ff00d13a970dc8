/// How a run begins, and how it comes back into memory.
extension SlotOwner {
  /// - Parameter followers: messages behind it, to be dealt with before the run may close.
  /// - Returns: whether the run is there and has them.
  @discardableResult
  func start(_ started: StartedAttributes, _ message: OwnerMessage, followers: [OwnerMessage] = []) -> Bool {
    let key = WorkflowKey(namespace: started.namespace, workflowID: started.workflowID)
    let slot = key.slot
    var expected: [OwnerMessage] = []
    if let entry = entries[message.runID], entry.isExpected {
      expected = entry.takeWaiting()
      entries[message.runID] = nil
    }
    guard slots.contains(slot), !isReleasing(slot) else {
      answered[message.runID] = nil
      for message in [message] + expected { message.reply?(OrchestratorError(.ownershipLost, "slot \(slot) belongs to another process")) }
      return false
    }
    let followers = expected + followers
    if let entry = entries[message.runID] {
      answered[message.runID] = nil
      // The same start again: told once the first is durable.
      if case .loading = entry.phase { entry.waiting.append(message) } else { acknowledge(message, entry) }
      return false
    }
    if started.options?.isConditional == true {
      startConditionally(started, key, message, followers)
      return true
    }
    if let open = openRuns[key] {
      guard let entry = entries[open], case .closed = entry.phase else {
        if refuseStart(started, key, message, open, followers: followers) { return true }
        handle(expected)
        return false
      }
      // Whoever saw the commit that closes it before its answer came here may use the workflow id again.
      expect(message, followers, slot)
      entry.waiting.append(message)
      return true
    }
    let entry = RunEntry(runID: message.runID, phase: .loading)
    entry.followers = followers
    entries[message.runID] = entry
    begin(entry, started, key, slot, message)
    dealWithFollowers(of: entry)
    return true
  }

  /// Writes the run's first rows and runs its code.
  /// - Parameter isEndless: too many of its chain began at once; its code waits.
  func begin(
    _ entry: RunEntry, _ started: StartedAttributes, _ key: WorkflowKey, _ slot: Slot, _ message: OwnerMessage?, isEndless: Bool = false
  ) {
    let at = max(clock(), entry.lastActiveAt)
    var started = started
    started.build = configuration.build
    if let options = started.options { started.options = options.beginning(at: at) }
    let code = registry.workflows[started.workflowType]
    if code?.isVersioned == true || !routes.isEmpty { version(&started, code, key) }
    adopt(entry, started, slot, startedAt: at)
    openRuns[key] = entry.runID
    if isEndless { return beginBlocked(entry, started, .endlessContinuation, message, at) }
    guard let code, let info = entry.info else {
      beginBlocked(entry, started, .unknownWorkflowType(started.workflowType), message, at)
      return
    }
    let instance: WorkflowInstance
    do throws(WorkflowProblem) {
      instance = try code.definition(started.options?.versioning?.version).makeInstance(info, escapeReport(entry.runID))
    } catch {
      beginBlocked(entry, started, error, message, at)
      return
    }
    let activation: Activation
    do {
      monitor.began(entry.runID, instance)
      defer { monitor.ended() }
      instance.eventID = 1
      activation = try instance.activate(.started(started), at: at, replaying: false)
    } catch {
      instance.evict()
      beginBlocked(entry, started, problem(error), message, at)
      return
    }
    entry.phase = .active(instance)
    let eventID = recordStart(entry, started, key, message, at)
    perform(activation, causedBy: eventID, entry, at)
    // What ends the run before and begins this one is one batch, and so is what came with its start.
    if pipeline.isFull, successors.current == nil, !isHoldingBatch, entry.followers.isEmpty { seal() }
  }

  /// A start that the code at hand cannot begin is recorded all the same: it was acknowledged.
  func beginBlocked(
    _ entry: RunEntry, _ started: StartedAttributes, _ problem: WorkflowProblem, _ message: OwnerMessage?, _ at: Int64
  ) {
    if let key = entry.key { _ = recordStart(entry, started, key, message, at) }
    markBlocked(entry, problem, isLastEventUnapplied: true)
  }

  /// The first rows of a run. Not before its code came back: a thread that is given up leaves nothing half-written.
  private func recordStart(
    _ entry: RunEntry, _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage?, _ at: Int64
  ) -> Int32 {
    let slot = entry.slot ?? key.slot
    record(message, entry, at: at)
    lowerWater(to: entry.runID)
    pipeline.open.runs.append(
      RunRow(
        runID: entry.runID, slot: slot, key: key, workflowType: started.workflowType, startedAt: at,
        isSuccessor: entry.isSuccessor))
    if let attributes = started.searchAttributes { store(attributes, of: entry, slot) }
    if let versioning = started.options?.versioning { store(versioning, of: entry, slot) }
    for row in entry.deadlines { begin(row) }
    return append(.workflowExecutionStarted, causedBy: 0, IncomingEvent.started(started).encoded(), entry, slot, at)
  }

  /// By which queries find the run from this batch on, all of them.
  func store(_ attributes: Payload, of entry: RunEntry, _ slot: Slot) {
    pipeline.open.searchAttributes[entry.runID] = SearchAttributesRow(runID: entry.runID, slot: slot, attributes: attributes)
  }

  func adopt(_ entry: RunEntry, _ started: StartedAttributes, _ slot: Slot? = nil, startedAt: Int64) {
    entry.info = WorkflowInfo(entry.runID, started)
    entry.slot = slot ?? Slot.of(namespace: started.namespace, workflowID: started.workflowID)
    if let updates = started.lineage?.continued?.updates, !updates.isEmpty { entry.updates.formUnion(updates) }
    if let options = started.options { adopt(entry, options, started, startedAt) }
  }

  /// A direct caller is told; a start that was acknowledged already becomes a run that fails with the reason.
  /// - Parameter reason: nil when the workflow id has an open run.
  @discardableResult
  func refuseStart(
    _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ open: RunID?, reason: String? = nil,
    followers: [OwnerMessage] = []
  ) -> Bool {
    let text = reason ?? "workflow id '\(key.workflowID)' has an open run already" + (open.map { ": \($0)" } ?? "")
    if let reply = message.reply {
      var refusal = OrchestratorError(.workflowAlreadyStarted, text)
      refusal.openRunID = open
      reply(refusal)
      return false
    }
    // The same start twice: it fails once.
    if let entry = entries[message.runID] {
      acknowledge(message, entry)
      return false
    }
    let at = clock()
    let entry = recordRefused(started, key, message, followers, at)
    let failure = Failure(kind: .engine, type: Failure.alreadyStarted, message: text, isRetryable: false)
    endByEngine(entry, failure, at: at)
    return true
  }

  /// The rows of a run that is there only to end in the same batch.
  func recordRefused(
    _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ followers: [OwnerMessage], _ at: Int64
  ) -> RunEntry {
    var started = started
    started.options = started.options?.withoutMessage
    let entry = RunEntry(runID: message.runID, phase: .closed)
    entry.followers = followers
    entries[message.runID] = entry
    adopt(entry, started, startedAt: at)
    record(message, entry, at: at)
    pipeline.open.runs.append(
      RunRow(runID: entry.runID, slot: key.slot, key: key, workflowType: started.workflowType, startedAt: at, isRefused: true))
    if let attributes = started.searchAttributes { store(attributes, of: entry, key.slot) }
    _ = append(.workflowExecutionStarted, causedBy: 0, IncomingEvent.started(started).encoded(), entry, key.slot, at)
    recordFollowers(of: entry, key.slot, at)
    return entry
  }

  func escapeReport(_ runID: RunID) -> @Sendable () -> Void {
    let onEscape = onEscape
    return { onEscape(runID) }
  }

  func flushLoads() {
    while !loads.isEmpty {
      let chunk = Array(loads.prefix(Limits.runsPerRead))
      loads.removeFirst(chunk.count)
      store.load(chunk)
    }
  }

  /// A run's stored history arrived: it is replayed, and messages that waited are dealt with.
  func loaded(_ run: LoadedRun) {
    let found = run.withLargeValues
    let run = configuration.codec.map { found.decoded($0) } ?? found
    // One that is expected is not what was read: its start decides.
    guard let entry = entries[run.runID], case .loading = entry.phase, !entry.isExpected else { return }
    let poison = poisoned.removeValue(forKey: run.runID)
    guard run.slot.map(slots.contains) != false else {
      entries[run.runID] = nil
      for message in entry.takeWaiting() + release(run.runID) {
        message.reply?(OrchestratorError(.ownershipLost, "the run's slot belongs to another process"))
      }
      return
    }
    guard let first = run.history.first, !run.isClosed else {
      entries[run.runID] = nil
      if run.blockedAttempts > 0 { pipeline.open.closedBlocked.append(run.runID) }
      deal(with: entry.takeWaiting() + release(run.runID), closedOrAbsent: run)
      return
    }
    entry.slot = run.slot
    entry.isParked = run.isParked
    entry.children = Self.openChildren(of: run, first)
    entry.blockedAttempts = run.blockedAttempts
    entry.lastEventID = Int32(run.history.count)
    entry.lastActiveAt = run.history.last?.at ?? 0
    entry.usesTaskQueues = !run.queuedActivities.isEmpty
    entry.updates = run.updates
    recency.use(entry)
    do {
      if let poison { throw poison }
      try restore(entry, run, first)
      handle(entry.takeWaiting())
    } catch {
      // Should it be terminated, its family is told.
      if entry.info == nil, case .started(let started)? = try? IncomingEvent(first) { adopt(entry, started, startedAt: first.at) }
      if let key = entry.key, openRuns[key] == nil { openRuns[key] = entry.runID }
      entry.recordedRequests = Self.requests(in: run.history)
      entry.leftovers = run.leftovers
      markBlocked(entry, problem(error), isLastEventUnapplied: run.isLastEventUnapplied)
      waitWithWaiting(entry)
      handle([])
    }
    for row in entry.deadlines where row.dueAt < clock() + Limits.timerHorizon { timers.insert(row) }
  }

  /// A history that cannot be read leaves none, and blocks its run.
  private static func openChildren(of run: LoadedRun, _ first: HistoryEvent) -> [Int32: OpenChild] {
    guard run.history.contains(where: { $0.type == .startChildWorkflowExecutionInitiated }),
      case .started(let started)? = try? IncomingEvent(first)
    else { return [:] }
    return (try? OpenChild.all(in: run.history, namespace: started.namespace)) ?? [:]
  }

  private func release(_ runID: RunID) -> [OwnerMessage] { held.removeValue(forKey: runID)?.messages ?? [] }

  /// The requests whose signals a history holds.
  private static func requests(in history: [HistoryEvent]) -> Set<String> {
    Set(
      history.lazy.filter { $0.type == .workflowExecutionSignaled }.compactMap { event in
        guard case .signaled(let signal)? = try? IncomingEvent(event), !signal.requestID.isEmpty else { return nil }
        return signal.requestID
      })
  }

  /// Each is looked at anew: termination works at a blocked run, and what came directly must become durable.
  func waitWithWaiting(_ entry: RunEntry) {
    var waiting = entry.takeWaiting()
    while !waiting.isEmpty {
      let message = waiting.removeFirst()
      if case .start = message.body {
        pending.append(message)
        continue
      }
      // What stands behind it goes with it.
      if message.endsRun { (entry.followers, waiting) = (waiting, []) }
      wait(message, atBlocked: entry)
    }
  }

  private func restore(_ entry: RunEntry, _ run: LoadedRun, _ first: HistoryEvent) throws {
    guard case .started(let begun) = try IncomingEvent(first) else {
      throw WorkflowProblem.damagedHistory(eventID: 1, reason: "it does not begin with WorkflowExecutionStarted")
    }
    let started = try begun.moved(by: run.history)
    adopt(entry, started, startedAt: first.at)
    guard let code = registry.workflows[started.workflowType], let info = entry.info, let key = entry.key else {
      throw WorkflowProblem.unknownWorkflowType(started.workflowType)
    }
    openRuns[key] = entry.runID
    let definition = try routes.definition(continuing: started.options?.versioning, code, key)
    let instance = definition.makeInstance(info, escapeReport(entry.runID))
    var outcome: ReplayMatcher.Outcome
    do {
      monitor.began(entry.runID, instance)
      defer { monitor.ended() }
      outcome = try ReplayMatcher.replay(run.history, into: instance, isLastEventNew: run.isLastEventUnapplied)
    } catch {
      instance.evict()
      throw error
    }
    _ = try instance.takeChangedState()
    for open in outcome.openActivities {
      guard let how = PayloadEnvelope.summary(of: open.task.input) else { continue }
      instance.evict()
      throw WorkflowProblem.undecodablePayload(
        what: "the input of activity '\(open.task.activityType)' (sequence \(open.task.sequence))",
        reason: PayloadError.encoded(how: how).description)
    }
    entry.phase = .active(instance)
    entry.scheduledBy = outcome.scheduledBy
    entry.isPaused = run.history.pause != nil
    if let reset = started.lineage?.reset { outcome.restartTimeLimits(at: reset.at) }
    if !instance.isDelayed { entry.deadlines.removeAll { $0.kind == .startDelay } }
    if run.blockedAttempts > 0 {
      pipeline.touch(entry)
      pipeline.open.unblocked.append(entry.runID)
      entry.blockedAttempts = 0
    }
    resume(outcome, entry, run)
  }

  /// Puts back what was open around the code.
  private func resume(_ outcome: ReplayMatcher.Outcome, _ entry: RunEntry, _ run: LoadedRun) {
    guard let slot = entry.slot else { return }
    for timer in outcome.openTimers {
      let row = TimerRow(slot: slot, dueAt: timer.dueAt, runID: entry.runID, sequence: timer.sequence, kind: .timer)
      entry.timers[timer.sequence] = row
      if row.dueAt < clock() + Limits.timerHorizon { timers.insert(row) }
    }
    for open in outcome.openActivities { resume(open, entry, run, slot) }
    for task in outcome.openInlineSteps {
      entry.inlineSteps[task.sequence] = task
      startInline(task, entry, scheduledAt: entry.lastActiveAt)
    }
    if !outcome.newCommands.isEmpty {
      record(nil, entry, at: max(clock(), entry.lastActiveAt))
      perform(Activation(commands: outcome.newCommands, inlineSteps: []), causedBy: outcome.lastEventID, entry, entry.lastActiveAt)
    }
  }

  /// Messages for a run that is not open.
  private func deal(with messages: [OwnerMessage], closedOrAbsent run: LoadedRun) {
    var rest = messages[...]
    while let message = rest.popFirst() {
      guard case .start(let started) = message.body, run.history.isEmpty, message.runID == run.runID else {
        deal(with: message, closedOrAbsent: run)
        continue
      }
      // The run begins once more, and what came for it is not overlooked when it ends at once: termination comes last.
      if startAgain(started, message, followers: rest.filter { !$0.isTermination } + rest.filter(\.isTermination)) { return }
      let slot = Slot.of(namespace: started.namespace, workflowID: started.workflowID)
      guard slots.contains(slot), !isReleasing(slot) else {
        for message in rest { message.reply?(OrchestratorError(.ownershipLost, "run \(run.runID) belongs to another process")) }
        return
      }
    }
  }

  private func startAgain(_ started: StartedAttributes, _ message: OwnerMessage, followers: [OwnerMessage]) -> Bool {
    guard conflictingStarts.contains(message.runID), started.options?.isConditional != true else {
      conflictingStarts.remove(message.runID)
      var again = message
      again.isRedelivered = false
      return start(started, again, followers: followers)
    }
    // Known until its refusal has landed: should another start spoil that batch, both are refused in the next.
    if message.reply != nil { conflictingStarts.remove(message.runID) }
    let key = WorkflowKey(namespace: started.namespace, workflowID: started.workflowID)
    return refuseStart(started, key, message, nil, followers: followers)
  }

  /// A message for a run that is not open: one before it may have begun the run, and whoever continues a run takes what other runs say to it.
  private func deal(with message: OwnerMessage, closedOrAbsent run: LoadedRun) {
    if case .start = message.body, message.runID != run.runID { return handle(message) }
    if entries[message.runID] != nil { return handle(message) }
    if let successor = run.successor, let forwarded = message.forwarded(to: successor) ?? run.handOver(message) { return handle(forwarded) }
    if case .reset(let request) = message.body { return reset(request, message, stored: run) }
    if run.history.isEmpty, message.reply == nil, let start = deferred.first(where: { $0.message.runID == message.runID }) {
      deferred.append((at: start.at, message: message))
    } else if run.history.isEmpty, message.isForwarded, let messageID = message.messageID {
      // The run before is dealt with again: the inbox knows for whom it is.
      inbox.forget([messageID])
    } else {
      deal(with: message, exists: !run.history.isEmpty)
    }
  }

  /// A message whose run is closed, or was never there.
  private func deal(with message: OwnerMessage, exists: Bool) {
    if case .start = message.body {
      conflictingStarts.remove(message.runID)
      message.reply?(nil)
      return dropMessage(message)
    }
    message.reply?(
      exists
        ? OrchestratorError(.workflowClosed, "run \(message.runID) is closed")
        : OrchestratorError(.workflowNotFound, "there is no run \(message.runID)"))
    if case .timerDue(let row) = message.body { pipeline.open.endedTimers.append(row) }
    dropMessage(message)
  }

  func dropMessage(_ message: OwnerMessage) {
    if let external = message.external { answer(external, nil) }
    if let messageID = message.messageID { pipeline.open.takenMessages.append(messageID) }
  }
}
