/// The owner of slots: the only writer of their histories. Messages and database answers in, batches and effects out; it never waits and
/// knows no thread, clock or socket of its own, so a simulator can drive it.
///
/// One message: `handle` -> the run's instance runs its code (`apply`) -> rows of the event and its commands go into the open batch -> `send`
/// commits the batch -> `committed` releases what waited for it: activities start, callers are told.
final class SlotOwner {
  struct Configuration: Sendable {
    /// Host name and process id, for people.
    var identity: String
    /// The program and toolchain, recorded in histories.
    var build: String
    /// Runs kept in memory when nothing is in flight for them.
    var cachedRuns = 1000
    /// Task queues whose activities run in this process.
    var localTaskQueues: Set<String> = []
    /// Whatever their queue, and whether or not this build implements them: the dispatcher has an answer for all.
    var runsAllActivities = false
    /// What values pass on their way into rows; nil leaves them as they are.
    var codec: CodecChain?
    /// Bytes of a value from which on it lies beside the history.
    var largeValueBytes = Limits.largeValueBytes
  }

  let configuration: Configuration
  let registry: Registry
  let store: any EngineStore
  let dispatcher: any ActivityDispatcher
  /// PostgreSQL's time in microseconds since the Unix epoch.
  let clock: () -> Int64
  /// A draw from 0 to 1, for jitter.
  let random: () -> Double
  /// Told when a job of this run came back on a foreign thread.
  let onEscape: @Sendable (RunID) -> Void
  /// Told after the commit that closed a run.
  var onClose: (CloseRow) -> Void = { _ in }
  /// Told after a commit that put tasks into queues.
  var onTasks: () -> Void = {}
  /// Told after a commit of messages for other owners.
  var onMessages: () -> Void = {}
  /// Told after a commit of a task with a priority, when its queue has no order yet.
  var onPriority: (_ taskQueue: String, _ namespace: String) -> Void = { _, _ in }
  /// Told when this process was fenced off.
  var onOwnershipLost: () -> Void = {}
  var monitor: any ActivationMonitor = SilentMonitor()

  var slots: Set<Slot> = [] {
    didSet { knownSlotOrder = nil }
  }
  private var knownSlotOrder: [Slot]?
  /// `slots` in order.
  var slotOrder: [Slot] {
    if let knownSlotOrder { return knownSlotOrder }
    let order = slots.sorted()
    knownSlotOrder = order
    return order
  }
  /// Counts changes of `slots`, so that others need not compare them.
  var slotChanges = 0
  var releases: [SlotRelease] = []
  // Unchecked: the busiest; no method of theirs, and no argument given to one, comes back to the owner.
  @exclusivity(unchecked) var entries: [RunID: RunEntry] = [:]
  var openRuns: [WorkflowKey: RunID] = [:]
  @exclusivity(unchecked) var pipeline = BatchPipeline()
  var timers = TimerQueue()
  @exclusivity(unchecked) var recency = RecencyQueue()
  var inbox = InboxReader()
  var loads: [RunID] = []
  /// Attempts that run in this process, also of runs whose entry was evicted meanwhile.
  @exclusivity(unchecked) var runningHere: [ActivityKey: Int32] = [:]
  var inlineHere: Set<ActivityKey> = []
  /// Queues with limits or an order, which all processes keep together: their activities are rows.
  var orderedQueues: Set<String> = []
  /// Runs whose code in memory is no longer theirs.
  var outdated: [RunID] = []
  /// Which versions of workflow types new runs begin with; empty for most.
  var routes = VersionRoutes()
  /// Activities that nobody begins, as far as this process knows.
  var pauses = ActivityPauses()
  /// Messages set free by others, and the one being dealt with: kept here so that a successor of a blocked thread finds them.
  var pending: [OwnerMessage] = []
  private(set) var current: OwnerMessage?
  /// Runs read from the database and not yet replayed.
  private var arrived: [LoadedRun] = []
  private var isHandling = false
  /// Starts that met an open run of their workflow id in the database, until that stands in their history.
  var conflictingStarts: Set<RunID> = []
  /// Runs of which the database refused a message by itself, until they are loaded and set aside.
  var poisoned: [RunID: WorkflowProblem] = [:]
  var held: [RunID: HeldRun] = [:]
  /// Runs that wanted to close over messages they had not seen, until they are closed.
  var refusedCloses: Set<RunID> = []
  var deferred: [(at: Int64, message: OwnerMessage)] = []
  var successors = Successors()
  /// Runs of which a part is about to be copied.
  var frozen: [FrozenRun] = []
  var lastFreeze = 0
  /// The one whose kept part is being replayed.
  var resetting: FrozenRun?
  /// What is being written must land as one: the open batch takes it all, however much it is.
  var isHoldingBatch = false
  /// Messages to workflow ids of which the database is asked whether a run is open.
  var asked: [WorkflowKey: [OwnerMessage]] = [:]
  /// Of these a run ended since: what the database says now may have been true before.
  var askedAgain: Set<WorkflowKey> = []
  /// What it said to starts that wait for it.
  var answered: [RunID: FoundRuns] = [:]
  /// What the database holds as this process's mark, once all that was sent has landed; nil when that is not known.
  var lowWater: RunID?
  /// Slots whose release is past its deadline: nothing begins there any more.
  var abandoned: Set<Slot> = []
  /// Taken slots whose open runs are in memory now, but whose own marks still stand.
  var unconfirmedSlots: [Slot] = []
  var nextHousekeeping: Int64 = 0
  var isReadingTimers = false
  var nextShrink: Int64 = 0

