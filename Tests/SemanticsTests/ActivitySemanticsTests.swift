import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

/// One step with the options that its input says.
private struct OneStep: Workflow {
  static let step = Activity<String, String>("step")

  func run(_ workflow: Context<Self>, _ options: ActivityOptions) async throws -> String {
    try await workflow.execute(Activity<String, String>(Self.step.name, options), "input")
  }
}

/// What Temporal's users know of activities, a sentence each, in virtual time: what should take 32 seconds takes 32 seconds.
@Suite struct ActivitySemanticsTests {
  init() { Log.setLevel(.none) }

  private typealias Step = MockActivity<String, String>
  private static let busy = ApplicationFailure(type: "Busy", message: "later")

  /// How a run with one step ended.
  private struct Ending {
    var result: String?
    /// What the step failed with.
    var failure: Failure?
    var seconds: Double
    var attempts: Int
  }

  private func run(_ step: Step, _ options: ActivityOptions) async throws -> Ending {
    let environment = try await TestEnvironment(workflows: [OneStep.self], activities: [step])
    let begin = environment.now
    let run = try await environment.start(OneStep.self, options)
    var ending = Ending(seconds: 0, attempts: 0)
    do {
      ending.result = try await run.result()
    } catch let error as WorkflowFailure {
      ending.failure = error.failure?.cause.first
    }
    ending.seconds = environment.now.timeIntervalSince(begin)
    ending.attempts = step.callCount
    return ending
  }

  private func policy(
    _ initial: Duration = .seconds(1), _ coefficient: Double = 2, maximum: Duration = .seconds(100), attempts: Int32 = 0,
    nonRetryable: [String] = []
  ) -> RetryPolicy {
    RetryPolicy(
      initialInterval: initial, backoffCoefficient: coefficient, maximumInterval: maximum, maximumAttempts: attempts,
      nonRetryableErrorTypes: nonRetryable)
  }

  @Test func `Start-to-close: an attempt that lasts longer is timed out, and another one is made`() async throws {
    let ending = try await run(
      Step(OneStep.step, script: [.timesOut], returns: "done"),
      ActivityOptions(startToClose: .seconds(30), retryPolicy: policy(.seconds(2))))
    #expect(ending.result == "done" && ending.seconds == 32 && ending.attempts == 2)
  }

  @Test func `Schedule-to-close: all attempts and the waiting between them; what would end later is not begun`() async throws {
    let ending = try await run(
      Step(OneStep.step, script: Array(repeating: .fails(Self.busy), count: 50), returns: "done"),
      ActivityOptions(scheduleToClose: .seconds(10), retryPolicy: policy()))
    // Attempts after 0, 1, 3 and 7 seconds; the next one would begin after 15.
    #expect(ending.failure?.type == "Busy" && ending.seconds == 7 && ending.attempts == 4)
  }

  @Test func `Schedule-to-close ends an attempt that is under way, and is not retried`() async throws {
    let ending = try await run(
      Step(OneStep.step, script: [.timesOut], returns: "done"),
      ActivityOptions(startToClose: .seconds(600), scheduleToClose: .seconds(10), retryPolicy: policy()))
    #expect(ending.failure?.kind == .scheduleToCloseTimeout && ending.seconds == 10 && ending.attempts == 1)
  }

  @Test func `Heartbeat timeout: silence counts as a dead attempt long before its time is up`() async throws {
    let ending = try await run(
      Step(OneStep.step, script: [.timesOut], returns: "done"),
      ActivityOptions(startToClose: .hours(10), heartbeat: .seconds(5), retryPolicy: policy()))
    #expect(ending.result == "done" && ending.seconds == 6 && ending.attempts == 2)
  }

  @Test func `Heartbeat details: the next attempt is told how far the one before came`() async throws {
    var registry = Registry()
    registry.implement(OneStep.step) { _, context in
      guard let line = context.heartbeatDetails(Int.self) else {
        try context.heartbeat(17)
        throw Self.busy
      }
      return "went on at line \(line)"
    }
    let environment = try await TestEnvironment(workflows: [OneStep.self], registry: registry)
    #expect(try await environment.start(OneStep.self, ActivityOptions()).result() == "went on at line 17")
  }

