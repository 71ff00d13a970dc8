/// What follows when a batch landed, and when it did not.
extension SlotOwner {
  /// Until an acknowledged start that the database refused is tried again.
  static let refusedStartMicroseconds: Int64 = 10_000_000

  func committed(_ number: Int) {
    guard let (batch, touched) = pipeline.landed(number) else { return }
    for entry in touched { entry.uncommittedBatches -= 1 }
    inbox.gone(batch.takenMessages)
    release(batch.effects)
    for row in batch.closes { closed(row) }
    if !batch.tasks.isEmpty || !batch.cancelledTasks.isEmpty { onTasks() }
    for row in batch.tasks where row.task.options.priority != nil && !orderedQueues.contains(row.task.options.taskQueue) {
      onPriority(row.task.options.taskQueue, row.workflow.namespace)
    }
    if !batch.sentMessages.isEmpty { ring(for: batch.sentMessages) }
    if !batch.withdrawnTasks.isEmpty { inbox.wake() }
    if !frozen.isEmpty { readFrozen() }
    if !outdated.isEmpty { renewOutdated() }
    if pipeline.refusal != nil && pipeline.inFlight.isEmpty { recover() }
  }

  private func release(_ effects: [Effect]) {
    var work: [LocalWork] = []
    for effect in effects {
      switch effect {
      case .dispatch(let attempt): if runningHere[attempt.key] == attempt.attempt { work.append(.attempt(attempt)) }
      case .runInline(let step): work.append(.step(step))
      case .cancelLocal(let key):
        start(&work)
        dispatcher.cancel(key)
      case .stopLocal(let key):
        start(&work)
        dispatcher.stop(key)
      case .reply(let reply, let error): reply(error)
      }
    }
    start(&work)
  }

  private func start(_ work: inout [LocalWork]) {
    if !work.isEmpty { dispatcher.start(work) }
    work = []
  }

  private func closed(_ row: CloseRow) {
    onClose(row)
    refusedCloses.remove(row.runID)
    conflictingStarts.remove(row.runID)
    guard let entry = entries[row.runID] else { return }
    entries[row.runID] = nil
    if let key = entry.key {
      if openRuns[key] == row.runID { openRuns[key] = nil }
      if !asked.isEmpty, asked[key] != nil { askedAgain.insert(key) }
    }
    handle(entry.waiting)
  }

  func refused(_ number: Int, _ refusal: CommitRefusal) {
    pipeline.refused(number, refusal)
    if pipeline.inFlight.isEmpty { recover() }
  }

  /// Speculation that did not land is undone by forgetting it: the runs are replayed from what is stored, and the messages are dealt with again.
  private func recover() {
    let (cause, refusedBatch, batches, touched) = pipeline.takeUncommitted()
    if cause == .ownershipLost {
      loseOwnership(batches)
      return
    }
    Log.warning("batch-refused", "uncommitted work is done again: \(cause)")
    lowWater = nil
    unconfirmedSlots.append(contentsOf: batches.flatMap(\.confirmedSlots))
    for batch in batches {
      for case .dispatch(let attempt) in batch.effects { runningHere[attempt.key] = nil }
      for case .runInline(let step) in batch.effects { inlineHere.remove(step.key) }
    }
    let successors = Set(
      batches.lazy.flatMap(\.runs).filter(\.isSuccessor).map(\.runID) + batches.lazy.flatMap(\.resets).map(\.request.newRunID))
    var again: [OwnerMessage] = []
    for entry in touched where entries[entry.runID] === entry {
      again += entry.takeWaiting().filter { $0.timer == nil }
      forget(entry)
      if entry.lastEventID > 0 { makeEntry(entry.runID, slot: entry.slot) }
    }
    let uncommitted = batches.flatMap(\.messages).filter { !isForLost(successors, $0) }
    again.removeAll { isForLost(successors, $0) }
    // What was only to be deleted is read again.
    inbox.forget(Set(batches.flatMap(\.takenMessages)).subtracting(uncommitted.compactMap(\.messageID)))
    // It met a run in the database: the same one, which is fine, or another open run of its workflow id. Loading it tells.
    if case .alreadyStarted(let runs) = cause { conflictingStarts.formUnion(runs) }
    // Timers are due again once their runs are loaded.
    redeliver(uncommitted.filter { $0.timer == nil }.map(redelivered) + again, cause, refusedBatch)
  }

