import Foundation

@testable import Orchestrator
@testable import Simulator

/// Random operations in a small world, so that they meet: few workflow ids, runs, steps and processes.
struct RandomOperations {
  var random: Randomness
  /// The clock of both: microseconds since the Unix epoch.
  var now: Int64
  private(set) var runs: [(runID: RunID, key: WorkflowKey)] = []
  private let keys = (0..<4).map { WorkflowKey(workflowID: "w\($0)") }
  private var batches = 0

  static let hour: Int64 = 3_600_000_000

  init(seed: UInt64, now: Int64) {
    random = Randomness(seed: seed)
    self.now = now
    for number in 0..<7 {
      runs.append(
        (
          RunID(UUIDVersion7.make(unixMilliseconds: now / 1000 + Int64(number), counter: 0, random: (random.next(), random.next()))),
          keys[number % 4]
        ))
    }
  }

  mutating func run() -> (runID: RunID, key: WorkflowKey) { runs[random.draw(0...6)] }

  mutating func key() -> WorkflowKey { keys[random.draw(0...3)] }

  mutating func activity() -> ActivityKey { ActivityKey(runID: run().runID, sequence: Int32(random.draw(1...2))) }

  mutating func slots() -> [Slot] { keys.map(\.slot).sorted().filter { _ in random.chance(0.6) } }

  var allSlots: [Slot] { keys.map(\.slot).sorted() }

  mutating func started(_ key: WorkflowKey) -> StartedAttributes {
    StartedAttributes(
      workflowType: "Any", namespace: key.namespace, workflowID: key.workflowID, input: .null, identity: "conformance", build: "")
  }

  /// A batch with a little of everything; its runs and events fit to the model more often than not.
  mutating func batch(_ model: StoreModel, messages: [Int64]) -> CommitBatch {
    batches += 1
    var batch = CommitBatch(number: batches)
    for _ in 0..<random.draw(1...3) { addRun(&batch, model) }
    if random.chance(0.4) { batch.takenMessages = messages.filter { _ in random.chance(0.7) } }
    for _ in 0..<random.draw(0...2) { addTimers(&batch) }
    for _ in 0..<random.draw(0...3) { addActivity(&batch) }
    if random.chance(0.1) {
      let one = run()
      batch.spilledMessages.append(SpilledMessage(runID: one.runID, slot: one.key.slot, kind: .cancel, attributes: Array("{}".utf8)))
    }
    if random.chance(0.1) {
      let one = run()
      let isStart = random.chance(0.5) && !model.inbox.contains { $0.key == one.key }
      batch.sentMessages.append(
        SpilledMessage(
          runID: one.runID, slot: one.key.slot, kind: isStart ? .start : .childOutcome, attributes: Array("{}".utf8),
          key: isStart ? one.key : nil))
    }
    if random.chance(0.2) { batch.lowWater = run().runID }
    if random.chance(0.1) { batch.confirmedSlots = slots() }
    if random.chance(0.2), let closing = openRun(model) { close(closing, &batch, model) }
    return batch
  }

