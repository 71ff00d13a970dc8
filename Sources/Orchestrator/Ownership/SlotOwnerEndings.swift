/// How a run ends, and how it is set aside when the code at hand cannot continue it.
extension SlotOwner {
  func problem(_ error: any Error) -> WorkflowProblem {
    (error as? WorkflowProblem) ?? .storeRefused(String(describing: error))
  }

  /// The closing row; the code and everything open around it go.
  /// - Parameters:
  ///   - replacement: what goes on from a part of its history.
  ///   - goesOn: another run of its chain begins in the same batch.
  func close(
    _ entry: RunEntry, _ status: CloseStatus, outcome: Payload?, at: Int64, by replacement: Replacement? = nil, goesOn: Bool = false
  ) {
    guard let slot = entry.slot else { return }
    storeState(of: entry)
    pipeline.open.closes.append(
      CloseRow(
        runID: entry.runID, slot: slot, status: status, closedAt: at, lastEventID: entry.lastEventID, outcome: outcome))
    for sequence in entry.activities.keys.sorted() {
      guard let activity = entry.activities[sequence] else { continue }
      let key = ActivityKey(runID: entry.runID, sequence: sequence)
      runningHere[key] = nil
      switch activity.place {
      case .running: pipeline.open.effects.append(.cancelLocal(key))
      case .delayed(let row): pipeline.open.endedTimers.append(row)
      case .parked: pipeline.open.unparkedActivities.append(key)
      case .queued: break
      }
      if activity.heartbeatDetails != nil { pipeline.open.endedHeartbeats.append(key) }
    }
    failOpenUpdates(of: entry, at, except: replacement?.updates ?? [])
    pipeline.open.unparkedActivities += entry.leftovers.parked
    pipeline.open.endedHeartbeats += entry.leftovers.heartbeats
    if entry.isPaused { storePause(of: entry, PauseRequest(isPaused: false, reason: "", identity: ""), at) }
    pipeline.open.endedTimers += entry.leftovers.timers
    if entry.blockedAttempts > 0 { pipeline.open.closedBlocked.append(entry.runID) }
    if entry.usesTaskQueues { pipeline.open.endedTasks.append(entry.runID) }
    pipeline.open.endedTimers.append(contentsOf: entry.timers.sorted { $0.key < $1.key }.map(\.value))
    if !entry.deadlines.isEmpty { endDeadlines(of: entry) { _ in true } }
    entry.activities = [:]
    entry.timers = [:]
    entry.inlineSteps = [:]
    if !entry.children.isEmpty || entry.info?.parent != nil { tellFamily(of: entry, status, outcome, by: replacement, goesOn: goesOn) }
    let instance = entry.instance
    entry.phase = .closed
    instance?.evict()
  }

  /// - Parameter message: what asked for it; nil when another start takes the run's place.
  func terminate(_ entry: RunEntry, reason: String, identity: String, _ message: OwnerMessage?) {
    guard let slot = entry.slot else { return }
    let at = max(clock(), entry.lastActiveAt)
    record(message, entry, at: at)
    // What waits behind it would refuse the close for ever: another termination, or messages for code that is blocked.
    recordFollowers(of: entry, slot, at)
    let event = IncomingEvent.terminated(reason: reason, identity: identity)
    _ = append(event.type, causedBy: 0, event.encoded(), entry, slot, at)
    let failure = Failure(kind: .terminated, type: "Terminated", message: reason, isRetryable: false)
    close(entry, .terminated, outcome: failure.payload, at: at)
  }

  /// The engine ends the run, not its code: cause 0.
  func endByEngine(_ entry: RunEntry, _ failure: Failure, at: Int64) {
    guard let slot = entry.slot else { return }
    _ = append(.workflowExecutionFailed, causedBy: 0, Command.failWorkflow(failure).encoded(), entry, slot, at)
    close(entry, .failed, outcome: failure.payload, at: at)
  }