  init(
    configuration: Configuration, registry: Registry, store: any EngineStore, dispatcher: any ActivityDispatcher,
    clock: @escaping () -> Int64, random: @escaping () -> Double = { Double.random(in: 0...1) },
    onEscape: @escaping @Sendable (RunID) -> Void
  ) {
    self.configuration = configuration
    self.registry = registry
    self.store = store
    self.dispatcher = dispatcher
    self.clock = clock
    self.random = random
    self.onEscape = onEscape
  }

  /// Deals with one message, and with those that it sets free.
  func handle(_ message: OwnerMessage) {
    guard !isHandling, pending.isEmpty else { return handle([message]) }
    isHandling = true
    current = message
    deal(with: message)
    handlePending()
  }

  func handle(_ messages: [OwnerMessage]) {
    pending.append(contentsOf: messages)
    guard !isHandling else { return }
    isHandling = true
    handlePending()
  }

  private func handlePending() {
    while !pending.isEmpty {
      let next = pending.removeFirst()
      current = next
      deal(with: next)
    }
    current = nil
    isHandling = false
  }

  private func deal(with message: OwnerMessage) {
    if isHeld(message) { return }
    if case .start(let started) = message.body, !message.isRedelivered || entries[message.runID]?.isExpected == true {
      start(started, message)
      return
    }
    if case .external(let external) = message.body { return deliver(external, message) }
    let entry = entries[message.runID] ?? makeEntry(message.runID)
    if let slot = entry.slot, abandoned.contains(slot) {
      message.reply?(OrchestratorError(.ownershipLost, "slot \(slot) moves to another process"))
      return
    }
    if entry.frozenBy != nil {
      entry.waiting.append(message)
      return
    }
    switch entry.phase {
    case .loading, .closed: entry.waiting.append(message)
    case .blocked: wait(message, atBlocked: entry)
    case .active(let instance): process(message, entry, instance)
    }
  }

  /// Deals with a message that came with the one being dealt with, in its batch.
  func deal(within message: OwnerMessage) {
    let outer = current
    current = message
    deal(with: message)
    current = outer
  }

  /// Deals with an answer of the database.
  func handle(_ answer: StoreAnswer) {
    switch answer {
    case .committed(let number): committed(number)
    case .refused(let number, let refusal): refused(number, refusal)
    case .loaded(let runs):
      arrived.append(contentsOf: runs)
      takeArrived()
    case .inbox(let rows, let window): take(rows, window)
    case .timers(let rows):
      isReadingTimers = false
      for row in rows where slots.contains(row.slot) { timers.insert(row) }
    case .openRuns(let runs, let taken):
      for run in runs where entries[run] == nil { makeEntry(run) }
      unconfirmedSlots.append(contentsOf: taken)
    case .foundRuns(let runs): for run in runs { found(run) }
    case .reset(let reading): take(reading)
    case .readFailed(let read): repeatRead(read)
    }
  }

