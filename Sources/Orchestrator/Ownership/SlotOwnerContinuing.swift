/// A run that continues another and has not begun yet.
struct Successor {
  let entry: RunEntry
  let started: StartedAttributes
  let key: WorkflowKey
  let slot: Slot
}

/// Successors one after the other: a run that continues at once must not lead the thread deeper with each.
struct Successors {
  var next: Successor?
  /// The one whose code runs for the first time now.
  var current: Successor?

  mutating func takeCurrent() -> Successor? {
    defer { current = nil }
    return current
  }
}

/// How another run goes on for one that ends: its end and its successor's beginning are rows of one batch.
extension SlotOwner {
  func continueAsNew(_ command: Command, _ input: Payload, causedBy eventID: Int32, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    guard let instance = entry.instance, let info = entry.info else { return }
    let started = StartedAttributes(
      workflowType: info.workflowType, namespace: info.namespace, workflowID: info.workflowID, input: input,
      identity: configuration.identity, build: "", searchAttributes: instance.foundBy, memo: instance.memo,
      options: info.options?.continued(upgrading: instance.upgradesContinuation))
    succeed(entry, by: started, slot, at) { successor in
      _ = append(command.type, causedBy: eventID, command.encoded(newRunID: successor), entry, slot, at)
      close(entry, .continuedAsNew, outcome: CloseStatus.outcome(continuedBy: successor), at: at, goesOn: true)
    }
  }

  /// - Parameters:
  ///   - started: the successor's start, without what it inherits.
  ///   - end: writes the last rows of the run that ends, which name the successor.
  func succeed(_ entry: RunEntry, by started: StartedAttributes, _ slot: Slot, _ at: Int64, end: (RunID) -> Void) {
    guard let info = entry.info, let key = entry.key else { return }
    let instance = entry.instance
    var waiting = entry.takeWaiting()
    let termination = waiting.firstIndex(where: \.isTermination).map { waiting.remove(at: $0) }
    let orders = waiting.filter(\.isOrder)
    waiting.removeAll(where: \.isOrder)
    let cancelRequestedBy = instance?.cancelRequestedBy ?? waiting.lazy.compactMap(\.cancelRequestedBy).first
    let updates = waiting.filter(\.isUpdate)
    entry.followers = waiting.filter { !$0.isUpdate }
    let unseen = recordFollowers(of: entry, slot, at)
    let requests = (instance?.latestRequests ?? []) + unseen.map(\.requestID).filter { !$0.isEmpty }
    let continuation = Continuation(
      runID: entry.runID, firstRunID: info.firstRunID, position: (info.chainPosition ?? 0) + 1,
      signals: (instance?.unreceived ?? []) + unseen,
      requests: Array(requests.suffix(Limits.carriedRequests)),
      updates: Array((instance?.updates.accepted ?? []).suffix(Limits.carriedRequests)), cancelRequestedBy: cancelRequestedBy)
    let successor = RunEntry(runID: runID(following: entry.runID, at), phase: .loading)
    successor.lastActiveAt = at
    // The run that they waited for is the one that now goes on.
    successor.waiting = orders + (termination.map { [$0] } ?? [])
    successor.isSuccessor = true
    successor.followers = updates.map { handOn($0, to: successor.runID) }
    end(successor.runID)
    entries[successor.runID] = successor
    var started = started
    started.lineage = Lineage(continued: continuation, parent: info.parent)
    started.header = instance?.headers(.continueAsNew, info.workflowType, info.headers) ?? info.headers.payload
    successors.next = Successor(entry: successor, started: started, key: key, slot: slot)
    beginSuccessors()
  }

  private func beginSuccessors() {
    guard successors.current == nil else { return }
    var begun = 0
    while let successor = successors.next {
      successors.next = nil
      successors.current = successor
      begun += 1
      begin(
        successor.entry, successor.started, successor.key, successor.slot, nil, isEndless: begun >= Limits.continuationsAtOnce)
      successors.current = nil
      dealWithUpdates(of: successor.entry)
      obeyWaiting(successor.entry)
    }
  }

  /// An update that its run has not seen, for the run that goes on. Its row in the inbox is the ended run's, and goes with the batch that ends it:
  /// in which what becomes of the update must stand.
  private func handOn(_ message: OwnerMessage, to successor: RunID) -> OwnerMessage {
    if let messageID = message.messageID { pipeline.open.takenMessages.append(messageID) }
    return OwnerMessage(runID: successor, body: message.body, reply: message.reply)
  }

  private func dealWithUpdates(of entry: RunEntry) {
    let wasHolding = isHoldingBatch
    isHoldingBatch = true
    while let index = entry.followers.firstIndex(where: \.isUpdate) { deal(within: entry.followers.remove(at: index)) }
    isHoldingBatch = wasHolding
  }

  /// Who terminated, paused or moved the run before meant whatever goes on.
  private func obeyWaiting(_ entry: RunEntry) {
    for message in entry.takeWaiting() {
      switch message.body {
      case .terminate(let reason, let identity): terminate(entry, reason: reason, identity: identity, message)
      case .pause(let request):
        if case .active = entry.phase { pause(entry, request, message) } else { acknowledge(message, entry) }
      case .move(let request):
        if case .closed = entry.phase { acknowledge(message, entry) } else { move(entry, request, message) }
      default: continue
      }
    }
  }

  /// An identifier by this owner's chance, larger than that of the run before.
  func runID(following earlier: RunID, _ at: Int64) -> RunID {
    let (first, second) = (UInt64(random() * 0x1p53), UInt64(random() * 0x1p53))
    return RunID.following(earlier, unixMilliseconds: at / 1000, random: (second, (first << 11) ^ (second >> 32)))
  }
}

extension OwnerMessage {
  /// Whoever gave it meant whatever goes on.
  fileprivate var isOrder: Bool {
    switch body {
    case .pause, .move: true
    default: false
    }
  }

  fileprivate var isUpdate: Bool { if case .update = body { true } else { false } }

  fileprivate var cancelRequestedBy: String? {
    if case .cancel(_, let identity) = body { identity } else { nil }
  }
}

extension CloseStatus {
  /// The outcome of a run that goes on as another.
  static func outcome(continuedBy runID: RunID) -> Payload { Payload(json: Array(#"{"newExecutionRunId":"\#(runID)"}"#.utf8)) }

  /// The outcome of a run that was reset: another goes on from a part of its history.
  static func outcome(resetTo runID: RunID, _ reason: String) -> Payload {
    var writer = AttributesWriter()
    writer.field("kind", Failure.Kind.terminated.rawValue)
    writer.field("type", "Reset")
    writer.field("message", reason)
    writer.field("retryable", Payload(json: Array("false".utf8)))
    writer.field("newExecutionRunId", runID.description)
    return Payload(json: writer.finish())
  }
}