  func failTooLong(_ entry: RunEntry, at: Int64, _ message: OwnerMessage) {
    guard let slot = entry.slot else { return }
    record(message, entry, at: at)
    recordFollowers(of: entry, slot, at)
    let failure = Failure(
      kind: .engine, type: "HistoryTooLong",
      message: "the history has \(entry.lastEventID) events, the limit is \(Limits.historyEvents)", isRetryable: false)
    endByEngine(entry, failure, at: at)
  }

  /// The code cannot apply this message: the run is set aside, the message waits.
  func block(_ entry: RunEntry, _ problem: WorkflowProblem, _ message: OwnerMessage?) {
    entry.recordedRequests = entry.instance?.seenRequests ?? []
    entry.instance?.evict()
    markBlocked(entry, problem, isLastEventUnapplied: false)
    if let message { wait(message, atBlocked: entry) }
    waitWithWaiting(entry)
    takeArrived()
    handle([])
  }

  func markBlocked(_ entry: RunEntry, _ problem: WorkflowProblem, isLastEventUnapplied: Bool) {
    let now = clock()
    entry.phase = .blocked
    entry.blockedAttempts += 1
    entry.retryBlockedAt = now + min(10_000_000 << Int64(min(entry.blockedAttempts, 6)), 600_000_000)
    pipeline.touch(entry)
    pipeline.open.blocked.append(
      BlockedRow(
        runID: entry.runID, slot: entry.slot ?? Slot(0), at: now, problem: problem, isLastEventUnapplied: isLastEventUnapplied,
        build: configuration.build, attempts: entry.blockedAttempts))
    Log.error("workflow-blocked", problem.message, ["run_id": entry.runID.description, "code": problem.code.name])
  }

  /// Messages for a blocked run: termination and the operator's retry work, the rest waits, durably where someone waits for our word.
  func wait(_ message: OwnerMessage, atBlocked entry: RunEntry) {
    switch message.body {
    case .terminate(let reason, let identity): terminate(entry, reason: reason, identity: identity, message)
    case .retryBlocked:
      entry.retryBlockedAt = 0
      acknowledge(message, entry)
    case .reset(let request): freeze(entry, for: request, message)
    case .move(let request): move(entry, request, message)
    case .timerDue(let row) where row.kind == .deadline: timeOut(entry, row, message)
    // It stands in the table of timers, and is found again when the run is.
    case .timerDue: return
    default: keep(message, entry)
    }
  }

  /// A job of this run came back on a foreign thread: its code awaited something that is not durable.
  func escaped(_ runID: RunID) {
    guard let entry = entries[runID], let instance = entry.instance, instance.executor.wasEscaped else { return }
    block(entry, .escaped("its code ran on a foreign thread after \(instance.lastCommand)"), nil)
  }

  /// Its activation did not end in time; another thread drives the owner now.
  func abandoned(_ runID: RunID, lastCommand: String) {
    let message = resumeAfterBlockedThread()
    let successor = successors.takeCurrent()
    isHoldingBatch = false
    guard let entry = entries[runID] else { return }
    let problem = WorkflowProblem.blockedCode(lastCommand: lastCommand)
    if resetting?.entry === entry { return abandonReset(problem) }
    if let successor, successor.entry === entry {
      // The message has its place in the history of the run before.
      beginBlocked(entry, recorded(successor.started, entry), problem, nil, clock())
      waitWithWaiting(entry)
      takeArrived()
      return handle([])
    }
    if let message, case .start(let started) = message.body, entry.lastEventID == 0 {
      beginBlocked(entry, recorded(started, entry), problem, message, clock())
      takeArrived()
      return handle([])
    }
    markBlocked(entry, problem, isLastEventUnapplied: false)
    if let message { wait(message, atBlocked: entry) }
    if !entry.followers.isEmpty { waitWithWaiting(entry) }
  }
}
