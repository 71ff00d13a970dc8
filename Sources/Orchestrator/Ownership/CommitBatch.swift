/// The rows of many runs, gathered to be written in one transaction, and what happens once they are: pure values, no SQL.
struct CommitBatch: Sendable {
  let number: Int
  var runs: [RunRow] = []
  /// Histories of other runs from which runs of this batch begin.
  var copies: [HistoryCopy] = []
  var resets: [ResetRow] = []
  var history: [HistoryRow] = []
  var closes: [CloseRow] = []
  var states: [StateRow] = []
  /// The search attributes of runs that have any.
  var searchAttributes: [RunID: SearchAttributesRow] = [:]
  /// The versions of runs that have one.
  var versions: [RunID: VersionRow] = [:]
  /// Rows to stand in `parked_runs` after the batch; those of `unparked` go first.
  var parked: [RunID: ParkedRow] = [:]
  var unparked: [RunID] = []
  var timers: [TimerRow] = []
  var endedTimers: [TimerRow] = []
  var takenMessages: [Int64] = []
  var spilledMessages: [SpilledMessage] = []
  /// What runs of this owner say to others.
  var sentMessages: [SpilledMessage] = []
  var tasks: [ActivityTaskRow] = []
  var cancelledTasks: [ActivityKey] = []
  /// Of these, those that no worker has go at once, with their outcome.
  var withdrawnTasks: [WithdrawnTask] = []
  var expeditedTasks: [ActivityKey] = []
  /// Rows of tasks whose options are others now, and those that lose what their last heartbeat told.
  var changedTasks: [ActivityTaskRow] = []
  var clearedTasks: [ActivityKey] = []
  /// Options that are not those that the code asked for; nil where they are again.
  var changedOptions: [ActivityKey: ActivityOptionsRow?] = [:]
  var endedTasks: [RunID] = []
  var attempts: [AttemptRow] = []
  var heartbeats: [ActivityKey: HeartbeatRow] = [:]
  var endedHeartbeats: [ActivityKey] = []
  var parkedActivities: [ParkedActivityRow] = []
  var unparkedActivities: [ActivityKey] = []
  /// How updates stand after the batch.
  var updates: [UpdateKey: UpdateRow] = [:]
  /// Activities whose failures so far no longer count.
  var forgivenActivities: [ActivityKey] = []
  /// How runs stand after the batch that were paused or go on by it.
  var pauses: [RunID: PausedRow] = [:]
  var blocked: [BlockedRow] = []
  var unblocked: [RunID] = []
  var lowWater: RunID?
  /// Slots whose own marks this mark makes needless.
  var confirmedSlots: [Slot] = []
  /// Values that lie beside the histories of the batch, in the order of their hashes, and which runs refer to them.
  var largeValues: [LargeValueRow] = []
  var largeValueReferences: [LargeValueReferenceRow] = []
  /// Why it can't be written at all, known before it is sent.
  var unwritable: String?
  /// What waits for the commit.
  var effects: [Effect] = []
  /// What was applied to fill it: delivered again when it did not land.
  var messages: [OwnerMessage] = []

  init(number: Int) {
    self.number = number
  }

  /// One state per run, the newest: an upsert must not meet a row twice.
  var lastStates: [StateRow] {
    var seen: Set<RunID> = []
    return states.reversed().filter { seen.insert($0.runID).inserted }
  }

  /// Closed runs that were blocked: their rows go too.
  var closedBlocked: [RunID] = []

  /// Rows by which a batch is sealed.
  var rowCount: Int { history.count + runs.count + closes.count + sentMessages.count }

  var isEmpty: Bool {
    history.isEmpty && resets.isEmpty && parked.isEmpty && takenMessages.isEmpty && spilledMessages.isEmpty && sentMessages.isEmpty
      && attempts.isEmpty
      && heartbeats.isEmpty
      && parkedActivities.isEmpty && unparkedActivities.isEmpty && blocked.isEmpty && endedTimers.isEmpty && timers.isEmpty
      && lowWater == nil && updates.isEmpty && effects.isEmpty && states.isEmpty && unblocked.isEmpty && closedBlocked.isEmpty
  }
}

/// What the owner does in the world after a commit.
enum Effect: Sendable {
  case dispatch(ActivityAttempt)
  case runInline(InlineStep)
  case cancelLocal(ActivityKey)
  /// As `cancelLocal`, but how it ends is told.
  case stopLocal(ActivityKey)
  case reply(Reply, OrchestratorError?)
}

