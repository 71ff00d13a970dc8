/// Whether a run that did not complete is tried again.
enum WorkflowRetry {
  /// - Parameters:
  ///   - attempt: of the run that ended, from 1.
  ///   - expiresAt: when the time of the chain is over; this and `now` in microseconds since the Unix epoch.
  ///   - random: a draw from 0 to 1 for full jitter.
  static func decide(
    _ failure: Failure, policy: RetryPolicy, attempt: Int32, now: Int64, expiresAt: Int64?, isCancelRequested: Bool, random: Double
  ) -> AttemptOutcome {
    // What the failing side asks for is no longer than the policy's own waits here, as in Temporal; an activity waits as long as asked.
    var failure = failure
    failure.nextRetryDelayMilliseconds = failure.nextRetryDelayMilliseconds.map { min($0, max(0, policy.maximumIntervalMilliseconds)) }
    // An activity without attempts left, or a child, says nothing about another run.
    if [Failure.ofActivity, Failure.ofChild].contains(failure.type), !failure.cause.isEmpty { failure.isRetryable = true }
    // How long runs may take is not the activities' time limit: only the end of the chain's time counts.
    var options = ActivityOptions(retryPolicy: policy)
    options.scheduleToCloseMilliseconds = expiresAt.map { max(0, $0 - now) / 1000 }
    return AttemptOutcome.decide(
      failure: failure, attempt: attempt, elapsedMilliseconds: 0, options: options, isCancelRequested: isCancelRequested, random: random)
  }
}

extension AttemptOutcome {
  /// As the closing event records it.
  var name: String {
    switch self {
    case .retry: "inProgress"
    case .exhausted(let state): state.rawValue
    }
  }
}
