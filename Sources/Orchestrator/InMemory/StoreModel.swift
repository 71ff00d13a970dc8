import Foundation

/// What PostgreSQL does for the engine, as values in memory: the tables, and the statements as functions that happen at one instant. Tests of
/// workflows and simulations run on it; it is checked against the real one by running the same operations on both.
final class StoreModel {
  struct StoredRun {
    let slot: Slot
    let key: WorkflowKey
  }

  struct StoredMessage {
    let row: InboxRow
    /// Of a start.
    var key: WorkflowKey?
    /// The open transaction that inserted it; nil once everybody sees it.
    var transaction: Int?
  }

  struct TimerKey: Hashable {
    let slot: Slot
    let dueAt: Int64
    let runID: RunID
    let sequence: Int32

    init(_ row: TimerRow) {
      slot = row.slot
      dueAt = row.dueAt
      runID = row.runID
      sequence = row.sequence
    }
  }

  struct Heartbeat {
    var at: Int64
    var lease: Int64
    var lowWater: RunID
  }

  struct StoredSlot {
    var process: Int64?
    var lowWater: RunID
  }

  struct StoredBlock: Equatable {
    var attempts: Int32
    let isLastEventUnapplied: Bool
  }

  /// PostgreSQL's clock: microseconds since the Unix epoch.
  var now: Int64 = 0
  let guards: StoreGuards
  weak var observer: (any StoreObserver)?

  var runs: [RunID: StoredRun] = [:]
  var openRuns: [WorkflowKey: [RunID]] = [:]
  var workflowKeys: Set<WorkflowKey> = []
  var history: [RunID: [HistoryEvent]] = [:]
  var closes: [RunID: CloseRow] = [:]
  /// By their hashes, and to which of them runs refer.
  var largeValues: [[UInt8]: [UInt8]] = [:]
  var largeValueReferences: [RunID: Set<[UInt8]>] = [:]
  var states: [RunID: StateRow] = [:]
  var searchAttributes: [RunID: Payload] = [:]
  var parked: Set<RunID> = []
  /// What they wait for, in words.
  var waitsFor: [RunID: String] = [:]
  var blocked: [RunID: StoredBlock] = [:]
  var timers: [TimerKey: TimerRow] = [:]
  /// In order of their identifiers.
  var inbox: [StoredMessage] = []
  var lastMessageID: Int64 = 0
  /// Run rows locked by senders' open transactions.
  var senderLocks: [Int: [RunID]] = [:]
  var lastTransaction = 0

  var fenced: [Int64: Bool] = [:]
  var heartbeats: [Int64: Heartbeat] = [:]
  var slots: [StoredSlot]
  /// Processes whose session holds its advisory lock.
  var sessions: Set<Int64> = []
  /// Of a process's connection for commits.
  var commitSessions: [Int64: Int64] = [:]
  /// The last batch that landed on each process's connection.
  var lastBatch: [Int64: Int] = [:]

  var tasks: [ActivityKey: StoredTask] = [:]
  var lastToken: Int64 = 0
  var attempts: [ActivityKey: [StoredAttempt]] = [:]
  var activityHeartbeats: [ActivityKey: Payload] = [:]
  var activityOptions: [ActivityKey: ActivityOptions] = [:]
  var parkedActivities: Set<ActivityKey> = []
  var updates: [RunID: Set<String>] = [:]
  /// How they stand.
  var updateRows: [UpdateKey: UpdateRow] = [:]
  /// Why runs are blocked.
  var problems: [RunID: WorkflowProblem] = [:]
  var resets: [RunID: ResetRow] = [:]
  var paused: Set<RunID> = []

  init(guards: StoreGuards = .all, slots: Int = Slot.count) {
    self.guards = guards
    self.slots = Array(repeating: StoredSlot(process: nil, lowWater: .smallest), count: slots)
  }

  func insertMessage(
    _ slot: Slot, _ runID: RunID, _ kind: InboxKind, _ attributes: [UInt8], key: WorkflowKey? = nil, in transaction: Int? = nil
  ) {
    lastMessageID += 1
    let row = InboxRow(messageID: lastMessageID, runID: runID, slot: slot, kind: kind, attributes: attributes)
    inbox.append(StoredMessage(row: row, key: key, transaction: transaction))
    observer?.inserted(
      message: row.messageID, run: runID.uuid, kind: Int(kind.rawValue), attributes, isVisible: transaction == nil)
  }
}

/// What the statements check before they write. A simulation takes one away to see its checker notice.
struct StoreGuards: OptionSet {
  let rawValue: Int

  /// A commit looks at the fence.
  static let fence = StoreGuards(rawValue: 1)
  /// A run does not close over messages in its inbox.
  static let inbox = StoreGuards(rawValue: 2)
  /// A worker's word counts with its lease only.
  static let leases = StoreGuards(rawValue: 4)
  static let all: StoreGuards = [.fence, .inbox, .leases]
}

/// Who watches the tables change. In plain values: the checker shares nothing with the engine.
protocol StoreObserver: AnyObject {
  func registered(process: Int64)
  func fenced(process: Int64)
  func committed(by process: Int64)
  func owned(slot: Int, process: Int64?)
  func started(run: UUID, slot: Int, workflow: String, isRefused: Bool, by process: Int64)
  func recorded(run: UUID, slot: Int, event: Int, type: Int, at: Int64, causedBy: Int, _ attributes: [UInt8], by process: Int64)
  func attributed(run: UUID, _ attributes: [UInt8])
  /// Events 2 to the last are about to be recorded, as they stand in another run's history.
  func copied(run: UUID, from base: UUID, lastEvent: Int)
  /// The batch is in the tables, whole.
  func written(by process: Int64)
  func closed(run: UUID, lastEvent: Int, by process: Int64)
  func rejected(update: String, run: UUID)
  /// An open run that is neither parked nor at or above the low-water mark of its slot.
  func hidden(run: UUID)
  func inserted(message: Int64, run: UUID, kind: Int, _ attributes: [UInt8], isVisible: Bool)
  func visible(message: Int64)
  func deleted(message: Int64, by process: Int64)
  func leased(run: UUID, sequence: Int, token: Int64)
  func extended(run: UUID, sequence: Int, token: Int64)
  func leaseEnded(run: UUID, sequence: Int, token: Int64)
  func finished(run: UUID, sequence: Int, token: Int64, isResult: Bool)
}
