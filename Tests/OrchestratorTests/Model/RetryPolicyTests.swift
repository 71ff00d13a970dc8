import Testing

@testable import Orchestrator

/// When a failed attempt is tried again, and when it is not.
struct RetryPolicyTests {
  @Test(
    "an interval is initial * coefficient^(attempt - 1), capped",
    arguments: [
      (RetryPolicy(), 1, 1000), (RetryPolicy(), 2, 2000), (RetryPolicy(), 7, 64_000), (RetryPolicy(), 8, 100_000),
      (RetryPolicy(), .max, 100_000), (RetryPolicy(), 0, 1000), (RetryPolicy(), -5, 1000),
      (RetryPolicy(backoffCoefficient: 1), 1_000_000, 1000),
      (RetryPolicy(backoffCoefficient: 0.1), 50, 1000),
      (RetryPolicy(backoffCoefficient: 1.5), 3, 2250),
      (RetryPolicy(backoffCoefficient: .infinity), 2, 100_000),
      (RetryPolicy(initialInterval: .zero), .max, 0),
      (RetryPolicy(initialInterval: .seconds(-3)), 4, 0),
      (RetryPolicy(initialInterval: .seconds(200)), 1, 100_000),
      (RetryPolicy(initialInterval: .seconds(Int64.max), maximumInterval: .seconds(Int64.max)), 9, Limits.durationMilliseconds),
    ] as [(RetryPolicy, Int32, Int64)])
  func interval(_ policy: RetryPolicy, _ attempt: Int32, _ expected: Int64) {
    #expect(policy.intervalMilliseconds(afterAttempt: attempt) == expected)
  }

  @Test("a policy read from a row with nonsense in it neither traps nor spins")
  func nonsense() throws {
    let text = #"{"initialIntervalMilliseconds":9223372036854775807,"backoffCoefficient":-1e300,"maximumIntervalMilliseconds":-1,"#
    let rest = #""maximumAttempts":-7,"nonRetryableErrorTypes":[],"hasFullJitter":true}"#
    let policy = try PayloadCodec.decode(RetryPolicy.self, from: Payload(json: Array((text + rest).utf8)))
    #expect(policy.intervalMilliseconds(afterAttempt: .max) == 0)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var failure = Failure(type: "Broken", message: "")
    var attempt: Int32 = 1
    var lost: Int32 = 0
    var elapsed: Int64 = 0
    var options = ActivityOptions()
    var isCancelRequested = false
    var random = 0.5
    let expected: AttemptOutcome

    init(_ description: String, _ expected: AttemptOutcome, _ change: (inout Case) -> Void = { _ in }) {
      testDescription = description
      self.expected = expected
      change(&self)
    }
  }

  static let cases = [
    Case("a first failure", .retry(afterMilliseconds: 1000)),
    Case("a second failure", .retry(afterMilliseconds: 2000)) { $0.attempt = 2 },
    Case("the last attempt", .exhausted(.maximumAttemptsReached)) { $0.attempt = 3 },
    Case("no limit of attempts", .retry(afterMilliseconds: 100_000)) {
      $0.attempt = .max
      $0.options.retryPolicy.maximumAttempts = 0
    },
    Case("cancellation requested", .exhausted(.cancelRequested)) { $0.isCancelRequested = true },
    Case("cancellation reported", .exhausted(.cancelRequested)) { $0.failure.kind = .cancelled },
    Case("schedule-to-close timeout", .exhausted(.timeout)) { $0.failure.kind = .scheduleToCloseTimeout },
    Case("schedule-to-start timeout", .exhausted(.timeout)) { $0.failure.kind = .scheduleToStartTimeout },
    Case("start-to-close timeout", .retry(afterMilliseconds: 1000)) { $0.failure.kind = .startToCloseTimeout },
    Case("heartbeat timeout", .retry(afterMilliseconds: 1000)) { $0.failure.kind = .heartbeatTimeout },
    Case("a lost worker is followed at once", .retry(afterMilliseconds: 0)) {
      $0.failure.kind = .workerLost
      $0.lost = 3
      $0.attempt = 99
    },
    Case("a fourth loss is followed after an interval", .retry(afterMilliseconds: 1000)) {
      $0.failure.kind = .workerLost
      $0.lost = 4
    },
    Case("too many losses", .exhausted(.maximumAttemptsReached)) {
      $0.failure.kind = .workerLost
      $0.lost = Limits.workerLosses
    },
    Case("not retryable by its own word", .exhausted(.nonRetryableFailure)) { $0.failure.isRetryable = false },
    Case("not retryable by the policy", .exhausted(.nonRetryableFailure)) {
      $0.options.retryPolicy.nonRetryableErrorTypes = ["Broken"]
    },
    Case("types compare by their exact name", .retry(afterMilliseconds: 1000)) {
      $0.options.retryPolicy.nonRetryableErrorTypes = ["broken", "Broke", "BrokenToo"]
    },
    Case("full jitter", .retry(afterMilliseconds: 500)) { $0.options.retryPolicy.hasFullJitter = true },
    Case("asked delay wins over formula, jitter and cap", .retry(afterMilliseconds: 500_000)) {
      $0.options.retryPolicy.hasFullJitter = true
      $0.failure.nextRetryDelayMilliseconds = 500_000
    },
    Case("asked delay below zero", .retry(afterMilliseconds: 0)) { $0.failure.nextRetryDelayMilliseconds = -1 },
    Case("asked delay beyond all time", .retry(afterMilliseconds: Limits.durationMilliseconds)) {
      $0.failure.nextRetryDelayMilliseconds = .max
    },
    Case("asked delay beyond all time against a total", .exhausted(.timeout)) {
      $0.failure.nextRetryDelayMilliseconds = .max
      $0.elapsed = .max
      $0.options.scheduleToCloseMilliseconds = 60_000
    },
    Case("asked delay still counts attempts", .exhausted(.maximumAttemptsReached)) {
      $0.attempt = 3
      $0.failure.nextRetryDelayMilliseconds = 1
    },
    Case("the next attempt would begin in time", .retry(afterMilliseconds: 1000)) {
      $0.elapsed = 58_999
      $0.options.scheduleToCloseMilliseconds = 60_000
    },
    Case("the next attempt would begin at the end", .exhausted(.timeout)) {
      $0.elapsed = 59_000
      $0.options.scheduleToCloseMilliseconds = 60_000
    },
  ]

  @Test("decides what follows a failed attempt", arguments: cases)
  func decision(_ test: Case) {
    #expect(
      AttemptOutcome.decide(
        failure: test.failure, attempt: test.attempt, lost: test.lost, elapsedMilliseconds: test.elapsed, options: test.options,
        isCancelRequested: test.isCancelRequested, random: test.random) == test.expected)
  }
}
