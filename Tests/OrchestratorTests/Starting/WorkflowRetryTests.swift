import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Runs a child that may be tried three times.
private struct RetryingParent: Workflow {
  func run(_ workflow: Context<Self>, _ succeedsAt: Int) async throws -> Int {
    let policy = RetryPolicy(initialInterval: .milliseconds(10), maximumAttempts: 3)
    return try await workflow.child(Stumbling.self, .init(succeedsAt: succeedsAt), options: StartOptions(retryPolicy: policy))
  }
}

/// Its first step fails for ever, so the activity's failure is what fails it.
private struct FailingStep: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    workflow.info.attempt == 2 ? 2 : try await workflow.execute(TestSteps.failing, 9)
  }
}

private func registry() -> Registry {
  var registry = startingRegistry()
  registry.register(RetryingParent.self)
  registry.register(FailingStep.self)
  return registry
}

@Suite("Workflow retry") struct WorkflowRetryTests {
  private static let quick = RetryPolicy(initialInterval: .milliseconds(20), maximumInterval: .milliseconds(200), maximumAttempts: 4)

  @Test func `a run that fails is not tried again unless its start asks for it`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Stumbling.self, id: "once", input: .init(succeedsAt: 2))
      await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(try await fixture.statuses(of: "once") == "Failed")
    }
  }

  @Test func `a failed run is tried again as a new run of its workflow id, and the handle's result is that of the last try`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(
        Stumbling.self, id: "again", input: .init(succeedsAt: 3), options: StartOptions(retryPolicy: Self.quick))
      #expect(try await handle.result() == 3)
      #expect(try await fixture.statuses(of: "again") == "Failed Failed Completed")
      // Each end names the run that goes on, which names it, in one transaction; and waited for its backoff: 20 ms, 40 ms.
      #expect(
        try await fixture.count(
          """
          select count(*) from orchestrator.history f join orchestrator.history s
            on s.run_id::text = convert_from(f.attributes, 'UTF8')::jsonb ->> 'newExecutionRunId' and s.event_id = 1 and s.xmin = f.xmin
            and convert_from(s.attributes, 'UTF8')::jsonb ->> 'continuedExecutionRunId' = f.run_id::text
          where f.type = 3 and convert_from(f.attributes, 'UTF8')::jsonb ->> 'retryState' = 'inProgress'
          """) == 2)
      #expect(
        try await fixture.text(
          """
          select string_agg((convert_from(attributes, 'UTF8')::jsonb #>> '{options,startDelayMilliseconds}'), ' ' order by run_id)
          from orchestrator.history where type = 1
          """) == "20 40")
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `the last failure counts when no try is left, and the closing event says why none is`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      func end(_ id: String, _ input: Stumbling.Input, _ policy: RetryPolicy) async throws -> String {
        let handle = try await engine.client.start(Stumbling.self, id: id, input: input, options: StartOptions(retryPolicy: policy))
        let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
        let state = try await fixture.text(
          "select attributes ->> 'retryState' from orchestrator.events where run_id = '\(failure!.runID)' order by event_id desc limit 1")
        return "\(failure?.failure?.message ?? "-"), \(state)"
      }
      let limited = try await end("limited", .init(succeedsAt: 9), Self.quick)
      #expect(limited == "try 4, maximumAttemptsReached")
      let final = try await end("final", .init(succeedsAt: 9, isRetryable: false), Self.quick)
      #expect(final == "try 1, nonRetryableFailure")
      var policy = Self.quick
      policy.nonRetryableErrorTypes = ["Hopeless"]
      let listed = try await end("listed", .init(succeedsAt: 9, failure: "Hopeless"), policy)
      #expect(listed == "try 1, nonRetryableFailure")
    }
  }

  @Test func `what a failure asks to wait replaces the backoff, up to the policy's longest interval`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      for (asked, waits) in [(50, "50"), (60_000, "200")] {
        let handle = try await engine.client.start(
          Stumbling.self, id: "asked \(asked)", input: .init(succeedsAt: 2, nextRetryDelayMilliseconds: asked),
          options: StartOptions(retryPolicy: Self.quick))
        #expect(try await handle.result() == 2)
        #expect(
          try await fixture.text(
            """
            select convert_from(h.attributes, 'UTF8')::jsonb #>> '{options,startDelayMilliseconds}'
            from orchestrator.history h join orchestrator.runs r using (run_id)
            where h.type = 1 and r.workflow_id = 'asked \(asked)' order by r.run_id desc limit 1
            """) == waits)
      }
    }
  }

  @Test func `a run that times out is tried again until the execution timeout, which spans all tries`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let policy = RetryPolicy(initialInterval: .milliseconds(10), backoffCoefficient: 1, maximumAttempts: 0)
      let handle = try await engine.client.start(
        Sleeper.self, id: "tired", input: 1,
        options: StartOptions(executionTimeout: .milliseconds(1500), runTimeout: .milliseconds(400), retryPolicy: policy))
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .timedOut && failure?.failure?.message.contains("execution timeout") == true)
      let statuses = try await fixture.statuses(of: "tired").split(separator: " ")
      #expect(statuses.count >= 3 && statuses.allSatisfy { $0 == "TimedOut" })
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `a parent waits for the last try of its child`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      #expect(try await engine.client.start(RetryingParent.self, id: "parent", input: 3).result() == 3)
      let failing = try await engine.client.start(RetryingParent.self, id: "parent of none", input: 9)
      await #expect(throws: WorkflowFailure.self) { try await failing.result() }
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `a run that an activity's failure failed is tried again, one that is asked to cancel is not`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(FailingStep.self, id: "step", input: 1, options: StartOptions(retryPolicy: Self.quick))
      #expect(try await handle.result() == 2)
      let patient = try await engine.client.start(Patient.self, id: "cancelled", input: "", options: StartOptions(retryPolicy: Self.quick))
      try await patient.cancel()
      let failure = await #expect(throws: WorkflowFailure.self) { try await patient.result() }
      #expect(failure?.status == .canceled)
      #expect(try await fixture.statuses(of: "cancelled") == "Canceled")
    }
  }

  @Test func `signals that no code received, and those that come between two tries, reach the next one`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let policy = RetryPolicy(initialInterval: .milliseconds(700), maximumAttempts: 2)
      let handle = try await engine.client.start(Patient.self, id: "signaled", input: "hello", options: StartOptions(retryPolicy: policy))
      try await handle.signal(Patient.word, "fail")
      try await eventually("the next try stands") { try await fixture.statuses(of: "signaled") == "Failed Running" }
      try await handle.signal(Patient.word, "world")
      #expect(try await handle.result() == "hello world")
      try await engine.replayAll(fixture, registry())
    }
  }
}
