/// One run as its owner knows it in memory: the running code and what is open around it.
final class RunEntry {
  enum Phase {
    /// Its history is being read; messages wait.
    case loading
    case active(WorkflowInstance)
    /// The code at hand cannot continue it; messages wait until it is tried again.
    case blocked
    /// Its closing rows are written but not yet committed.
    case closed
  }

  let runID: RunID
  var phase: Phase
  /// Set when the history is known.
  var info: WorkflowInfo?
  var slot: Slot?
  var lastEventID: Int32 = 0
  /// Event that asked for an activity or timer that is open, by sequence.
  var scheduledBy: [Int32: Int32] = [:]
  var activities: [Int32: OpenActivity] = [:]
  var timers: [Int32: TimerRow] = [:]
  var children: [Int32: OpenChild] = [:]
  /// Inline steps in flight.
  var inlineSteps: [Int32: InlineTask] = [:]
  /// Some of its activities went into task queues, where rows of theirs may stand.
  var usesTaskQueues = false
  /// A row of `parked_runs` stands for it.
  var isParked = false
  /// Its code is to see nothing now.
  var isPaused = false
  /// When its start delay and the time that it may take are over.
  var deadlines: [TimerRow] = []
  /// How it began; kept of runs only that may be tried again.
  var again: StartedAttributes?
  /// It takes the place of a run that closes in the same batch.
  var isSuccessor = false
  /// Its start waits for a word about other runs of its workflow id, and what comes for it waits behind that.
  var isExpected = false
  var blockedAttempts: Int32 = 0
  /// Microseconds since the Unix epoch when a blocked run is tried again.
  var retryBlockedAt: Int64 = 0
  /// Batches with rows of this run whose commit is not confirmed.
  var uncommittedBatches = 0
  /// The batch it was touched by last.
  var touchedBy = -1
  /// Its place in the order of use.
  var recency = 0
  /// Microseconds since the Unix epoch of its last event.
  var lastActiveAt: Int64 = 0
  var waiting: [OwnerMessage] = []
  /// Messages to be dealt with before the run may close, in order.
  var followers: [OwnerMessage] = []

  /// Updates that were accepted or rejected: each is decided once.
  var updates: Set<String> = []
  /// Requests that its history holds, while its code is not there to know them.
  var recordedRequests: Set<String> = []
  /// Rows of its activities and timers, while its code is not there to know them.
  var leftovers = Leftovers()
  /// The look into the database that it waits for, before a part of its history is copied; its messages wait with it.
  var frozenBy: Int?

  init(runID: RunID, phase: Phase) {
    self.runID = runID
    self.phase = phase
  }

  var isLoading: Bool {
    if case .loading = phase { true } else { false }
  }

  /// Takes what waits for it, in order.
  func takeWaiting() -> [OwnerMessage] {
    defer { (waiting, followers) = ([], []) }
    return waiting + followers
  }

  var instance: WorkflowInstance? {
    if case .active(let instance) = phase { return instance }
    return nil
  }

  var key: WorkflowKey? { info.map { WorkflowKey(namespace: $0.namespace, workflowID: $0.workflowID) } }

  /// Work of this run that only this process knows of.
  var isBusyHere: Bool {
    frozenBy != nil || !inlineSteps.isEmpty || activities.values.contains { if case .running = $0.place { true } else { false } }
  }

  /// What it waits for, in words.
  var waitsFor: String {
    if isPaused { return "somebody to resume it" }
    var parts: [String] = []
    for (sequence, activity) in activities.sorted(by: { $0.key < $1.key }).prefix(8) {
      let name = "activity \(activity.task.activityType) (\(sequence))"
      switch activity.place {
      case .running: parts.append(name)
      case .queued: parts.append("\(name) in queue \(activity.task.options.taskQueue)")
      case .delayed: parts.append("next attempt of \(name)")
      case .parked: parts.append("operator for \(name)")
      }
    }
    for (sequence, child) in children.sorted(by: { $0.key < $1.key }).prefix(8) {
      parts.append("child \(child.workflowType) '\(child.key.workflowID)' (\(sequence))")
    }
    if deadlines.contains(where: { $0.kind == .startDelay }) { parts.append("the end of its start delay") }
    for sequence in timers.keys.sorted().prefix(8) { parts.append("timer (\(sequence))") }
    return parts.isEmpty ? "messages" : parts.joined(separator: ", ") + " or messages"
  }
}

/// Rows that go when their run ends.
struct Leftovers: Sendable {
  var parked: [ActivityKey] = []
  var heartbeats: [ActivityKey] = []
  var timers: [TimerRow] = []
}

/// An activity without outcome.
struct OpenActivity {
  enum Place {
    /// In this process, with this attempt.
    case running(attempt: Int32)
    /// In this process, after this timer.
    case delayed(TimerRow)
    /// In the task queue of other processes.
    case queued
    /// Waiting for an operator.
    case parked
  }

  private(set) var task: ActivityTask
  let scheduledAt: Int64
  var place: Place
  /// Those that the code asked for, where its options were changed.
  private(set) var original: ActivityOptions?
  /// Attempts that ended without a result; of them those that count as failed, and those whose process was lost.
  var attempts: Int32 = 0
  var failed: Int32 = 0
  var lost: Int32 = 0
  var heartbeatDetails: Payload?
  /// It was asked to stop, and the code waits until it has.
  var isCancelRequested = false

  init(task: ActivityTask, scheduledAt: Int64, place: Place) {
    self.task = task
    self.scheduledAt = scheduledAt
    self.place = place
  }

  /// - Parameter options: nil for those that the code asked for.
  mutating func change(_ options: ActivityOptions?) {
    let asked = original ?? task.options
    original = options == nil ? nil : asked
    task = ActivityTask(
      sequence: task.sequence, activityType: task.activityType, input: task.input, options: options ?? asked, header: task.header)
  }
}