  /// The run that it was given to may never have been, and another continues its chain: its sender finds that one through the inbox.
  private func isForLost(_ successors: Set<RunID>, _ message: OwnerMessage) -> Bool {
    guard successors.contains(message.runID), message.messageID == nil else { return false }
    // It is what began the run: it begins it again.
    if case .start = message.body { return false }
    guard let reply = message.reply else { return message.isMadeByReset }
    reply(OrchestratorError(.ownershipLost, "run \(message.runID) is looked for again; send the message again"))
    return true
  }

  /// A message once more, after what became of it did not land.
  private func redelivered(_ message: OwnerMessage) -> OwnerMessage {
    var message = message
    message.isRedelivered = true
    switch message.body {
    // The work itself is done.
    case .activityOutcome(let sequence, let report) where message.messageID == nil:
      runningHere[ActivityKey(runID: message.runID, sequence: sequence)] = report.attempt
    case .inlineOutcome(let sequence, _, _): inlineHere.insert(ActivityKey(runID: message.runID, sequence: sequence))
    default: break
    }
    return message
  }

  private func redeliver(_ uncommitted: [OwnerMessage], _ cause: CommitRefusal, _ refusedBatch: CommitBatch?) {
    switch cause {
    case .unseenMessages(let runs):
      // A sender may still hold the run, so it is held for a moment; what it sends may have a number below those that were read.
      inbox.startOver()
      handle(hold(runs, uncommitted))
    case .rejected(let reason):
      let runs = Set(refusedBatch?.messages.map(\.runID) ?? [])
      guard runs.count == 1, let poisoned = runs.first else { return handle(hold([], uncommitted)) }
      refusedCloses.remove(poisoned)
      for message in uncommitted where message.runID == poisoned { poison(message, reason) }
      handle(hold([], uncommitted.filter { $0.runID != poisoned }))
    case .outcomeUnknown, .predecessorMissing, .ownershipLost, .alreadyStarted: handle(hold([], uncommitted))
    }
  }

  /// The database refused this one message by itself.
  private func poison(_ message: OwnerMessage, _ reason: String) {
    if case .start = message.body {
      Log.error("start-refused", reason, ["run_id": message.runID.description])
      if let reply = message.reply {
        reply(OrchestratorError(.invalidArgument, reason))
      } else {
        // It was acknowledged: it is tried again for as long as it takes.
        deferred.append((at: clock() + Self.refusedStartMicroseconds, message: message))
      }
      return
    }
    poisoned[message.runID] = .storeRefused(reason)
    (entries[message.runID] ?? makeEntry(message.runID)).waiting.append(message)
  }

  /// Drops a run from memory; its history stays.
  func forget(_ entry: RunEntry) {
    entries[entry.runID] = nil
    if let key = entry.key, openRuns[key] == entry.runID { openRuns[key] = nil }
    let instance = entry.instance
    entry.phase = .closed
    entry.waiting = []
    instance?.evict()
  }

  /// Another process owns the slots: everything in memory is stale.
  private func loseOwnership(_ batches: [CommitBatch]) {
    let error = OrchestratorError(.ownershipLost, "this process lost its slots; send the message again")
    for message in batches.flatMap(\.messages) + takeWaitingMessages() { message.reply?(error) }
    dropSlots(slots)
    onOwnershipLost()
  }

  func repeatRead(_ read: StoreRead) {
    switch read {
    case .load(let runs): loads.append(contentsOf: runs)
    case .inbox: inbox.failed()
    case .timers: isReadingTimers = false
    case .findRuns(let keys): store.findRuns(keys)
    case .reset(let query): store.readReset(query)
    case .openRuns(let slots, let from): store.readOpenRuns(slots: slots, from: from)
    }
  }
}
