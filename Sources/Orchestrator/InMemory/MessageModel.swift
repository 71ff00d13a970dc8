/// What the functions of `0005_messages.sql` do for callers, who may keep their transaction open for a while.
extension StoreModel {
  /// What the sender of a message is told.
  enum Sending: Equatable {
    case accepted
    /// The start that it is for is not taken yet: the function waits and looks again.
    case waits
    case refused(ErrorCode)
  }

  func begin() -> Int {
    lastTransaction += 1
    return lastTransaction
  }

  /// What the transaction wrote is seen by all, its locks are gone.
  func commit(_ transaction: Int) {
    senderLocks[transaction] = nil
    for index in inbox.indices where inbox[index].transaction == transaction {
      inbox[index].transaction = nil
      observer?.visible(message: inbox[index].row.messageID)
    }
  }

  func rollBack(_ transaction: Int) {
    senderLocks[transaction] = nil
    inbox.removeAll { $0.transaction == transaction }
  }

  func start(_ started: StartedAttributes, _ runID: RunID, in transaction: Int) -> Sending {
    let key = WorkflowKey(namespace: started.namespace, workflowID: started.workflowID)
    if runs[runID] != nil { return .accepted }
    let pending = inbox.first { isSeen($0, by: transaction) && $0.row.kind == .start && $0.key == key }?.row.runID
    let open = openRuns[key]?.first ?? pending
    if open == runID { return .accepted }
    if let message = started.options?.startMessage, started.options?.conflictPolicy == .useExisting, let open {
      return send(message, to: open, key, in: transaction)
    }
    // With `useExisting` the caller gets the open run: of this one nothing was promised.
    if open != nil, started.options?.conflictPolicy != .terminateExisting { return .refused(.workflowAlreadyStarted) }
    if open == nil, let last = lastStatus(of: key), let policy = started.options?.reusePolicy,
      last == .completed || policy == .rejectDuplicate
    {
      return .refused(.workflowAlreadyStarted)
    }
    insertMessage(key.slot, runID, .start, IncomingEvent.started(started).encoded(), key: key, in: transaction)
    return .accepted
  }

  /// What `start_with_message` does with an open run, or one whose start stands in the inbox.
  private func send(_ message: StartMessage, to run: RunID, _ key: WorkflowKey, in transaction: Int) -> Sending {
    if openRuns[key]?.first == run {
      senderLocks[transaction, default: []].append(run)
    } else if inbox.first(where: { $0.row.runID == run && $0.row.kind == .start })?.transaction != transaction {
      return .waits
    }
    let event = message.event(identity: "client")
    insertMessage(key.slot, run, message.isUpdate ? .update : .signal, event.encoded(), in: transaction)
    return .accepted
  }

  func send(_ kind: InboxKind, _ attributes: [UInt8], to key: WorkflowKey, in transaction: Int) -> Sending {
    if let run = openRuns[key]?.first {
      senderLocks[transaction, default: []].append(run)
      insertMessage(key.slot, run, kind, attributes, in: transaction)
      return .accepted
    }
    guard let start = inbox.first(where: { isSeen($0, by: transaction) && $0.row.kind == .start && $0.key == key }) else {
      return .refused(workflowKeys.contains(key) ? .workflowClosed : .workflowNotFound)
    }
    guard start.transaction == transaction else { return .waits }
    insertMessage(key.slot, start.row.runID, kind, attributes, in: transaction)
    return .accepted
  }

  private func isSeen(_ message: StoredMessage, by transaction: Int) -> Bool {
    message.transaction == nil || message.transaction == transaction
  }
}
