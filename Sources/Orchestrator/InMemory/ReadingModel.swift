/// What `ReadStatements` answer.
extension StoreModel {
  func load(_ asked: [RunID]) -> [LoadedRun] { asked.map(load) }

  private func load(_ runID: RunID) -> LoadedRun {
    var run = LoadedRun(runID: runID)
    let events = history[runID] ?? []
    run.slot = events.isEmpty ? nil : runs[runID]?.slot
    run.history = events.sorted { $0.eventID < $1.eventID }
    run.isClosed = closes[runID] != nil
    run.isParked = parked.contains(runID)
    run.blockedAttempts = blocked[runID]?.attempts ?? 0
    run.isLastEventUnapplied = blocked[runID]?.isLastEventUnapplied ?? false
    run.attempts = attempts.keys.filter { $0.runID == runID }.map(\.sequence).sorted().compactMap { count(runID, $0) }
    run.parkedActivities = parkedActivities.filter { $0.runID == runID }.map(\.sequence).sorted()
    run.queuedActivities = (tasks.keys.filter { $0.runID == runID }.map(\.sequence) + reported(runID)).sorted()
    for (key, details) in activityHeartbeats where key.runID == runID { run.heartbeats[key.sequence] = details }
    for (key, options) in activityOptions where key.runID == runID { run.activityOptions[key.sequence] = options }
    run.updates = updates[runID] ?? []
    if run.isClosed, let reset = newestReset(of: runID) { run.reset = (reset.request.newRunID, reset.eventID) }
    for hash in largeValueReferences[runID] ?? [] { run.largeValues.bytes[hash] = largeValues[hash] }
    return run
  }

  private func newestReset(of runID: RunID) -> ResetRow? {
    resets.values.filter { $0.request.baseRunID == runID && $0.eventID > 0 && !$0.request.isFork }
      .max { $0.request.newRunID < $1.request.newRunID }
  }

  func readReset(_ query: ResetQuery) -> ResetReading {
    var reading = ResetReading(number: query.number)
    reading.history = (history[query.baseRunID] ?? []).sorted { $0.eventID < $1.eventID }
    reading.isClosed = closes[query.baseRunID] != nil
    reading.isDone = resets[query.newRunID] != nil
    reading.isTaken = runs[query.newRunID] != nil
    reading.openRun = openRuns[query.target]?.first
    for event in reading.history where event.type == .startChildWorkflowExecutionInitiated {
      guard let first = (try? AttributesReader(event.attributes))?.text("runId").flatMap({ RunID($0) }) else { continue }
      var last = first
      while let row = closes[last], let next = RunOutcome(status: row.status, outcome: row.outcome).successor { last = next }
      guard let row = closes[last] else { continue }
      reading.childOutcomes[first] = ResetReading.ChildEnd(runID: last, status: row.status, payload: row.outcome)
    }
    return reading
  }

  /// Steps whose outcome waits in the inbox.
  private func reported(_ runID: RunID) -> [Int32] {
    inbox.lazy.filter { $0.transaction == nil && $0.row.runID == runID && $0.row.kind == .activityOutcome }.compactMap { message in
      guard case .activityOutcome(let sequence, _) = (try? OwnerMessage(message.row))?.body else { return nil }
      return sequence
    }
  }

  private func count(_ runID: RunID, _ sequence: Int32) -> AttemptCount? {
    let all = attempts[ActivityKey(runID: runID, sequence: sequence), default: []]
    guard let last = all.max(by: { $0.attempt < $1.attempt }) else { return nil }
    let counted = all.filter { !$0.isForgiven }
    return AttemptCount(
      sequence: sequence, total: last.attempt, failed: Int32(counted.filter { !$0.isLost }.count),
      lost: Int32(counted.filter(\.isLost).count), nextAttemptAt: last.nextAttemptAt,
      isDelayed: all.contains { hasRetryTimer($0, runID, sequence) })
  }

  private func hasRetryTimer(_ attempt: StoredAttempt, _ runID: RunID, _ sequence: Int32) -> Bool {
    guard let dueAt = attempt.nextAttemptAt else { return false }
    let row = TimerRow(slot: attempt.slot, dueAt: dueAt, runID: runID, sequence: sequence, kind: .activityRetry)
    return timers[TimerKey(row)]?.kind == .activityRetry
  }

  func readInbox(_ asked: [Slot], above floor: Int64) -> [InboxRow] {
    guard !inbox.isEmpty else { return [] }
    let slots = Set(asked)
    let visible = inbox.lazy.filter { $0.transaction == nil && $0.row.messageID > floor && slots.contains($0.row.slot) }
    return Array(visible.prefix(Limits.inboxRead).map(\.row))
  }

  var transactionWindow: TransactionWindow {
    let next = Int64(lastTransaction) + 1
    return TransactionWindow(oldestOpen: inbox.lazy.compactMap(\.transaction).min().map(Int64.init) ?? next, next: next)
  }

  func readTimers(_ asked: [Slot], dueUntil: Int64) -> [TimerRow] {
    guard !timers.isEmpty else { return [] }
    let slots = Set(asked)
    return timers.values.filter { slots.contains($0.slot) && $0.dueAt <= dueUntil }
      .sorted { ($0.dueAt, $0.runID, $0.sequence) < ($1.dueAt, $1.runID, $1.sequence) }
  }

  func findRuns(_ keys: [WorkflowKey]) -> [FoundRuns] {
    keys.map { FoundRuns(key: $0, open: openRuns[$0]?.first, lastStatus: lastStatus(of: $0)) }
  }

  /// What `orchestrator.last_close_status` gives.
  func lastStatus(of key: WorkflowKey) -> CloseStatus? {
    let closed = closes.values.filter { runs[$0.runID]?.key == key && !isRefused($0) }
    return closed.max { $0.runID < $1.runID }?.status
  }

  private func isRefused(_ row: CloseRow) -> Bool {
    guard row.status == .failed || row.status == .continuedAsNew, let last = history[row.runID]?.last else { return false }
    return last.causedBy == 0
  }

  func readOpenRuns(_ asked: [Slot], from lowWater: RunID) -> [RunID] {
    let slots = Set(asked)
    return openRuns.values.joined().filter { runID in
      guard runID >= lowWater, !parked.contains(runID), let run = runs[runID] else { return false }
      return slots.contains(run.slot)
    }.sorted()
  }
}
