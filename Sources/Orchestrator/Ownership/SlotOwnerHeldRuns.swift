/// A run whose close was refused, because messages for it were accepted meanwhile. What it has not seen is read first; then everything is
/// dealt with together, however often it must be done again.
struct HeldRun {
  /// Microseconds since the Unix epoch.
  let until: Int64
  /// In a batch of its own, so that nobody else's work is done again should it be refused once more.
  let isAlone: Bool
  var messages: [OwnerMessage]
}

extension SlotOwner {
  static let holdMicroseconds: Int64 = 20_000

  /// Holds these runs for a moment, and those whose close was refused before until they are loaded.
  /// - Returns: the messages of all other runs.
  func hold(_ refused: [RunID], _ messages: [OwnerMessage]) -> [OwnerMessage] {
    let now = clock()
    for run in refused { hold(run, until: now + Self.holdMicroseconds, isAlone: true) }
    refusedCloses.formUnion(refused)
    for run in Set(messages.map(\.runID)).intersection(refusedCloses) where held[run] == nil { hold(run, until: now, isAlone: false) }
    guard !held.isEmpty else { return messages }
    // What was applied already came before what arrived since.
    let byRun = Dictionary(grouping: messages.filter { held[$0.runID] != nil }, by: \.runID)
    for (run, earlier) in byRun { held[run]?.messages.insert(contentsOf: earlier, at: 0) }
    return messages.filter { held[$0.runID] == nil }
  }

  private func hold(_ run: RunID, until: Int64, isAlone: Bool) {
    held[run] = HeldRun(until: until, isAlone: isAlone, messages: held[run]?.messages ?? [])
  }

  /// Takes a message for a held run.
  func isHeld(_ message: OwnerMessage) -> Bool {
    guard !held.isEmpty, let run = held[message.runID] else { return false }
    // A timer is due anew whenever the run is loaded.
    if let timer = message.timer, run.messages.contains(where: { $0.timer == timer }) { return true }
    held[message.runID]?.messages.append(message)
    return true
  }

  func releaseHeld(_ now: Int64) {
    for runID in held.keys.sorted() {
      guard let run = held[runID], run.until <= now else { continue }
      guard let entry = entries[runID] else {
        makeEntry(runID)
        continue
      }
      switch entry.phase {
      case .loading where entry.isExpected:
        held[runID] = nil
        handle(run.messages)
      case .loading: continue
      case .active, .blocked, .closed:
        held[runID] = nil
        // What ends the run comes last: what follows it would never reach the code.
        entry.followers = run.messages.filter { !$0.endsRun } + run.messages.filter(\.endsRun)
        if run.isAlone { seal() }
        dealWithFollowers(of: entry)
        if run.isAlone { seal() }
      }
    }
  }

  /// When the next of them is let go. One that is being loaded needs no clock: its rows wake the owner.
  var nextHeldDueAt: Int64 {
    held.filter { entries[$0.key].map { $0.isLoading && !$0.isExpected } != true }.map(\.value.until).min() ?? .max
  }

  /// One by one, and before anything else: should the run end with one of them, it takes the rest along.
  func dealWithFollowers(of entry: RunEntry) {
    while !entry.followers.isEmpty { deal(within: entry.followers.removeFirst()) }
    handle([])
  }

  /// The run is about to close: messages that were accepted and that its code can no longer see are recorded before the closing event.
  /// - Returns: the signals among them.
  @discardableResult
  func recordFollowers(of entry: RunEntry, _ slot: Slot, _ at: Int64) -> [SignaledAttributes] {
    var signals: [SignaledAttributes] = []
    // The code sees none of them any more, so it does not know what was recorded here: a sender may have asked twice.
    var recorded = entry.instance?.seenRequests ?? entry.recordedRequests
    var later: [OwnerMessage] = []
    let kept = takeKept(of: entry.runID)
    for (index, message) in (kept + entry.takeWaiting()).enumerated() {
      switch message.body {
      case .signal(let signal) where signal.requestID.isEmpty || recorded.insert(signal.requestID).inserted:
        record(index < kept.count ? nil : message, entry, at: at)
        let event = IncomingEvent.signaled(signal)
        _ = append(event.type, causedBy: 0, event.encoded(), entry, slot, at)
        signals.append(signal)
      case .update(let update): refuse(update, entry, message, at)
      // They wait for the end of this run, which is now; a reset goes on from the closed run, and keeps no run from closing.
      case .start where message.runID != entry.runID: later.append(message)
      case .reset: later.append(message)
      default: if index >= kept.count { acknowledge(message, entry) }
      }
    }
    entry.waiting = later
    return signals
  }

  /// What was to wait in the inbox from the open batch on, for a run that ends in this very batch: nobody would read those rows.
  private func takeKept(of runID: RunID) -> [OwnerMessage] {
    let spilled = pipeline.open.spilledMessages
    guard spilled.contains(where: { $0.runID == runID }) else { return [] }
    pipeline.open.spilledMessages = spilled.filter { $0.runID != runID }
    return spilled.filter { $0.runID == runID }.compactMap { message in
      var kept = try? OwnerMessage(
        InboxRow(messageID: 0, runID: runID, slot: message.slot, kind: message.kind, attributes: message.attributes))
      kept?.messageID = nil
      return kept
    }
  }
}

extension OwnerMessage {
  var isTermination: Bool {
    if case .terminate = body { true } else { false }
  }

  /// Whether the run that it is dealt with at ends by it: by termination, because its time is over, or for another start.
  var endsRun: Bool {
    switch body {
    case .terminate, .start: true
    case .timerDue(let row): row.kind == .deadline
    default: false
    }
  }

  /// The timer that is due.
  var timer: TimerRow? {
    if case .timerDue(let row) = body { row } else { nil }
  }
}
