/// What the owner does by itself: slots come and go, timers fire, quiet runs are parked and evicted.
extension SlotOwner {
  /// Takes slots over: open runs that are not parked are brought into memory, timers and messages are looked for.
  func take(_ taken: [Slot], from lowWater: RunID) {
    let new = taken.filter { slots.insert($0).inserted }
    guard !new.isEmpty else { return }
    slotChanges += 1
    store.readOpenRuns(slots: new, from: lowWater)
    store.readTimers(slots: new, dueUntil: clock() + Limits.timerHorizon)
    inbox.startOver()
  }

  /// Gives slots up once nothing of theirs is under way; the callback gets the low-water mark for the next owner.
  func release(_ leaving: [Slot], deadline: Int64, whenReleased: @escaping @Sendable (RunID) -> Void) {
    releases.append(SlotRelease(slots: Set(leaving), deadline: deadline, whenReleased: whenReleased))
  }

  /// Time passed.
  /// - Returns: when something is due next, in microseconds since the Unix epoch.
  func tick(isIdle: Bool) -> Int64 {
    let now = clock()
    while let timer = timers.popDue(at: now) {
      if slots.contains(timer.slot) { handle(OwnerMessage(runID: timer.runID, body: .timerDue(timer))) }
    }
    deliverDeferred(now)
    releaseHeld(now)
    if !slots.isEmpty, let floor = inbox.begin(at: now) { store.readInbox(slots: slotOrder, above: floor) }
    if now >= nextHousekeeping {
      nextHousekeeping = now + 500_000
      keepHouse(now)
    }
    finishReleases(now)
    if now >= nextShrink { shrinkCache(now) }
    return min(
      timers.nextDueAt ?? .max, slots.isEmpty ? .max : inbox.dueAt, nextHousekeeping, deferred.map(\.at).min() ?? .max,
      nextHeldDueAt)
  }

  func take(_ rows: [InboxRow], _ window: TransactionWindow?) {
    for row in inbox.end(rows, window) {
      // A run that is still in memory cannot close without its messages; the others' wait for the next owner.
      guard slots.contains(row.slot), !isReleasing(row.slot) || entries[row.runID] != nil else {
        inbox.forget([row.messageID])
        continue
      }
      do {
        handle(try OwnerMessage((configuration.codec.map { Self.decoded(row, $0) } ?? row).withHeaders))
      } catch {
        // The SQL functions write these rows; whoever inserted this one by hand gets it reported and left where it is.
        Log.error("damaged-message", "\(error)", ["message_id": String(row.messageID), "run_id": row.runID.description])
      }
    }
  }

  private func deliverDeferred(_ now: Int64) {
    guard !deferred.isEmpty else { return }
    let due = deferred.filter { $0.at <= now }
    deferred.removeAll { $0.at <= now }
    handle(due.map(\.message))
  }

  private func keepHouse(_ now: Int64) {
    if !slots.isEmpty, !isReadingTimers {
      isReadingTimers = true
      store.readTimers(slots: slotOrder, dueUntil: now + Limits.timerHorizon)
    }
    // In order: what is done must not depend on how this process's dictionaries happen to lie.
    for entry in entries.values.filter({ isDue($0, now) }).sorted(by: { $0.runID < $1.runID }) {
      if case .blocked = entry.phase { retryBlocked(entry) } else { park(entry) }
    }
    renewOutdated()
    storeHeartbeats(now)
    raiseLowWater(now)
    recency.compact(entries)
  }

  /// Whether a quiet run is to be parked, or a blocked one to be tried again.
  private func isDue(_ entry: RunEntry, _ now: Int64) -> Bool {
    switch entry.phase {
    case .active: !entry.isParked && now - entry.lastActiveAt > Limits.parkAfter
    case .blocked: now >= entry.retryBlockedAt && entry.uncommittedBatches == 0
    case .loading, .closed: false
    }
  }

  func park(_ entry: RunEntry) {
    guard !entry.isParked, !entry.isBusyHere, let slot = entry.slot, case .active = entry.phase else { return }
    entry.isParked = true
    pipeline.touch(entry)
    pipeline.open.parked[entry.runID] = ParkedRow(runID: entry.runID, slot: slot, waitsFor: entry.waitsFor)
    if pipeline.open.parked.count >= Limits.rowsPerBatch { seal() }
  }

  private func retryBlocked(_ entry: RunEntry) {
    entry.phase = .loading
    loads.append(entry.runID)
  }

  /// Runs beyond the cache's size leave memory: parked first, then forgotten; a message brings them back.
  private func shrinkCache(_ now: Int64) {
    var excess = entries.count - configuration.cachedRuns
    var isStuck = true
    var kept: [RunEntry] = []
    while excess > 0, let entry = recency.popLeastRecent(entries) {
      if case .active = entry.phase, !entry.isBusyHere {
        // Messages of a paused run are not read twice while they wait here.
        if entry.isParked && entry.uncommittedBatches == 0 && entry.waiting.isEmpty {
          forget(entry)
          excess -= 1
          isStuck = false
          continue
        }
        if !entry.isParked { isStuck = false }
        park(entry)
      }
      kept.append(entry)
      if kept.count >= Limits.rowsPerBatch { break }
    }
    for entry in kept { recency.use(entry) }
    // All of them have work here: looking at them again at every turn would cost more than the work.
    if isStuck && excess > 0 { nextShrink = now + 5_000 }
  }