  /// Sends what may be sent: full batches at once, the open one only when nothing more waits to be applied.
  func send(isIdle: Bool) {
    flushLoads()
    if isIdle && pipeline.hasRoom && pipeline.sealed.isEmpty { seal() }
    while pipeline.hasRoom {
      let predecessor = pipeline.predecessor
      guard let batch = pipeline.nextToSend() else { return }
      pipeline.sent(batch)
      store.commit(stored(batch), predecessor: predecessor)
    }
  }

  /// Closes the open batch: what a run's state is now belongs to the events in it.
  func seal() {
    for entry in pipeline.openEntries() { storeState(of: entry) }
    pipeline.seal()
  }

  func storeState(of entry: RunEntry) {
    guard let instance = entry.instance else { return }
    do {
      guard let state = try instance.takeChangedState() else { return }
      pipeline.open.states.append(StateRow(runID: entry.runID, eventID: entry.lastEventID, state: state))
    } catch {
      Log.error("state-not-stored", "the state of a run cannot be encoded: \(error)", ["run_id": entry.runID.description])
    }
  }

  /// One by one from a list that outlives this thread: should a replay block it, its successor goes on with the rest.
  func takeArrived() {
    while !arrived.isEmpty { loaded(arrived.removeFirst()) }
  }

  private func process(_ message: OwnerMessage, _ entry: RunEntry, _ instance: WorkflowInstance) {
    switch message.body {
    case .start: acknowledge(message, entry)
    case .signal(let signal):
      if instance.seenRequests.contains(signal.requestID) {
        acknowledge(message, entry)
      } else {
        apply(.signaled(signal), to: entry, from: message)
      }
    case .update where entry.isPaused: keep(message, entry)
    case .update(let update): take(update, entry, instance, message)
    case .cancel(let reason, let identity):
      if instance.isCancelRequested {
        acknowledge(message, entry)
      } else if instance.isDelayed {
        cancelBeforeBeginning(entry, reason, identity, message)
      } else {
        apply(.cancelRequested(reason: reason, identity: identity), to: entry, from: message)
      }
    case .terminate(let reason, let identity): terminate(entry, reason: reason, identity: identity, message)
    case .activityOutcome(let sequence, let report): attemptEnded(entry, sequence, report, message)
    case .activityCommand(let sequence, let command, let identity): obey(command, entry, sequence, identity, message)
    case .timerDue(let row): timerDue(row, entry, message)
    case .inlineOutcome where entry.isPaused: keep(message, entry)
    case .inlineOutcome(let sequence, let name, let outcome):
      inlineHere.remove(ActivityKey(runID: entry.runID, sequence: sequence))
      guard entry.inlineSteps.removeValue(forKey: sequence) != nil, instance.isPending(sequence) else { return }
      apply(.markerRecorded(sequence: sequence, name: name, outcome: outcome), to: entry, from: message)
    case .retryBlocked: acknowledge(message, entry)
    case .childOutcome(let outcome): childEnded(outcome, entry, message)
    case .external(let external): deliver(external, message)
    case .reset(let request): freeze(entry, for: request, message)
    case .pause(let request): pause(entry, request, message)
    case .move(let request): move(entry, request, message)
    case .externalAnswer(let answer):
      if instance.isPending(answer.sequence) {
        apply(.externalAnswered(answer), to: entry, from: message)
      } else {
        acknowledge(message, entry)
      }
    }
  }