struct RunRow: Sendable {
  let runID: RunID
  let slot: Slot
  let key: WorkflowKey
  let workflowType: String
  let startedAt: Int64
  /// Its workflow id has an open run: it is recorded only to fail in the same batch.
  var isRefused = false
  /// It continues or replaces a run that closes in the same batch, so that its workflow id has an open run until then.
  var isSuccessor = false
}

struct HistoryRow: Sendable {
  let runID: RunID
  let slot: Slot
  let event: HistoryEvent
}

struct CloseRow: Sendable {
  let runID: RunID
  let slot: Slot
  let status: CloseStatus
  let closedAt: Int64
  let lastEventID: Int32
  let outcome: Payload?
}

struct StateRow: Sendable {
  let runID: RunID
  let eventID: Int32
  let state: Payload
}

struct SearchAttributesRow: Sendable {
  let runID: RunID
  let slot: Slot
  let attributes: Payload
}

struct VersionRow: Sendable {
  let runID: RunID
  let slot: Slot
  /// Nil for one that was moved to code without a version.
  let version: String?
  let isPinned: Bool
}

struct ParkedRow: Sendable {
  let runID: RunID
  let slot: Slot
  let waitsFor: String
}

struct TimerRow: Sendable, Hashable {
  enum Kind: Int16, Sendable {
    case timer = 1
    case activityRetry = 2
    /// Before the first code of a run.
    case startDelay = 3
    /// The end of the time that a run may take.
    case deadline = 4
  }

  let slot: Slot
  /// Microseconds since the Unix epoch.
  let dueAt: Int64
  let runID: RunID
  let sequence: Int32
  let kind: Kind
}

enum UpdateStatus: Int16, Sendable {
  case accepted = 1
  case completed = 2
  case failed = 3
  case rejected = 4
}

struct UpdateKey: Sendable, Hashable {
  let runID: RunID
  let updateID: String
}

struct UpdateRow: Sendable {
  let key: UpdateKey
  let slot: Slot
  /// Nil in the row of its completion: it stands since it was accepted.
  let name: String?
  let status: UpdateStatus
  let at: Int64
  let outcome: Payload?
}

struct SpilledMessage: Sendable {
  let runID: RunID
  let slot: Slot
  let kind: InboxKind
  let attributes: [UInt8]
  /// Of a start.
  var key: WorkflowKey?
  /// Whose message it is, where that is neither `key` nor a run of its own batch.
  var recipient: WorkflowKey?
}

struct ActivityKey: Sendable, Hashable {
  let runID: RunID
  let sequence: Int32

  /// What services that deduplicate requests are told; part of their contract, so it never changes.
  var idempotencyKey: String { "\(runID)/\(sequence)" }
}

struct ActivityTaskRow: Sendable {
  let key: ActivityKey
  let attempt: Int32
  let slot: Slot
  let workflow: WorkflowKey
  let task: ActivityTask
  let scheduledAt: Int64
}

struct WithdrawnTask: Sendable {
  let key: ActivityKey
  /// Of its outcome.
  let attributes: [UInt8]
}

struct ActivityOptionsRow: Sendable {
  let key: ActivityKey
  let slot: Slot
  let options: ActivityOptions
}

struct AttemptRow: Sendable {
  let key: ActivityKey
  let slot: Slot
  let activityType: String
  let attempt: Int32
  let worker: String
  let startedAt: Int64
  let endedAt: Int64
  let failure: Failure
  let nextAttemptAt: Int64?
}

struct HeartbeatRow: Sendable {
  let key: ActivityKey
  let at: Int64
  let details: Payload
}

struct ParkedActivityRow: Sendable {
  let key: ActivityKey
  let slot: Slot
  let activityType: String
  let at: Int64
  let attempts: Int32
  let retryState: AttemptOutcome.RetryState
  let failure: Failure
}

struct PausedRow: Sendable {
  let runID: RunID
  let slot: Slot
  let isPaused: Bool
  let at: Int64
  let reason: String
  let identity: String
}

struct BlockedRow: Sendable {
  let runID: RunID
  let slot: Slot
  let at: Int64
  let problem: WorkflowProblem
  /// The code has not seen the run's last event.
  let isLastEventUnapplied: Bool
  let build: String
  let attempts: Int32
}