  private mutating func addRun(_ batch: inout CommitBatch, _ model: StoreModel) {
    let (runID, key) = run()
    let last = batch.history.last { $0.runID == runID }?.event.eventID ?? model.history[runID]?.last?.eventID ?? 0
    if last == 0, !batch.runs.contains(where: { $0.runID == runID }) {
      batch.runs.append(
        RunRow(
          runID: runID, slot: key.slot, key: key, workflowType: "Any", startedAt: now, isRefused: random.chance(0.1)))
    }
    if model.history[runID]?.last?.eventID == last, random.chance(0.03) { return append(runID, key, last, &batch) }
    append(runID, key, last + 1, &batch)
    if random.chance(0.3) { batch.states.append(StateRow(runID: runID, eventID: last + 1, state: .null)) }
    if random.chance(0.2) {
      let attributes = Payload(json: Array(#"{"Number": \#(random.draw(1...9))}"#.utf8))
      batch.searchAttributes[runID] = SearchAttributesRow(runID: runID, slot: key.slot, attributes: attributes)
    }
    if random.chance(0.2) { batch.parked[runID] = ParkedRow(runID: runID, slot: key.slot, waitsFor: "messages") }
    if random.chance(0.2) { batch.unparked.append(runID) }
    if random.chance(0.1), !batch.blocked.contains(where: { $0.runID == runID }) {
      batch.blocked.append(
        BlockedRow(
          runID: runID, slot: key.slot, at: now, problem: .storeRefused("conformance"), isLastEventUnapplied: random.chance(0.5),
          build: "build", attempts: Int32(random.draw(1...5))))
    }
    if random.chance(0.1) { batch.unblocked.append(runID) }
  }

  private mutating func append(_ runID: RunID, _ key: WorkflowKey, _ event: Int32, _ batch: inout CommitBatch) {
    let type = EventType.allCases[random.draw(0...(EventType.allCases.count - 1))]
    batch.history.append(
      HistoryRow(
        runID: runID, slot: key.slot,
        event: HistoryEvent(eventID: event, type: type, at: now, causedBy: event / 2, attributes: Array("{}".utf8))))
  }

  private mutating func openRun(_ model: StoreModel) -> (runID: RunID, key: WorkflowKey)? {
    random.pick(runs.filter { model.runs[$0.runID] != nil })
  }

  private mutating func close(_ run: (runID: RunID, key: WorkflowKey), _ batch: inout CommitBatch, _ model: StoreModel) {
    batch.closes.append(
      CloseRow(
        runID: run.runID, slot: run.key.slot, status: .completed, closedAt: now, lastEventID: model.history[run.runID]?.last?.eventID ?? 0,
        outcome: nil))
    if random.chance(0.5) { batch.endedTasks.append(run.runID) }
    if random.chance(0.5) { batch.closedBlocked.append(run.runID) }
  }

  private mutating func timer() -> TimerRow {
    let one = run()
    return TimerRow(
      slot: one.key.slot, dueAt: now - now % 1_000_000_000 + Int64(random.draw(1...3)) * 1_000_000, runID: one.runID,
      sequence: Int32(random.draw(1...2)), kind: random.chance(0.5) ? .timer : .activityRetry)
  }

  private mutating func addTimers(_ batch: inout CommitBatch) {
    if random.chance(0.7) { batch.timers.append(timer()) } else { batch.endedTimers.append(timer()) }
  }

  private mutating func addActivity(_ batch: inout CommitBatch) {
    let one = run()
    let key = ActivityKey(runID: one.runID, sequence: Int32(random.draw(1...2)))
    switch random.draw(0...13) {
    case 9: batch.changedTasks.append(task(key, one.key))
    case 10: batch.clearedTasks.append(key)
    case 11:
      let row = ActivityOptionsRow(key: key, slot: one.key.slot, options: ActivityOptions(taskQueue: "first"))
      batch.changedOptions[key] = random.chance(0.7) ? row : .some(nil)
    case 12:
      batch.cancelledTasks.append(key)
      batch.withdrawnTasks.append(WithdrawnTask(key: key, attributes: Array("{}".utf8)))
    case 0, 1, 2: batch.tasks.append(task(key, one.key))
    case 3: batch.cancelledTasks.append(key)
    case 4: batch.expeditedTasks.append(key)
    case 5:
      let due = timer()
      batch.attempts.append(
        AttemptRow(
          key: key, slot: one.key.slot, activityType: "step", attempt: Int32(random.draw(1...4)), worker: "w", startedAt: now, endedAt: now,
          failure: failure(), nextAttemptAt: random.chance(0.7) ? due.dueAt : nil))
    case 6: batch.forgivenActivities.append(key)
    case 7: batch.heartbeats[key] = HeartbeatRow(key: key, at: now, details: .null)
    case 8:
      batch.parkedActivities.append(
        ParkedActivityRow(
          key: key, slot: one.key.slot, activityType: "step", at: now, attempts: 2, retryState: .maximumAttemptsReached, failure: failure())
      )
    default:
      batch.endedHeartbeats.append(key)
      batch.unparkedActivities.append(key)
    }
  }

  /// Deadlines are an hour away or an hour over: the machine's speed decides nothing.
  private mutating func task(_ key: ActivityKey, _ workflow: WorkflowKey) -> ActivityTaskRow {
    let isOld = random.chance(0.15)
    let options = ActivityOptions(
      taskQueue: random.chance(0.5) ? "first" : "second", scheduleToStart: random.chance(0.3) ? .hours(1) : nil,
      scheduleToClose: isOld || random.chance(0.3) ? .hours(1) : nil,
      retryPolicy: RetryPolicy(initialInterval: random.chance(0.5) ? .seconds(3600) : .zero, maximumInterval: .hours(1), maximumAttempts: 3)
    )
    return ActivityTaskRow(
      key: key, attempt: 1, slot: workflow.slot, workflow: workflow,
      task: ActivityTask(sequence: key.sequence, activityType: "step", input: .null, options: options),
      scheduledAt: isOld ? now - 2 * Self.hour : now)
  }

  mutating func failure() -> Failure {
    switch random.draw(0...3) {
    case 0: Failure(kind: .workerLost, type: "WorkerLost", message: "lost")
    case 1: Failure(type: "Final", message: "final", isRetryable: false)
    default: Failure(type: "Any", message: "any")
    }
  }
}