  private func storeHeartbeats(_ now: Int64) {
    for (key, details) in dispatcher.takeHeartbeats() {
      guard let entry = entries[key.runID], entry.activities[key.sequence] != nil else { continue }
      pipeline.touch(entry)
      entry.activities[key.sequence]?.heartbeatDetails = details
      pipeline.open.heartbeats[key] = HeartbeatRow(key: key, at: now, details: details)
    }
  }

  /// Below the low-water mark every open run of our slots is parked: a new owner need not look there. A slot just taken has a mark of its
  /// own until its runs count here.
  private func raiseLowWater(_ now: Int64) {
    let mark = lowestUnparked(now)
    let confirmed = unconfirmedSlots.filter(slots.contains)
    if let lowWater, lowWater >= mark, confirmed.isEmpty { return }
    lowWater = mark
    pipeline.open.lowWater = mark
    pipeline.open.confirmedSlots.append(contentsOf: confirmed)
    unconfirmedSlots = []
  }

  private func lowestUnparked(_ now: Int64) -> RunID {
    let recent = RunID.floor(unixMilliseconds: now / 1000 - 60_000)
    return min(entries.values.lazy.filter { !$0.isParked }.map(\.runID).min() ?? recent, recent)
  }

  /// An old run becomes active: the mark goes down in the same batch.
  func lowerWater(to runID: RunID) {
    if let lowWater, lowWater <= runID { return }
    let mark = min(runID, lowWater ?? lowestUnparked(clock()))
    lowWater = mark
    pipeline.open.lowWater = mark
  }

  func isReleasing(_ slot: Slot) -> Bool { releases.contains { $0.slots.contains(slot) } }

  /// Slots go when nothing of theirs is under way; past the deadline nothing more begins there, but what was sent to the database is awaited:
  /// once the next owner writes, not one row of ours may follow.
  private func finishReleases(_ now: Int64) {
    for (index, release) in releases.enumerated().reversed() {
      if now >= release.deadline { abandoned.formUnion(release.slots) }
      let mine = entries.values.filter { $0.slot.map(release.slots.contains) ?? false }
      let isOver = now >= release.deadline || !mine.contains { $0.isBusyHere || $0.isLoading }
      guard isOver, mine.allSatisfy({ $0.uncommittedBatches == 0 }) else { continue }
      releases.remove(at: index)
      dropSlots(release.slots)
      release.whenReleased(lowWater ?? RunID.floor(unixMilliseconds: 0))
    }
  }

  /// Forgets everything of these slots.
  func dropSlots(_ dropped: Set<Slot>) {
    slots.subtract(dropped)
    // Should they come back, work begins anew.
    abandoned.subtract(dropped)
    slotChanges += 1
    // Of which slot a run is that is being looked for, only its rows will tell.
    let leaving = orderedEntries.filter { $0.slot.map(dropped.contains) ?? slots.isEmpty }
    stopWork(of: Set(leaving.map(\.runID)))
    for entry in leaving {
      let waiting = entry.takeWaiting() + (held.removeValue(forKey: entry.runID)?.messages ?? [])
      forget(entry)
      for message in waiting { message.reply?(OrchestratorError(.ownershipLost, "the run's slot moved to another process")) }
    }
    timers.removeAll { dropped.contains($0.slot) }
    inbox.forget(dropped)
    for key in asked.keys.filter({ dropped.contains($0.slot) }).sorted(by: { $0.workflowID < $1.workflowID }) {
      for message in asked.removeValue(forKey: key) ?? [] {
        message.reply?(OrchestratorError(.ownershipLost, "the workflow id's slot moved to another process"))
      }
    }
    askedAgain = askedAgain.filter { !dropped.contains($0.slot) }
    if slots.isEmpty {
      deferred = []
      held = [:]
      refusedCloses = []
      poisoned = [:]
      conflictingStarts = []
    }
  }

  /// What this process does for these runs is stopped, and no longer counts as under way.
  private func stopWork(of runs: Set<RunID>) {
    let running = runningHere.keys.filter { runs.contains($0.runID) }
    for key in running.sorted(by: { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }) {
      dispatcher.cancel(key)
      runningHere[key] = nil
    }
    inlineHere = inlineHere.filter { !runs.contains($0.runID) }
  }
}

/// Slots on their way to another process.
struct SlotRelease {
  let slots: Set<Slot>
  /// Microseconds since the Unix epoch after which work under way is abandoned.
  let deadline: Int64
  let whenReleased: @Sendable (RunID) -> Void
}

extension RunID {
  /// The smallest identifier of this time.
  static func floor(unixMilliseconds: Int64) -> RunID {
    RunID(UUIDVersion7.make(unixMilliseconds: max(0, unixMilliseconds), counter: 0, random: (0, 0)))
  }
}
