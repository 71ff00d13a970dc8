/// A run that is paused stands where it is: its code sees nothing, what comes for it is kept in order, and none of it is lost with the process.
extension SlotOwner {
  func pause(_ entry: RunEntry, _ pause: PauseRequest, _ message: OwnerMessage) {
    guard entry.isPaused != pause.isPaused, let slot = entry.slot else { return acknowledge(message, entry) }
    let at = max(clock(), entry.lastActiveAt)
    record(message, entry, at: at)
    let event: IncomingEvent =
      pause.isPaused
      ? .paused(reason: pause.reason, identity: pause.identity) : .unpaused(reason: pause.reason, identity: pause.identity)
    _ = append(event.type, causedBy: 0, event.encoded(), entry, slot, at)
    entry.isPaused = pause.isPaused
    storePause(of: entry, pause, at)
    if !pause.isPaused { goOn(entry) }
  }

  /// By which queries find it.
  func storePause(of entry: RunEntry, _ pause: PauseRequest, _ at: Int64) {
    pipeline.open.pauses[entry.runID] = PausedRow(
      runID: entry.runID, slot: entry.slot ?? Slot(0), isPaused: pause.isPaused, at: at, reason: pause.reason, identity: pause.identity)
  }

  private func goOn(_ entry: RunEntry) {
    // Those that came due meanwhile have left the table of timers.
    for row in entry.timers.values.sorted(by: { $0.sequence < $1.sequence }) where row.dueAt < clock() + Limits.timerHorizon {
      timers.insert(row)
    }
    let waiting = entry.waiting
    entry.waiting = []
    // Whoever deals with followers goes on with these: a close among them then sees the rest.
    if entry.followers.isEmpty { handle(waiting) } else { entry.followers = waiting + entry.followers }
  }

  /// A message that the code must not see now: durable where someone waits for our word, or where nobody would bring it again.
  func keep(_ message: OwnerMessage, _ entry: RunEntry) {
    guard message.messageID == nil, let slot = entry.slot, let spilled = message.spilled else {
      entry.waiting.append(message)
      return
    }
    pipeline.touch(entry)
    pipeline.open.messages.append(message)
    pipeline.open.spilledMessages.append(
      SpilledMessage(runID: message.runID, slot: slot, kind: spilled.kind, attributes: spilled.attributes))
    if let reply = message.reply { pipeline.open.effects.append(.reply(reply, nil)) }
    if case .activityOutcome(let sequence, _) = message.body {
      // It is not running any more: its outcome comes by the inbox.
      entry.activities[sequence]?.place = .queued
      runningHere[ActivityKey(runID: message.runID, sequence: sequence)] = nil
    }
  }
}

/// Whether a run is to stand still, and who wants that. A class: it travels beside messages that have none.
final class PauseRequest: Sendable {
  let isPaused: Bool
  let reason: String
  let identity: String

  init(isPaused: Bool, reason: String, identity: String) {
    self.isPaused = isPaused
    self.reason = reason
    self.identity = identity
  }

  init(_ reader: AttributesReader) {
    isPaused = reader.text("action") == "pause"
    reason = reader.text("reason") ?? ""
    identity = reader.text("identity") ?? ""
  }

  func encoded() -> [UInt8] {
    var writer = AttributesWriter()
    writer.field("action", isPaused ? "pause" : "unpause")
    writer.field("reason", reason)
    writer.field("identity", identity)
    return writer.finish()
  }
}

extension Sequence<HistoryEvent> where Self: BidirectionalCollection {
  /// The event that pauses a run with this history; nil when it is not paused.
  var pause: HistoryEvent? {
    guard let last = last(where: { $0.type == .workflowExecutionPaused || $0.type == .workflowExecutionUnpaused }),
      last.type == .workflowExecutionPaused
    else { return nil }
    return last
  }
}
