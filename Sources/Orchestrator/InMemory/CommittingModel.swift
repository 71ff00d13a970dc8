/// One batch as one transaction: what `CommitStatements` do, in their order.
extension StoreModel {
  /// - Returns: why it did not land; nil when it did.
  func commit(_ batch: CommitBatch, predecessor: Int?, by process: Int64, session: Int64) -> CommitRefusal? {
    if let refusal = refusal(of: batch, predecessor, process, session) { return refusal }
    lastBatch[process] = batch.number
    observer?.committed(by: process)
    write(batch, process)
    return nil
  }

  /// A new connection for commits: what comes on earlier ones is refused.
  func beginSession(_ process: Int64) -> Int64 {
    commitSessions[process, default: 0] += 1
    lastBatch[process] = nil
    return commitSessions[process, default: 0]
  }

  private func refusal(of batch: CommitBatch, _ predecessor: Int?, _ process: Int64, _ session: Int64) -> CommitRefusal? {
    if guards.contains(.fence) && fenced[process] != false { return .ownershipLost }
    if commitSessions[process] != session { return .predecessorMissing }
    if let predecessor, lastBatch[process] != predecessor { return .predecessorMissing }
    let conflicts = batch.runs.filter { !$0.isRefused && !$0.isSuccessor && (openRuns[$0.key]?.isEmpty == false || runs[$0.runID] != nil) }
    if !conflicts.isEmpty { return .alreadyStarted(conflicts.map(\.runID)) }
    if hasDuplicates(batch) { return .outcomeUnknown }
    if guards.contains(.inbox), let refusal = unseen(batch) { return refusal }
    return batch.closes.contains { closes[$0.runID] != nil } ? .outcomeUnknown : nil
  }

  /// Rows that stand already: a unique violation.
  private func hasDuplicates(_ batch: CommitBatch) -> Bool {
    if batch.runs.contains(where: { runs[$0.runID] != nil }) { return true }
    if batch.resets.contains(where: { resets[$0.request.newRunID] != nil }) { return true }
    return batch.history.contains { holds($0.runID, $0.event.eventID) }
  }

  private func holds(_ runID: RunID, _ eventID: Int32) -> Bool {
    guard let events = history[runID], let last = events.last, eventID <= last.eventID else { return false }
    return events.contains { $0.eventID == eventID }
  }

  /// The close is refused while a sender holds the run's row, or when messages wait.
  private func unseen(_ batch: CommitBatch) -> CommitRefusal? {
    guard !batch.closes.isEmpty else { return nil }
    let closing = Set(batch.closes.map(\.runID))
    let held = closing.intersection(senderLocks.values.joined())
    if !held.isEmpty { return .unseenMessages(held.sorted()) }
    let taken = Set(batch.takenMessages)
    var waiting = inbox.filter { $0.transaction == nil && closing.contains($0.row.runID) && !taken.contains($0.row.messageID) }
      .map { ($0.row.runID, $0.row.kind) }
    waiting += (batch.spilledMessages + batch.sentMessages).filter { closing.contains($0.runID) }.map { ($0.runID, $0.kind) }
    guard waiting.contains(where: { ![.activityOutcome, .childOutcome, .externalAnswer, .reset].contains($0.1) }) else { return nil }
    return .unseenMessages(Set(waiting.map(\.0)).sorted())
  }

  private func write(_ batch: CommitBatch, _ process: Int64) {
    for row in batch.runs {
      runs[row.runID] = StoredRun(slot: row.slot, key: row.key)
      openRuns[row.key, default: []].append(row.runID)
      workflowKeys.insert(row.key)
      observer?.started(
        run: row.runID.uuid, slot: Int(row.slot.number), workflow: row.key.workflowID, isRefused: row.isRefused, by: process)
    }
    for copy in batch.copies { largeValueReferences[copy.to, default: []].formUnion(largeValueReferences[copy.from] ?? []) }
    for row in batch.largeValues { largeValues[row.hash] = row.bytes }
    for row in batch.largeValueReferences { largeValueReferences[row.runID, default: []].insert(row.hash) }
    for row in batch.history {
      record(row, process)
      // A run that begins with a copy: what follows has numbers behind it.
      guard row.event.eventID == 1, let copy = batch.copies.first(where: { $0.to == row.runID }) else { continue }
      observer?.copied(run: copy.to.uuid, from: copy.from.uuid, lastEvent: Int(copy.lastEventID))
      for event in history[copy.from] ?? [] where event.eventID > 1 && event.eventID <= copy.lastEventID {
        record(HistoryRow(runID: copy.to, slot: copy.slot, event: event), process)
      }
    }
    for row in batch.pauses.values { if row.isPaused { paused.insert(row.runID) } else { paused.remove(row.runID) } }
    for row in batch.resets { resets[row.request.newRunID] = row }
    for row in batch.lastStates { states[row.runID] = row }
    for row in batch.searchAttributes.values {
      searchAttributes[row.runID] = row.attributes
      observer?.attributed(run: row.runID.uuid, row.attributes.bytes)
    }
    parked.subtract(batch.unparked)
    parked.formUnion(batch.parked.keys)
    for row in batch.parked.values { waitsFor[row.runID] = row.waitsFor }
    for row in batch.timers where timers[TimerKey(row)] == nil { timers[TimerKey(row)] = row }
    for row in batch.endedTimers { timers[TimerKey(row)] = nil }
    for row in batch.updates.values {
      updates[row.key.runID, default: []].insert(row.key.updateID)
      updateRows[row.key] = row
      guard row.status == .rejected else { continue }
      observer?.rejected(update: row.key.updateID, run: row.key.runID.uuid)
    }
    take(batch.takenMessages, process)
    for message in batch.spilledMessages + batch.sentMessages {
      insertMessage(message.slot, message.runID, message.kind, message.attributes, key: message.key)
    }
    writeActivities(batch)
    for row in batch.blocked {
      blocked[row.runID] = StoredBlock(
        attempts: row.attempts, isLastEventUnapplied: blocked[row.runID]?.isLastEventUnapplied ?? row.isLastEventUnapplied)
      problems[row.runID] = row.problem
    }
    for run in batch.unblocked { blocked[run] = nil }
    if let lowWater = batch.lowWater { heartbeats[process]?.lowWater = lowWater }
    for slot in batch.confirmedSlots where slots[Int(slot.number)].process == process { slots[Int(slot.number)].lowWater = .largest }
    for row in batch.closes { close(row, process) }
    for run in batch.closedBlocked { blocked[run] = nil }
    tellHiddenRuns()
    observer?.written(by: process)
  }