  /// Applies one event: the code runs until it is quiet, and its commands become rows behind the event that caused them.
  /// - Parameter alongside: adds what must land in the same batch.
  @discardableResult
  func apply(_ event: IncomingEvent, to entry: RunEntry, from message: OwnerMessage, alongside: () -> Void = {}) -> Bool {
    guard let instance = entry.instance, let slot = entry.slot else { return false }
    if entry.isPaused {
      keep(message, entry)
      return false
    }
    let at = max(clock(), entry.lastActiveAt)
    guard entry.lastEventID < Limits.historyEvents else {
      failTooLong(entry, at: at, message)
      return false
    }
    let activation: Activation
    do {
      monitor.began(entry.runID, instance)
      defer { monitor.ended() }
      instance.eventID = entry.lastEventID + 1
      activation = try instance.activate(event, at: at, replaying: false)
    } catch {
      block(entry, problem(error), message)
      return false
    }
    record(message, entry, at: at)
    // Answered once: a long run keeps only what is open.
    let cause = event.sequence.flatMap { entry.scheduledBy.removeValue(forKey: $0) } ?? 0
    let eventID = append(event.type, causedBy: cause, event.encoded(), entry, slot, at)
    // First: what ended must not be cancelled by a close that its outcome leads to.
    alongside()
    perform(activation, causedBy: eventID, entry, at)
    if !entry.deadlines.isEmpty, !instance.isDelayed { endDeadlines(of: entry) { $0.kind == .startDelay } }
    if pipeline.isFull, !isHoldingBatch { seal() }
    return true
  }

  func perform(_ activation: Activation, causedBy eventID: Int32, _ entry: RunEntry, _ at: Int64) {
    guard let slot = entry.slot else { return }
    for command in activation.commands {
      switch command {
      case .continueAsNew(_, let input): continueAsNew(command, input, causedBy: eventID, entry, slot, at)
      case .startChild(let task): startChild(task, command, causedBy: eventID, entry, slot, at)
      default:
        if case .failWorkflow(let failure) = command, entry.again != nil {
          fail(entry, failure, causedBy: eventID, slot, at)
          continue
        }
        if command.type.isClose { recordFollowers(of: entry, slot, at) }
        let commandID = append(command.type, causedBy: eventID, command.encoded(), entry, slot, at)
        perform(command, commandID, entry, slot, at)
      }
    }
    for task in activation.inlineSteps { startInline(task, entry, scheduledAt: at) }
  }

  func append(
    _ type: EventType, causedBy: Int32, _ attributes: [UInt8], _ entry: RunEntry, _ slot: Slot, _ at: Int64
  ) -> Int32 {
    entry.lastEventID += 1
    pipeline.open.history.append(
      HistoryRow(
        runID: entry.runID, slot: slot,
        event: HistoryEvent(eventID: entry.lastEventID, type: type, at: at, causedBy: causedBy, attributes: attributes)))
    return entry.lastEventID
  }

  /// Notes that the open batch holds rows of this run and what they came from.
  func record(_ message: OwnerMessage?, _ entry: RunEntry, at: Int64) {
    pipeline.touch(entry)
    entry.lastActiveAt = at
    recency.use(entry)
    if entry.isParked {
      entry.isParked = false
      pipeline.open.parked[entry.runID] = nil
      pipeline.open.unparked.append(entry.runID)
      lowerWater(to: entry.runID)
    }
    guard let message else { return }
    if let external = message.external { answer(external, entry.runID) }
    pipeline.open.messages.append(message)
    if let messageID = message.messageID { pipeline.open.takenMessages.append(messageID) }
    if let reply = message.reply { pipeline.open.effects.append(.reply(reply, nil)) }
  }

  /// A message that changes nothing: its inbox row goes, its sender is told once everything before it is durable.
  func acknowledge(_ message: OwnerMessage, _ entry: RunEntry) {
    pipeline.touch(entry)
    if let external = message.external { answer(external, entry.runID) }
    pipeline.open.messages.append(message)
    if let messageID = message.messageID { pipeline.open.takenMessages.append(messageID) }
    if let reply = message.reply { pipeline.open.effects.append(.reply(reply, nil)) }
  }

  /// A successor of a blocked thread goes on: what that thread was about to deal with is the message that blocked.
  func resumeAfterBlockedThread() -> OwnerMessage? {
    defer { current = nil }
    isHandling = false
    inbox.forgetAll()
    return current
  }

  /// - Parameter slot: nil when only its history can tell.
  @discardableResult
  func makeEntry(_ runID: RunID, slot: Slot? = nil) -> RunEntry {
    let entry = RunEntry(runID: runID, phase: .loading)
    entry.slot = slot
    entries[runID] = entry
    loads.append(runID)
    return entry
  }
}
