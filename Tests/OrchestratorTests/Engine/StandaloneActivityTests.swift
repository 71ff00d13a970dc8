import TestSupport
import Testing

@testable import Orchestrator

/// A durable job without a workflow: what holds for a step holds for it.
@Suite struct StandaloneActivityTests {
  @Test func `A job runs to its result, with the retries of its declaration, and its id is taken while it runs`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let job = try await engine.client.start(TestSteps.double, id: "job", input: 21)
      #expect(try await job.result() == 42)
      #expect(try await engine.client.handle(TestSteps.double, id: "job").result() == 42)
      #expect(
        try await fixture.events(of: job.runID) == [
          "WorkflowExecutionStarted", "ActivityTaskScheduled", "ActivityTaskCompleted", "WorkflowExecutionCompleted",
        ])
      let parked = try await engine.client.start(TestSteps.parking, id: "parked", input: 1)
      try await eventually("it is parked") {
        try await fixture.count("select count(*) from orchestrator.parked_activities") == 1
      }
      let error = await #expect(throws: OrchestratorError.self) { try await engine.client.start(TestSteps.double, id: "parked", input: 1) }
      #expect(error?.code == .workflowAlreadyStarted)
      try await engine.client.commandActivity(parked.key, sequence: 1, .complete(Payload(json: Array("7".utf8))))
      #expect(try await parked.result() == 7)
    }
  }

  @Test func `A job that fails tells its failure, one that is cancelled ends so`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let options = ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(1), maximumAttempts: 2))
      let failing = try await engine.client.start(TestSteps.failing, id: "failing", input: 99, options: options)
      let failure = await #expect(throws: WorkflowFailure.self) { try await failing.result() }
      #expect(failure?.status == .failed && failure?.failure?.cause.isEmpty == false)
      #expect(try await fixture.count("select count(*) from orchestrator.activity_attempts") == 2)
      let elsewhere = ActivityOptions(taskQueue: "nobody-serves-it")
      let waiting = try await engine.client.start(TestSteps.double, id: "waiting", input: 1, options: elsewhere)
      try await waiting.cancel()
      let cancelled = await #expect(throws: WorkflowFailure.self) { try await waiting.result() }
      #expect(cancelled?.status == .canceled)
      #expect(try await fixture.count("select count(*) from orchestrator.activity_tasks") == 0)
    }
  }
}