  private func record(_ row: HistoryRow, _ process: Int64) {
    history[row.runID, default: []].append(row.event)
    observer?.recorded(
      run: row.runID.uuid, slot: Int(row.slot.number), event: Int(row.event.eventID), type: Int(row.event.type.rawValue),
      at: row.event.at, causedBy: Int(row.event.causedBy), row.event.attributes, by: process)
  }

  /// Lists of open runs, and takeovers, look at parked runs and from the mark on.
  private func tellHiddenRuns() {
    guard let observer else { return }
    for runID in openRuns.values.joined() where !parked.contains(runID) {
      guard let slot = runs[runID].map({ slots[Int($0.slot.number)] }) else { continue }
      let mark = min(slot.lowWater, slot.process.flatMap { heartbeats[$0]?.lowWater } ?? .largest)
      if runID < mark { observer.hidden(run: runID.uuid) }
    }
  }

  private func close(_ row: CloseRow, _ process: Int64) {
    closes[row.runID] = row
    if let key = runs[row.runID]?.key { openRuns[key]?.removeAll { $0 == row.runID } }
    observer?.closed(run: row.runID.uuid, lastEvent: Int(row.lastEventID), by: process)
  }

  private func take(_ messages: [Int64], _ process: Int64) {
    guard !messages.isEmpty else { return }
    let taken = Set(messages)
    inbox.removeAll { message in
      guard message.transaction == nil, taken.contains(message.row.messageID) else { return false }
      observer?.deleted(message: message.row.messageID, by: process)
      return true
    }
  }

  private func writeActivities(_ batch: CommitBatch) {
    for row in batch.tasks where tasks[row.key] == nil { tasks[row.key] = StoredTask(row, now: now) }
    for key in batch.cancelledTasks {
      guard var task = tasks[key] else { continue }
      task.isCancelRequested = true
      task.visibleAt = min(task.visibleAt, now)
      tasks[key] = task
    }
    for withdrawn in batch.withdrawnTasks {
      guard let task = tasks[withdrawn.key], !task.isLeased else { continue }
      tasks[withdrawn.key] = nil
      insertMessage(task.slot, withdrawn.key.runID, .activityOutcome, withdrawn.attributes)
    }
    for key in batch.expeditedTasks where (tasks[key]?.visibleAt ?? 0) > now { tasks[key]?.visibleAt = now }
    for row in batch.changedTasks { tasks[row.key]?.change(row.task, now: now) }
    for key in batch.clearedTasks { tasks[key]?.heartbeatDetails = nil }
    for (key, row) in batch.changedOptions { activityOptions[key] = row?.options }
    let ended = Set(batch.endedTasks)
    if !ended.isEmpty { tasks = tasks.filter { !ended.contains($0.key.runID) } }
    for row in batch.attempts {
      log(
        StoredAttempt(
          attempt: row.attempt, slot: row.slot, isLost: row.failure.kind == .workerLost, nextAttemptAt: row.nextAttemptAt), row.key)
    }
    for key in batch.forgivenActivities {
      for index in attempts[key, default: []].indices { attempts[key]?[index].isForgiven = true }
    }
    for (key, row) in batch.heartbeats { activityHeartbeats[key] = row.details }
    for key in batch.endedHeartbeats { activityHeartbeats[key] = nil }
    for row in batch.parkedActivities { parkedActivities.insert(row.key) }
    for key in batch.unparkedActivities { parkedActivities.remove(key) }
  }

  func log(_ attempt: StoredAttempt, _ key: ActivityKey) {
    guard !attempts[key, default: []].contains(where: { $0.attempt == attempt.attempt }) else { return }
    attempts[key, default: []].append(attempt)
  }
}
