/// Names one lease of one task, for workers that hold it by a word over a network: `run.sequence.attempt.lease`, opaque to them.
public struct TaskToken: Hashable, Sendable, Codable, LosslessStringConvertible {
  let key: ActivityKey
  let attempt: Int32
  let lease: Int64

  init(key: ActivityKey, attempt: Int32, lease: Int64) {
    self.key = key
    self.attempt = attempt
    self.lease = lease
  }

  /// Nil for anything that `description` never gives.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, let run = RunID(String(parts[0])), let sequence = Int32(parts[1]), let attempt = Int32(parts[2]),
      let lease = Int64(parts[3]), sequence > 0, attempt > 0, lease > 0
    else { return nil }
    self.init(key: ActivityKey(runID: run, sequence: sequence), attempt: attempt, lease: lease)
  }

  public var description: String { "\(key.runID).\(key.sequence).\(attempt).\(lease)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let token = TaskToken(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a task token is sent back as it was given")
    }
    self = token
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A task as a worker in any language is given it.
public struct LeasedActivity: Codable, Sendable {
  public let taskToken: TaskToken
  public let workflowID: String
  public let runID: RunID
  public let namespace: String
  public let activityType: String
  /// The activity's number within its run, from 1.
  public let sequence: Int32
  /// From 1.
  public let attempt: Int32
  /// The same for every attempt: for services that deduplicate.
  public let idempotencyKey: String
  public let input: Payload
  /// What an earlier attempt last reported.
  public let heartbeatDetails: Payload?
  public let scheduledAt: RecordedTime
  /// Milliseconds that this attempt may take.
  public let startToCloseMilliseconds: Int64
  /// What came with the activity, by names; nil for nothing.
  public let headers: Payload?

  enum CodingKeys: String, CodingKey {
    case workflowID = "workflowId"
    case runID = "runId"
    case taskToken, namespace, activityType, sequence, attempt, idempotencyKey, input, heartbeatDetails, scheduledAt
    case startToCloseMilliseconds, headers
  }

  init(_ lease: TaskLease) {
    let attempt = lease.attempt
    taskToken = TaskToken(key: lease.key, attempt: attempt.attempt, lease: lease.token)
    workflowID = attempt.workflow.workflowID
    namespace = attempt.workflow.namespace
    runID = lease.key.runID
    activityType = attempt.task.activityType
    sequence = lease.key.sequence
    self.attempt = attempt.attempt
    idempotencyKey = lease.key.idempotencyKey
    input = attempt.task.input
    heartbeatDetails = attempt.heartbeatDetails
    scheduledAt = RecordedTime(microseconds: attempt.scheduledAt)
    startToCloseMilliseconds = attempt.task.options.startToCloseMilliseconds
    headers = attempt.task.header
  }
}
