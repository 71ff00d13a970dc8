import Foundation

/// How often and when a failed attempt is tried again (Temporal's retry policy, with jitter).
public struct RetryPolicy: Codable, Sendable, Equatable {
  /// Milliseconds before the second attempt; default 1 s.
  public var initialIntervalMilliseconds: Int64
  /// Factor from one interval to the next, at least 1; default 2.
  public var backoffCoefficient: Double
  /// Milliseconds no interval exceeds; default 100 s.
  public var maximumIntervalMilliseconds: Int64
  /// Attempts in all, 0 for no limit; default 3.
  public var maximumAttempts: Int32
  /// Failure types that are never tried again, compared by exact name.
  public var nonRetryableErrorTypes: [String]
  /// Full jitter: each interval is drawn evenly between 0 and its computed length.
  public var hasFullJitter: Bool

  public init(
    initialInterval: Duration = .seconds(1), backoffCoefficient: Double = 2, maximumInterval: Duration = .seconds(100),
    maximumAttempts: Int32 = 3, nonRetryableErrorTypes: [String] = [], hasFullJitter: Bool = false
  ) {
    initialIntervalMilliseconds = initialInterval.boundedMilliseconds
    self.backoffCoefficient = max(1, backoffCoefficient)
    maximumIntervalMilliseconds = maximumInterval.boundedMilliseconds
    self.maximumAttempts = max(0, maximumAttempts)
    self.nonRetryableErrorTypes = nonRetryableErrorTypes
    self.hasFullJitter = hasFullJitter
  }

  /// Milliseconds to wait after the given attempt (1 for the first), before jitter: `initial * coefficient^(attempt-1)`, capped.
  public func intervalMilliseconds(afterAttempt attempt: Int32) -> Int64 {
    let cap = min(max(0, maximumIntervalMilliseconds), Limits.durationMilliseconds)
    guard initialIntervalMilliseconds > 0 else { return 0 }
    let interval = Double(initialIntervalMilliseconds) * pow(max(1, backoffCoefficient), Double(max(1, attempt)) - 1)
    return interval < Double(cap) ? Int64(interval) : cap
  }
}

/// What follows a failed attempt; decided in one place for activities in the owner's process and on remote workers alike.
public enum AttemptOutcome: Equatable, Sendable {
  /// Try again after so many milliseconds.
  case retry(afterMilliseconds: Int64)
  /// No further attempt, and why.
  case exhausted(RetryState)

  /// Why no attempt follows.
  public enum RetryState: String, Codable, Sendable {
    case nonRetryableFailure, maximumAttemptsReached, timeout, cancelRequested
  }

  /// - Parameters:
  ///   - attempt: how many attempts failed, this one included; those whose process was lost do not count.
  ///   - lost: how many attempts were lost with their process.
  ///   - elapsedMilliseconds: time since the activity was scheduled.
  ///   - random: a draw from 0 to 1 for full jitter.
  public static func decide(
    failure: Failure, attempt: Int32, lost: Int32 = 0, elapsedMilliseconds: Int64, options: ActivityOptions,
    isCancelRequested: Bool = false, random: Double
  ) -> AttemptOutcome {
    let policy = options.retryPolicy
    if isCancelRequested || failure.kind == .cancelled { return .exhausted(.cancelRequested) }
    if failure.kind == .scheduleToCloseTimeout || failure.kind == .scheduleToStartTimeout { return .exhausted(.timeout) }
    if failure.kind == .workerLost { return afterLoss(lost, policy) }
    if !failure.isRetryable || policy.nonRetryableErrorTypes.contains(failure.type) { return .exhausted(.nonRetryableFailure) }
    if policy.maximumAttempts > 0 && attempt >= policy.maximumAttempts { return .exhausted(.maximumAttemptsReached) }
    var delay = policy.intervalMilliseconds(afterAttempt: attempt)
    if policy.hasFullJitter { delay = Int64(Double(delay) * random) }
    if let asked = failure.nextRetryDelayMilliseconds { delay = min(max(0, asked), Limits.durationMilliseconds) }
    if let total = options.scheduleToCloseMilliseconds, delay >= total - max(0, elapsedMilliseconds) { return .exhausted(.timeout) }
    return .retry(afterMilliseconds: delay)
  }

  /// An attempt that died with its process is repeated at once, but not for ever: it may be what kills the process.
  private static func afterLoss(_ lost: Int32, _ policy: RetryPolicy) -> AttemptOutcome {
    if lost >= Limits.workerLosses { return .exhausted(.maximumAttemptsReached) }
    return .retry(afterMilliseconds: lost <= 3 ? 0 : policy.intervalMilliseconds(afterAttempt: lost - 3))
  }
}
