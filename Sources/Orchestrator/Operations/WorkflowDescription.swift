/// How a run stands.
public enum WorkflowStatus: String, Codable, Sendable, CaseIterable {
  case running = "Running"
  /// Open, but the code at hand cannot continue it.
  case blocked = "Blocked"
  /// Open, and standing still until somebody resumes it.
  case paused = "Paused"
  case completed = "Completed"
  case failed = "Failed"
  case canceled = "Canceled"
  case terminated = "Terminated"
  /// The next run of its chain goes on.
  case continuedAsNew = "ContinuedAsNew"
  /// It was open for longer than its start allowed.
  case timedOut = "TimedOut"

  /// Whether the run can still change.
  public var isOpen: Bool { self == .running || self == .blocked || self == .paused }
}

/// A run as lists show it. The names of its fields in JSON are stable.
public struct WorkflowSummary: Codable, Sendable {
  public let runID: RunID
  public let namespace: String
  public let workflowID: String
  public let workflowType: String
  public let status: WorkflowStatus
  public let startedAt: RecordedTime
  public let closedAt: RecordedTime?
  /// Events of the history; nil in lists while the run is open.
  public let events: Int32?
  /// What an open run waits for, in words; nil when nobody knows better than that it is being worked on.
  public let waitsFor: String?
  /// Name of the error that blocks the run.
  public let blockedCode: String?
  /// A JSON object with the values by which it is found; nil without any.
  public let searchAttributes: Payload?
  /// With which version of its type's code it began, or to which it was moved; nil for code without one.
  public let version: String?
  /// Whether only that version continues it; nil for code without one.
  public let isPinned: Bool?

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case workflowID = "workflowId"
    case namespace, workflowType, status, startedAt, closedAt, events, waitsFor, blockedCode, searchAttributes, version, isPinned
  }

  /// What callers act on.
  public var key: WorkflowKey { WorkflowKey(namespace: namespace, workflowID: workflowID) }
}

/// Everything about one run but its history; in JSON its details stand beside the fields of the summary.
public struct WorkflowDescription: Codable, Sendable {
  public let summary: WorkflowSummary
  public let details: WorkflowDetails

  init(_ summary: WorkflowSummary, _ details: WorkflowDetails) {
    self.summary = summary
    self.details = details
  }

  public init(from decoder: any Decoder) throws {
    summary = try WorkflowSummary(from: decoder)
    details = try WorkflowDetails(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    try summary.encode(to: encoder)
    try details.encode(to: encoder)
  }
}

/// What a description adds to a summary.
public struct WorkflowDetails: Codable, Sendable {
  public let input: Payload?
  /// Who started it, as the start event says.
  public let startedBy: String?
  /// Program and toolchain that first ran it.
  public let build: String?
  /// What its start told people about it, a JSON object.
  public let memo: Payload?
  /// The newest state of the workflow.
  public let state: Payload?
  /// The result of a completed run, the failure of a failed one.
  public let outcome: Payload?
  public let blocked: BlockedReason?
  public let paused: PauseDescription?
  /// Since when nothing of it is in flight in its owner's process.
  public let parkedAt: RecordedTime?
  public let pendingActivities: [PendingActivity]
  public let pendingTimers: [PendingTimer]
  /// The run that it goes on from, and runs that go on from it; at most 100.
  public let resets: [WorkflowReset]
}

/// A timer of workflow code, or the time limit of one of its waits.
public struct PendingTimer: Codable, Sendable {
  /// The timer's number within its run, from 1.
  public let sequence: Int32
  public let startedAt: RecordedTime
  /// Not before this time.
  public let firesAt: RecordedTime
}

/// Why a run stands still.
public struct PauseDescription: Codable, Sendable {
  public let since: RecordedTime
  public let reason: String
  /// Who paused it.
  public let identity: String
}

/// Why the code at hand cannot continue a run.
public struct BlockedReason: Codable, Sendable {
  /// Name of an ``ErrorCode``.
  public let code: String
  public let reason: String
  public let since: RecordedTime
  /// The build that could not continue it.
  public let build: String
  /// How often it was tried.
  public let attempts: Int32
}

/// An activity without an outcome.
public struct PendingActivity: Codable, Sendable {
  /// Where it is.
  public enum State: String, Codable, Sendable {
    /// Runs, or waits for its next attempt, in the process that owns the run.
    case owner = "Owner"
    /// In the task queue.
    case scheduled = "Scheduled"
    /// Leased by a worker.
    case started = "Started"
    /// No attempt begins until somebody lets it.
    case paused = "Paused"
    /// Out of attempts: waits for an operator.
    case parked = "Parked"
  }

