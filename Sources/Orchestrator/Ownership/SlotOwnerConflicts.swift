/// Starts that depend on what else their workflow id has or had: memory knows the open run, else the database tells of it and of the last.
extension SlotOwner {
  func startConditionally(_ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ followers: [OwnerMessage]) {
    if let runs = answered.removeValue(forKey: message.runID) { return decide(started, message, followers, runs) }
    guard let entry = openRuns[key].flatMap({ entries[$0] }) else {
      expect(message, followers, key.slot)
      return ask(about: key, message)
    }
    resolve(started, key, message, followers, open: entry)
  }

  /// The database has told.
  private func decide(_ started: StartedAttributes, _ message: OwnerMessage, _ followers: [OwnerMessage], _ runs: FoundRuns) {
    if let open = openRuns[runs.key] ?? runs.open {
      // It is this very start's: that had landed.
      if open == message.runID {
        (entries[open] ?? makeEntry(open, slot: runs.key.slot)).waiting += [message] + followers
        return
      }
      return resolve(started, runs.key, message, followers, open: entries[open] ?? makeEntry(open, slot: runs.key.slot))
    }
    if let reason = started.options?.reusePolicy?.refusal(of: runs.key, after: runs.lastStatus) {
      if !refuseStart(started, runs.key, message, nil, reason: reason, followers: followers) { handle(followers) }
    } else {
      begin(started, runs.key, message, followers)
    }
  }

  private func resolve(
    _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ followers: [OwnerMessage], open entry: RunEntry
  ) {
    switch entry.phase {
    // What it is to be told or done to, only its rows or the end of their commit show.
    case .loading, .closed:
      expect(message, followers, key.slot)
      entry.waiting.append(message)
    case .active, .blocked:
      switch started.options?.conflictPolicy ?? .fail {
      // A child that is another run would never end for its parent.
      case .useExisting where started.lineage?.parent != nil: refuseStart(started, key, message, entry.runID, followers: followers)
      case .fail: if !refuseStart(started, key, message, entry.runID, followers: followers) { handle(followers) }
      case .useExisting: use(entry, started, key, message, followers)
      case .terminateExisting:
        if held[entry.runID] != nil {
          expect(message, followers, key.slot)
          held[entry.runID]?.messages.append(message)
        } else {
          terminate(entry, reason: "run \(message.runID) takes its place", identity: started.identity, nil)
          begin(started, key, message, followers, inPlaceOf: entry)
        }
      }
    }
  }

  /// What comes for the run of a start that waits stands behind it.
  func expect(_ message: OwnerMessage, _ followers: [OwnerMessage], _ slot: Slot) {
    let entry = entries[message.runID] ?? RunEntry(runID: message.runID, phase: .loading)
    entry.isExpected = true
    entry.slot = slot
    entry.waiting += followers
    entries[message.runID] = entry
  }

  private func begin(
    _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ followers: [OwnerMessage],
    inPlaceOf replaced: RunEntry? = nil
  ) {
    let entry = RunEntry(runID: message.runID, phase: .loading)
    entry.isSuccessor = replaced != nil
    entry.lastActiveAt = replaced?.lastActiveAt ?? 0
    let given = started.startMessage(for: message.runID)
    entry.followers = (given.map { [$0] } ?? []) + followers
    entries[message.runID] = entry
    begin(entry, started, key, key.slot, message)
    // In the batch of the start; a run that has ended already had it recorded.
    if given != nil, !entry.followers.isEmpty { deal(within: entry.followers.removeFirst()) }
    dealWithFollowers(of: entry)
  }

  /// The caller gets the open run, and that gets what came with the start. Who was told already that the start is durable has a run that goes on
  /// as the open one, from the batch on that puts the message into its inbox.
  private func use(
    _ open: RunEntry, _ started: StartedAttributes, _ key: WorkflowKey, _ message: OwnerMessage, _ followers: [OwnerMessage]
  ) {
    var existing = OrchestratorError(.workflowAlreadyStarted, "workflow id '\(key.workflowID)' has an open run already: \(open.runID)")
    existing.openRunID = open.runID
    var given = started.startMessage(for: open.runID)
    if let reply = message.reply {
      if given != nil {
        given?.reply = { [existing] refusal in reply(refusal ?? existing) }
      } else {
        pipeline.touch(open)
        pipeline.open.messages.append(message)
        pipeline.open.effects.append(.reply(reply, existing))
      }
      return handle((given.map { [$0] } ?? []) + followers)
    }
    let at = max(clock(), open.lastActiveAt)
    let entry = recordRefused(started, key, message, followers, at)
    if let given, let spilled = given.spilled {
      pipeline.open.sentMessages.append(
        SpilledMessage(runID: open.runID, slot: key.slot, kind: spilled.kind, attributes: spilled.attributes))
    }
    let command = Command.continueAsNew(workflowType: started.workflowType, input: started.input)
    _ = append(command.type, causedBy: 0, command.encoded(newRunID: open.runID), entry, key.slot, at)
    close(entry, .continuedAsNew, outcome: CloseStatus.outcome(continuedBy: open.runID), at: at, goesOn: true)
  }
}

extension WorkflowIDReusePolicy {
  /// - Parameter last: how the last run ended; nil when there was none.
  /// - Returns: why the workflow id may not be used; nil when it may.
  fileprivate func refusal(of key: WorkflowKey, after last: CloseStatus?) -> String? {
    guard let last else { return nil }
    switch self {
    case .allowDuplicate: return nil
    case .allowDuplicateFailedOnly where last != .completed: return nil
    case .allowDuplicateFailedOnly:
      return "the last run of workflow id '\(key.workflowID)' completed: it may be used again after a failure only"
    case .rejectDuplicate: return "workflow id '\(key.workflowID)' was used before: it may not be used again"
    }
  }
}

extension StartedAttributes {
  /// The signal or update that comes with the start, as a message for this run.
  fileprivate func startMessage(for runID: RunID) -> OwnerMessage? {
    guard let message = options?.startMessage else { return nil }
    switch message.event(identity: identity) {
    case .updateAccepted(let update): return OwnerMessage(runID: runID, body: .update(update))
    case .signaled(let signal): return OwnerMessage(runID: runID, body: .signal(signal))
    default: return nil
    }
  }
}
