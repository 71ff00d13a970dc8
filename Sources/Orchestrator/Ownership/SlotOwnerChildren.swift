/// A child that has not ended, as its parent's owner knows it.
struct OpenChild {
  let key: WorkflowKey
  /// The first run of its chain.
  let runID: RunID
  let workflowType: String
  let parentClosePolicy: ParentClosePolicy
  /// The event of its start.
  let eventID: Int32

  /// Children that a history leaves open, by sequence. The code is not asked: a run that it cannot continue closes like any other.
  /// - Throws: `AttributesError` when an event is damaged.
  static func all(in history: [HistoryEvent], namespace: String) throws -> [Int32: OpenChild] {
    var open: [Int32: OpenChild] = [:]
    for event in history {
      switch event.type {
      case .startChildWorkflowExecutionInitiated:
        let reader = try AttributesReader(event.attributes)
        open[try require(reader.sequence())] = OpenChild(
          key: WorkflowKey(namespace: namespace, workflowID: try require(reader.text("workflowId"))),
          runID: try require(reader.text("runId").flatMap { RunID($0) }), workflowType: try require(reader.text("workflowType")),
          parentClosePolicy: reader.text("parentClosePolicy").flatMap(ParentClosePolicy.init(rawValue:)) ?? .terminate,
          eventID: event.eventID)
      case .childWorkflowExecutionCompleted, .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled,
        .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated:
        if let sequence = try AttributesReader(event.attributes).sequence() { open[sequence] = nil }
      default: continue
      }
    }
    return open
  }
}

/// What runs say to each other: rows of the inbox in the commit of what made them say it, so that they are as durable as that.
extension SlotOwner {
  func startChild(_ task: ChildTask, _ command: Command, causedBy eventID: Int32, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    guard let info = entry.info else { return }
    let key = WorkflowKey(namespace: info.namespace, workflowID: task.workflowID)
    let runID = runID(following: entry.runID, at)
    let eventID = append(command.type, causedBy: eventID, command.encoded(newRunID: runID), entry, slot, at)
    entry.scheduledBy[task.sequence] = eventID
    entry.children[task.sequence] = OpenChild(
      key: key, runID: runID, workflowType: task.workflowType, parentClosePolicy: task.parentClosePolicy, eventID: eventID)
    let parent = ParentWorkflow(runID: entry.runID, namespace: info.namespace, workflowID: info.workflowID, sequence: task.sequence)
    let started = StartedAttributes(
      workflowType: task.workflowType, namespace: key.namespace, workflowID: key.workflowID, input: task.input,
      identity: configuration.identity, build: "", searchAttributes: task.searchAttributes, memo: task.memo,
      lineage: Lineage(parent: parent), options: options(of: task, of: info), header: task.header)
    pipeline.open.sentMessages.append(
      SpilledMessage(runID: runID, slot: key.slot, kind: .start, attributes: IncomingEvent.started(started).encoded(), key: key))
  }

  func cancelChild(_ child: OpenChild, reason: String) {
    send(.cancel, .cancelRequested(reason: reason, identity: configuration.identity), to: child)
  }

  /// - Parameter eventID: of the command, which makes the request one of a kind.
  func signalChild(_ child: OpenChild, _ name: String, _ input: Payload, _ eventID: Int32, _ entry: RunEntry) {
    let signal = SignaledAttributes(name: name, input: input, identity: configuration.identity, requestID: "\(entry.runID)/\(eventID)")
    send(.signal, .signaled(signal), to: child)
  }

  private func send(_ kind: InboxKind, _ event: IncomingEvent, to child: OpenChild) {
    pipeline.open.sentMessages.append(
      SpilledMessage(runID: child.runID, slot: child.key.slot, kind: kind, attributes: event.encoded(), recipient: child.key))
  }

  /// A run closes: its open children get what their policies say, its parent is told. A run that another goes on for is no end to its parent.
  func tellFamily(of entry: RunEntry, _ status: CloseStatus, _ outcome: Payload?, by replacement: Replacement? = nil, goesOn: Bool) {
    for sequence in entry.children.keys.sorted() where replacement?.children[sequence] == nil {
      guard let child = entry.children[sequence], let info = entry.info else { continue }
      let reason = "its parent '\(info.workflowID)' closed"
      switch child.parentClosePolicy {
      case .terminate: send(.terminate, .terminated(reason: reason, identity: configuration.identity), to: child)
      case .requestCancel: cancelChild(child, reason: reason)
      case .abandon: break
      }
    }
    entry.children = [:]
    guard let parent = entry.info?.parent, !goesOn, replacement == nil else { return }
    let told = ChildOutcome(sequence: parent.sequence, runID: entry.runID, status: status, payload: outcome)
    let key = WorkflowKey(namespace: parent.namespace, workflowID: parent.workflowID)
    pipeline.open.sentMessages.append(
      SpilledMessage(runID: parent.runID, slot: key.slot, kind: .childOutcome, attributes: told.encoded(), recipient: key))
  }

  /// Its outcome comes once; of a child that this run knows nothing of (any more) it changes nothing.
  func childEnded(_ outcome: ChildOutcome, _ entry: RunEntry, _ message: OwnerMessage) {
    guard entry.children[outcome.sequence] != nil else { return acknowledge(message, entry) }
    apply(.childEnded(outcome), to: entry, from: message) { entry.children[outcome.sequence] = nil }
  }

  /// After the commit of messages that this owner wrote: who takes them is told.
  func ring(for messages: [SpilledMessage]) {
    if messages.contains(where: { slots.contains($0.slot) }) { inbox.wake() }
    if messages.contains(where: { !slots.contains($0.slot) }) { onMessages() }
  }
}