  public let runID: RunID
  public let workflowID: String
  /// The activity's number within its run, from 1.
  public let sequence: Int32
  public let activityType: String
  public let taskQueue: String
  public let state: State
  /// The current or next attempt, from 1; of a parked activity the last one.
  public let attempt: Int32
  public let scheduledAt: RecordedTime
  public let worker: String?
  public let heartbeatAt: RecordedTime?
  /// What its last heartbeat told.
  public let heartbeatDetails: Payload?
  public let leaseExpiresAt: RecordedTime?
  /// When the backoff ends; nil when nothing holds the next attempt back.
  public let nextAttemptAt: RecordedTime?
  public let parkedAt: RecordedTime?
  /// Why a parked activity has no further attempt.
  public let retryState: String?
  public let lastFailure: Failure?
  /// Since when no attempt begins, and why; nil unless it is paused.
  public let paused: PauseDescription?

  enum CodingKeys: String, CodingKey {
    case runID = "runId"
    case workflowID = "workflowId"
    case sequence, activityType, taskQueue, state, attempt, scheduledAt, worker, heartbeatAt, heartbeatDetails, leaseExpiresAt
    case nextAttemptAt, parkedAt, retryState, lastFailure, paused
  }
}

/// An attempt that failed.
public struct FailedAttempt: Codable, Sendable {
  /// The activity's number within its run, from 1.
  public let sequence: Int32
  public let activityType: String
  /// From 1.
  public let attempt: Int32
  public let worker: String
  public let startedAt: RecordedTime
  public let endedAt: RecordedTime
  public let failure: Failure
  /// When the next one is due; nil when this was the last.
  public let nextAttemptAt: RecordedTime?
}

/// The depth of a task queue with pending tasks.
public struct QueueDepth: Codable, Sendable {
  public let taskQueue: String
  /// Tasks that a worker could take now.
  public let ready: Int64
  /// Tasks that wait for their next attempt.
  public let delayed: Int64
  /// Tasks that a worker holds.
  public let leased: Int64
  /// How long the oldest ready task has been waiting; nil when none is ready.
  public let oldestAgeMilliseconds: Int64?
  /// Workers that asked for its tasks in the last 30 seconds.
  public let pollers: Int64
  public let polledAt: RecordedTime?
}

/// A living process that owns slots.
public struct OwnerProcess: Codable, Sendable {
  /// Its number in the database.
  public let processID: Int64
  public let name: String
  public let build: String
  public let startedAt: RecordedTime
  public let heartbeatAt: RecordedTime
  /// Silence after which others take over.
  public let leaseMilliseconds: Int64
  /// Slots that it owns, 0 to 256.
  public let slots: Int64

  enum CodingKeys: String, CodingKey {
    case processID = "processId"
    case name, build, startedAt, heartbeatAt, leaseMilliseconds, slots
  }
}

/// A part of a list, with the way to the next part.
public struct Listing<Item: Codable & Sendable>: Codable, Sendable {
  public let items: [Item]
  /// For the call that gives the next part; nil after the last one.
  public let nextCursor: String?

  public init(items: [Item], nextCursor: String?) {
    self.items = items
    self.nextCursor = nextCursor
  }
}
