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

/// How a run continues as new: its end and its successor's beginning are rows of one batch.
extension SlotOwner {
  func continueAsNew(_ command: Command, _ input: Payload, causedBy eventID: Int32, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    guard let instance = entry.instance, let info = entry.info, let key = entry.key else { return }
    var waiting = entry.takeWaiting()
    let termination = waiting.firstIndex(where: \.isTermination).map { waiting.remove(at: $0) }
    let pauses = waiting.filter(\.isPause)
    waiting.removeAll(where: \.isPause)
    let cancelRequestedBy = instance.cancelRequestedBy ?? waiting.lazy.compactMap(\.cancelRequestedBy).first
    entry.followers = waiting
    let unseen = recordFollowers(of: entry, slot, at)
    let requests = instance.latestRequests + unseen.map(\.requestID).filter { !$0.isEmpty }
    let continuation = Continuation(
      runID: entry.runID, firstRunID: info.firstRunID, signals: instance.unreceived + unseen,
      requests: Array(requests.suffix(Limits.carriedRequests)), cancelRequestedBy: cancelRequestedBy)
    let successor = RunEntry(runID: runID(following: entry.runID, at), phase: .loading)
    successor.lastActiveAt = at
    // The run that they waited for is the one that now goes on.
    successor.waiting = pauses + (termination.map { [$0] } ?? [])
    _ = append(command.type, causedBy: eventID, command.encoded(newRunID: successor.runID), entry, slot, at)
    close(entry, .continuedAsNew, outcome: CloseStatus.outcome(continuedBy: successor.runID), at: at)
    entries[successor.runID] = successor
    successors.next = Successor(
      entry: successor,
      started: StartedAttributes(
        workflowType: info.workflowType, namespace: info.namespace, workflowID: info.workflowID, input: input,
        identity: configuration.identity, build: "", searchAttributes: instance.foundBy, memo: instance.memo,
        lineage: Lineage(continued: continuation, parent: info.parent)),
      key: key, slot: slot)
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
      obeyWaiting(successor.entry)
    }
  }

  /// Who terminated or paused the run before meant whatever goes on.
  private func obeyWaiting(_ entry: RunEntry) {
    for message in entry.takeWaiting() {
      switch message.body {
      case .terminate(let reason, let identity): terminate(entry, reason: reason, identity: identity, message)
      case .pause(let request):
        if case .active = entry.phase { pause(entry, request, message) } else { acknowledge(message, entry) }
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
  fileprivate var isPause: Bool { if case .pause = body { true } else { false } }

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