  @Test func `Retry policy: the interval grows by the coefficient up to its maximum, without jitter, until attempts run out`() async throws
  {
    let ending = try await run(
      Step(OneStep.step, script: Array(repeating: .fails(Self.busy), count: 5), returns: "done"),
      ActivityOptions(retryPolicy: policy(maximum: .seconds(5), attempts: 5)))
    #expect(ending.failure?.type == "Busy" && ending.seconds == 1 + 2 + 4 + 5 && ending.attempts == 5)
  }

  @Test func `Retry policy: no maximum of attempts means that they go on`() async throws {
    let ending = try await run(
      Step(OneStep.step, script: Array(repeating: .fails(Self.busy), count: 200), returns: "done"),
      ActivityOptions(retryPolicy: policy(.milliseconds(10), 1)))
    #expect(ending.result == "done" && ending.attempts == 201)
  }

  @Test func `Non-retryable: by the failure itself, or by its type in the policy`() async throws {
    let final = ApplicationFailure(type: "Wrong", message: "never", isRetryable: false)
    let byFailure = try await run(Step(OneStep.step, script: [.fails(final)], returns: "done"), ActivityOptions(retryPolicy: policy()))
    #expect(byFailure.failure?.type == "Wrong" && byFailure.attempts == 1)
    let byType = try await run(
      Step(OneStep.step, script: [.fails(Self.busy)], returns: "done"), ActivityOptions(retryPolicy: policy(nonRetryable: ["Busy"])))
    #expect(byType.failure?.type == "Busy" && byType.attempts == 1)
  }

  @Test func `Next retry delay: takes the place of the policy's interval and its maximum, and counts as an attempt`() async throws {
    let asked = ApplicationFailure(type: "Busy", message: "in a minute", nextRetryDelay: .seconds(60))
    let ending = try await run(
      Step(OneStep.step, script: [.fails(asked), .fails(asked)], returns: "done"),
      ActivityOptions(retryPolicy: policy(maximum: .seconds(2), attempts: 2)))
    #expect(ending.failure?.type == "Busy" && ending.seconds == 60 && ending.attempts == 2)
    let tooLate = try await run(
      Step(OneStep.step, script: [.fails(asked)], returns: "done"), ActivityOptions(scheduleToClose: .seconds(30), retryPolicy: policy()))
    #expect(tooLate.failure?.type == "Busy" && tooLate.attempts == 1)
  }

  @Test func `Cancellation and retries: a step whose cancellation was asked for is never tried again`() async throws {
    let step = Step(OneStep.step, script: [.fails(Self.busy)], returns: "done")
    let environment = try await TestEnvironment(workflows: [OneStep.self], activities: [step])
    let run = try await environment.start(OneStep.self, ActivityOptions(retryPolicy: policy(.hours(1))))
    try await environment.advance(by: .minutes(1))
    try await run.cancel()
    let failure = await #expect(throws: WorkflowFailure.self) { try await run.result() }
    #expect(failure?.status == .canceled && step.callCount == 1)
    try await environment.advance(by: .hours(2))
    #expect(step.callCount == 1)
  }

  @Test func `Asynchronous completion: a step is completed or failed by hand, whatever its attempt does`() async throws {
    for isCompleted in [true, false] {
      let step = Step(OneStep.step, script: [.timesOut], returns: "done")
      let environment = try await TestEnvironment(workflows: [OneStep.self], activities: [step])
      let run = try await environment.start(OneStep.self, ActivityOptions(startToClose: .hours(1)))
      if isCompleted {
        try await run.complete(OneStep.step, with: "by hand")
        #expect(try await run.result() == "by hand")
      } else {
        try await run.fail(OneStep.step, reason: "the file is gone")
        let failure = await #expect(throws: WorkflowFailure.self) { try await run.result() }
        #expect(failure?.failure?.cause.first?.type == "FailedByOperator")
      }
      #expect(step.callCount == 1)
    }
  }

  @Test func `Parked steps: one without attempts left waits for an operator, and the run goes on where it stood`() async throws {
    let step = Step(OneStep.step, script: [.fails(Self.busy), .fails(Self.busy)], returns: "done")
    let environment = try await TestEnvironment(workflows: [OneStep.self], activities: [step])
    let run = try await environment.start(OneStep.self, ActivityOptions(retryPolicy: policy(attempts: 2), onExhausted: .park))
    try await environment.advance(by: .days(3))
    #expect(step.callCount == 2)
    try await run.retry(OneStep.step)
    #expect(try await run.result() == "done")
  }
}
