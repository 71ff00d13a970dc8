/// The owner's door to the database: it asks and never waits; answers come back through `takeAnswers`. PostgreSQL stands behind it in
/// production, a model in simulations.
protocol EngineStore: AnyObject {
  /// Writes the batch in one transaction under the fence. `predecessor` is the number of the batch sent before it whose answer is still
  /// open: when that did not land this batch must not either.
  func commit(_ batch: CommitBatch, predecessor: Int?)
  func load(_ runs: [RunID])
  /// Messages of these slots with identifiers above `floor`, oldest first.
  func readInbox(slots: [Slot], above floor: Int64)
  /// Timers of these slots that are due until then (microseconds since the Unix epoch).
  func readTimers(slots: [Slot], dueUntil: Int64)
  /// Open runs of these slots that are not parked, from this identifier on.
  func readOpenRuns(slots: [Slot], from lowWater: RunID)
  /// The open run of each workflow id, and how its last one ended.
  func findRuns(_ keys: [WorkflowKey])
  /// What a reset needs to know of the run that it copies.
  func readReset(_ query: ResetQuery)
  func takeAnswers() -> [StoreAnswer]
}

enum StoreAnswer: Sendable {
  case committed(batch: Int)
  case refused(batch: Int, CommitRefusal)
  case loaded([LoadedRun])
  case inbox([InboxRow], TransactionWindow?)
  case timers([TimerRow])
  case openRuns([RunID], of: [Slot])
  case foundRuns([FoundRuns])
  case reset(ResetReading)
  /// A read got no answer; it is asked again.
  case readFailed(StoreRead)
}

enum StoreRead: Sendable {
  case load([RunID])
  case inbox
  case timers
  case openRuns(slots: [Slot], from: RunID)
  case findRuns([WorkflowKey])
  case reset(ResetQuery)
}

/// What the database knows of a workflow id's runs.
struct FoundRuns: Sendable {
  let key: WorkflowKey
  let open: RunID?
  /// How the last one ended that was not refused; nil when there was none.
  let lastStatus: CloseStatus?
}

/// Why a batch did not land.
enum CommitRefusal: Sendable, Equatable {
  /// The fence fell: another process owns the slots now.
  case ownershipLost
  /// The connection ended before the answer: it may have landed or not.
  case outcomeUnknown
  /// The batch before it did not land.
  case predecessorMissing
  /// These starts met an open run of their workflow id.
  case alreadyStarted([RunID])
  /// These runs wanted to close over messages in their inbox.
  case unseenMessages([RunID])
  case rejected(String)
}

/// One row of the inbox, read back.
struct InboxRow: Sendable {
  let messageID: Int64
  let runID: RunID
  let slot: Slot
  let kind: InboxKind
  var attributes: [UInt8]
  /// Whose message it is; nil where nobody asked.
  var key: WorkflowKey?
}

/// What a read of rows saw of transactions, by their numbers: a row's identifier is drawn before its transaction ends, so a later one may
/// be seen first.
struct TransactionWindow: Sendable, Equatable {
  /// Every transaction below has ended; what it wrote is among the rows.
  let oldestOpen: Int64
  /// No transaction from here on has begun.
  let next: Int64
}

enum InboxKind: Int16, Sendable {
  case start = 1
  case signal = 2
  case cancel = 3
  case terminate = 4
  case activityOutcome = 5
  case activityCommand = 6
  case retryBlocked = 7
  case childOutcome = 8
  case update = 9
  /// From a run to a workflow id.
  case external = 10
  case externalAnswer = 11
  /// A run begins with a copy of this one's history.
  case reset = 20
  case pause = 21
  /// To another version of its code.
  case move = 22
}

/// Everything stored about one run that its owner needs to go on; nil history for an unknown run.
struct LoadedRun: Sendable {
  let runID: RunID
  var slot: Slot?
  var history: [HistoryEvent] = []
  var isClosed = false
  var isParked = false
  var blockedAttempts: Int32 = 0
  /// The code has not seen the last event yet: what it commands for it is new.
  var isLastEventUnapplied = false
  /// Failed attempts of open activities.
  var attempts: [AttemptCount] = []
  var parkedActivities: [Int32] = []
  /// Sequences with a row in the task queue, or with their outcome in the inbox: a step that a worker has ended is not queued again.
  var queuedActivities: [Int32] = []
  var heartbeats: [Int32: Payload] = [:]
  /// Of activities whose options are not those that the code asked for.
  var activityOptions: [Int32: ActivityOptions] = [:]
  /// What its history refers to.
  var largeValues = LargeValues()
  /// Updates that were accepted or rejected.
  var updates: Set<String> = []
  /// Of a closed run: the newest that goes on from a part of it, and the last event of that part.
  var reset: (runID: RunID, eventID: Int32)?

  /// The run that continues this one, or tries it again.
  var successor: RunID? {
    if let reset { return reset.runID }
    guard let last = history.last, last.type.isClose else { return nil }
    return (try? AttributesReader(last.attributes))?.text("newExecutionRunId").flatMap { RunID($0) }
  }

  var leftovers: Leftovers {
    Leftovers(
      parked: parkedActivities.map { ActivityKey(runID: runID, sequence: $0) },
      heartbeats: heartbeats.keys.sorted().map { ActivityKey(runID: runID, sequence: $0) }, timers: openTimers)
  }

  /// Of timers and of next attempts, as the rows stand; what cannot be read leaves none.
  private var openTimers: [TimerRow] {
    guard let slot else { return [] }
    func row(_ sequence: Int32, _ dueAt: Int64, _ kind: TimerRow.Kind) -> TimerRow {
      TimerRow(slot: slot, dueAt: dueAt, runID: runID, sequence: sequence, kind: kind)
    }
    var timers: [Int32: TimerRow] = [:]
    for event in history where [.timerStarted, .timerFired, .timerCanceled].contains(event.type) {
      guard let reader = try? AttributesReader(event.attributes), let sequence = try? reader.sequence() else { continue }
      timers[sequence] = nil
      guard event.type == .timerStarted, let milliseconds = reader.integer("startToFireMilliseconds"),
        0...Limits.durationMilliseconds ~= milliseconds
      else { continue }
      timers[sequence] = row(sequence, event.at + milliseconds * 1000, .timer)
    }
    let retries = attempts.compactMap { attempt in
      attempt.isDelayed ? attempt.nextAttemptAt.map { row(attempt.sequence, $0, .activityRetry) } : nil
    }
    return timers.values.sorted { $0.sequence < $1.sequence } + retries
  }
}

struct AttemptCount: Sendable {
  let sequence: Int32
  let total: Int32
  /// Failures since an operator last gave it new attempts.
  let failed: Int32
  let lost: Int32
  /// Microseconds since the Unix epoch; nil when the last one has no successor.
  let nextAttemptAt: Int64?
  /// The next attempt has not begun: its timer still stands.
  let isDelayed: Bool
}
