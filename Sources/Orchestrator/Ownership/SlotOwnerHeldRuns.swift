/// Runs whose close was refused, because messages for them were accepted meanwhile. What they have not seen is read first; then everything is
/// dealt with together in a batch of its own, so that nobody else's work is done again should it be refused once more.
struct HeldRun {
  /// Microseconds since the Unix epoch.
  let until: Int64
  var messages: [OwnerMessage]
}

extension SlotOwner {
  static let holdMicroseconds: Int64 = 20_000

  func hold(_ runs: [RunID], _ messages: [OwnerMessage]) {
    for run in runs {
      held[run] = HeldRun(until: clock() + Self.holdMicroseconds, messages: messages.filter { $0.runID == run })
    }
  }

  /// Takes a message for a held run.
  func isHeld(_ message: OwnerMessage) -> Bool {
    guard !held.isEmpty, held[message.runID] != nil else { return false }
    held[message.runID]?.messages.append(message)
    return true
  }

  func releaseHeld(_ now: Int64) {
    for (runID, run) in held where run.until <= now {
      guard let entry = entries[runID] else {
        _ = makeEntry(runID)
        continue
      }
      switch entry.phase {
      case .loading: continue
      case .active, .blocked, .closed:
        held[runID] = nil
        // Termination comes last: what follows it would never reach the code.
        entry.followers = run.messages.filter { !$0.isTermination } + run.messages.filter(\.isTermination)
        seal()
        dealWithFollowers(of: entry)
        seal()
      }
    }
  }

  private func dealWithFollowers(of entry: RunEntry) {
    while !entry.followers.isEmpty { handle(entry.followers.removeFirst()) }
  }

  /// The run is about to close: messages that were accepted and that its code can no longer see are recorded before the closing event.
  func recordFollowers(of entry: RunEntry, _ slot: Slot, _ at: Int64) {
    let followers = entry.followers
    entry.followers = []
    for message in followers {
      switch message.body {
      case .signal(let signal) where entry.instance?.seenRequests.contains(signal.requestID) == false:
        record(message, entry, at: at)
        let event = IncomingEvent.signaled(signal)
        _ = append(event.type, causedBy: 0, event.encoded(), entry, slot, at)
      default: acknowledge(message, entry)
      }
    }
  }
}

extension OwnerMessage {
  fileprivate var isTermination: Bool {
    if case .terminate = body { true } else { false }
  }
}
