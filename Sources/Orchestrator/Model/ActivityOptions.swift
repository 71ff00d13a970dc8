/// What happens when an activity has no attempt left.
public enum OnExhausted: String, Codable, Sendable {
  /// The activity fails and `execute` throws into the workflow.
  case fail
  /// The activity waits for an operator, who retries it, completes it by hand, or fails it; the workflow stays where it stands.
  case park
}

/// What becomes of an activity when the task that waits for it is cancelled.
public enum ActivityCancellationType: String, Codable, Sendable, CaseIterable {
  /// It is asked to stop, and who waits throws at once; its outcome is nobody's.
  case tryCancel
  /// It is asked to stop, and who waits goes on when it has ended: cancelled, or with the outcome that it had all the same. It is never tried again.
  case waitCancellationCompleted
  /// It goes on, and its outcome is recorded; who waits throws at once.
  case abandon
}

/// Where an activity runs, how long it may take, and how it is retried. Declared once, with the activity.
public struct ActivityOptions: Codable, Sendable, Equatable {
  public var taskQueue: String
  /// Milliseconds an attempt may wait for a worker; nil for no limit. Never retried: another attempt would wait in the same queue.
  public var scheduleToStartMilliseconds: Int64?
  /// Milliseconds one attempt may run; default 10 minutes.
  public var startToCloseMilliseconds: Int64
  /// Milliseconds from scheduling to the end of the last attempt; nil for no limit.
  public var scheduleToCloseMilliseconds: Int64?
  /// Milliseconds between two heartbeats of an attempt; nil when the activity sends none.
  public var heartbeatMilliseconds: Int64?
  public var retryPolicy: RetryPolicy
  public var onExhausted: OnExhausted
  /// Who comes first where attempts wait; nil: in the order in which they came.
  public var priority: Priority?
  /// Nil for `tryCancel`.
  public var cancellationType: ActivityCancellationType?

  public init(
    taskQueue: String = "default", scheduleToStart: Duration? = nil, startToClose: Duration = .seconds(600),
    scheduleToClose: Duration? = nil, heartbeat: Duration? = nil, retryPolicy: RetryPolicy = RetryPolicy(),
    onExhausted: OnExhausted = .fail, priority: Priority? = nil, cancellationType: ActivityCancellationType = .tryCancel
  ) {
    self.taskQueue = taskQueue
    scheduleToStartMilliseconds = scheduleToStart?.boundedMilliseconds
    startToCloseMilliseconds = startToClose.boundedMilliseconds
    scheduleToCloseMilliseconds = scheduleToClose?.boundedMilliseconds
    heartbeatMilliseconds = heartbeat?.boundedMilliseconds
    self.retryPolicy = retryPolicy
    self.onExhausted = onExhausted
    self.priority = priority
    self.cancellationType = cancellationType == .tryCancel ? nil : cancellationType
  }

  public static let standard = ActivityOptions()
}
