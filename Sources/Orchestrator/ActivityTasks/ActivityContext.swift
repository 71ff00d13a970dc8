import Synchronization

/// What an activity may know of its attempt, and its way to report progress. Cancellation is Swift's: `Task.isCancelled`,
/// `try Task.checkCancellation()`.
public struct ActivityContext: Sendable {
  public let info: ActivityInfo
  let heartbeats: HeartbeatRecorder
  let ownQueue: OwnQueue

  /// The queue of this process alone: steps that need what this one leaves on the machine run there.
  public var workerQueue: WorkerQueue { ownQueue.handOut() }

  /// Tells that the attempt is alive, with details that the next attempt gets if this one dies.
  /// - Throws: `PayloadError` when the details cannot be encoded; `CancellationError` when the attempt was cancelled or lost its lease.
  public func heartbeat<Details: Codable & Sendable>(_ details: Details) throws {
    try Task.checkCancellation()
    heartbeats.record(try PayloadCodec.encode(details))
  }

  /// The last details an earlier attempt reported; nil for none, or when they do not decode as this type.
  public func heartbeatDetails<Details: Codable & Sendable>(_ type: Details.Type) -> Details? {
    info.heartbeatDetails.flatMap { try? PayloadCodec.decode(type, from: $0) }
  }
}

/// The facts of one attempt.
public struct ActivityInfo: Sendable, Equatable {
  public let namespace: String
  public let workflowID: String
  public let runID: RunID
  /// The activity's number within its run, from 1.
  public let sequence: Int32
  public let activityType: String
  public let taskQueue: String
  /// 1 for the first.
  public let attempt: Int32
  /// Microseconds since the Unix epoch by PostgreSQL's clock.
  public let scheduledAt: Int64
  public let heartbeatDetails: Payload?
  /// What came with the activity.
  public var headers = Headers()

  /// The same for every attempt of this activity: give it to services that deduplicate requests.
  public var idempotencyKey: String { ActivityKey(runID: runID, sequence: sequence).idempotencyKey }
}

/// Keeps the newest heartbeat of one attempt for whoever sends it on.
final class HeartbeatRecorder: Sendable {
  struct Beat: Sendable {
    /// Microseconds of the monotonic clock; 0 before the first.
    var at: Int64
    var details: Payload?
    /// Details that nobody took yet.
    var isNew: Bool
  }

  private let beat = Mutex(Beat(at: 0, details: nil, isNew: false))

  func record(_ details: Payload) {
    beat.withLock { $0 = Beat(at: MonotonicClock.microseconds, details: details, isNew: true) }
  }

  /// Microseconds of the monotonic clock; 0 when there was none.
  var lastAt: Int64 { beat.withLock { $0.at } }

  var lastDetails: Payload? { beat.withLock { $0.details } }

  /// The details recorded since the last call; nil when there are none.
  func takeNewDetails() -> Payload? {
    beat.withLock { beat in
      guard beat.isNew else { return nil }
      beat.isNew = false
      return beat.details
    }
  }
}
