import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Semantics "Pause/unpause" of activities, of Temporal.
@Suite("Pauses of activities") struct ActivityPauseTests {
  @Test func `activity pause: no attempt of a paused type begins, others do, and nothing counts as a failure`() async throws {
    let fixture = try EngineFixture()
    let flaky = Flakiness()
    try await fixture.withEngine(flaky.registry()) { engine in
      let client = engine.client
      let handle = try await client.start(Flaky.self, id: "flaky", input: 1)
      try await eventually("it is tried") { flaky.attempts >= 2 }
      try await client.pauseActivityType("flaky-step", reason: "the service is down")
      try await client.pauseActivityType("flaky-step")
      let pending = try await fixture.pending(of: "flaky", becomes: .paused, client)
      #expect(pending.paused?.reason == "the service is down" && pending.activityType == "flaky-step")
      #expect(try await client.describe(handle.key).summary.waitsFor == "somebody to resume activity flaky-step (1)")
      let before = (flaky.attempts, try await fixture.count("select count(*) from orchestrator.activity_attempts"))
      // A run that begins now waits too; steps of other types in the same queue do not.
      let late = try await client.start(Flaky.self, id: "late", input: 2)
      for number in 1...5 { #expect(try await client.start(Calm.self, id: "calm-\(number)", input: number).result() == number) }
      _ = try await fixture.pending(of: "late", becomes: .paused, client)
      #expect(flaky.attempts == before.0)
      #expect(try await fixture.count("select count(*) from orchestrator.activity_attempts") == before.1)
      #expect(try await client.activityPauses().map(\.activityType) == ["flaky-step"])
      flaky.isMended = true
      #expect(try await !client.resumeActivityType("flaky-step", taskQueue: "other"))
      #expect(try await client.resumeActivityType("flaky-step"))
      #expect(try await handle.result() == 1)
      #expect(try await late.result() == 2)
      #expect(try await client.activityPauses().isEmpty)
      #expect(try await fixture.count("select count(*) from orchestrator.activity_attempts") == before.1)
    }
  }

  @Test func `activity pause: attempts under way end, those that wait for a place do not begin`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.withEngine(crowd.registry(taking: .milliseconds(300)), serving: ["default": 1]) { engine in
      let input = Spread.Input(queue: "default", priorities: [nil, nil, nil, nil])
      let handle = try await engine.client.start(Spread.self, id: "spread", input: input)
      try await eventually("one runs") { crowd.order.count == 1 }
      try await engine.client.pauseActivityType("spread-step", taskQueue: "default")
      try await eventually("the others are held") { try await fixture.held() + Int64(crowd.order.count) == 4 }
      let begun = crowd.order.count
      try await eventually("it has ended") {
        try await fixture.count("select count(*) from orchestrator.history where type = 12") == begun
      }
      #expect(crowd.order.count == begun && begun < 4)
      try await engine.client.resumeActivityType("spread-step", taskQueue: "default")
      #expect(try await handle.result() == 6)
      #expect(crowd.order.count == 4)
    }
  }

  @Test func `activity pause: workers of other processes and polls get no task of a paused type`() async throws {
    let fixture = try EngineFixture()
    let flaky = Flakiness()
    try await fixture.withEngine(flaky.registry(), serving: [:]) { engine in
      let tasks = RemoteTasks(engine.client)
      try await engine.client.pauseActivityType("flaky-step")
      let handle = try await engine.client.start(Flaky.self, id: "flaky", input: 1)
      try await eventually("it is held") { try await fixture.held() == 1 }
      #expect(try await tasks.poll("default", worker: "w", maximum: 5, lease: .seconds(5), wait: .milliseconds(50)).isEmpty)
      try await fixture.withWorker(["default": 5], flaky.registry()) { _ in
        #expect(try await engine.client.start(Calm.self, id: "calm", input: 3).result() == 3)
        #expect(flaky.attempts == 0)
        try await engine.client.resumeActivityType("flaky-step")
        try await eventually("it is tried") { flaky.attempts >= 1 }
        // Between two attempts of a worker, too.
        try await engine.client.pauseActivityType("flaky-step")
        _ = try await fixture.pending(of: "flaky", becomes: .paused, engine.client)
        flaky.isMended = true
        try await engine.client.resumeActivityType("flaky-step")
        #expect(try await handle.result() == 1)
      }
    }
  }

  @Test func `activity pause: a single activity stands still, in another process too, and others of its type go on`() async throws {
    let fixture = try EngineFixture()
    let flaky = Flakiness()
    let key = WorkflowKey(workflowID: "one")
    try await fixture.withEngine(flaky.registry()) { engine in
      try await engine.client.start(Flaky.self, id: "one", input: 1)
      try await eventually("it is tried") { flaky.attempts >= 1 }
      try await engine.client.pauseActivity(key, sequence: 1, reason: "look at it first")
      _ = try await fixture.pending(of: "one", becomes: .paused, engine.client)
      await #expect(throws: OrchestratorError.self) { try await engine.client.pauseActivity(key, sequence: 7) }
    }
    flaky.isMended = true
    try await fixture.withEngine(flaky.registry()) { engine in
      #expect(try await engine.client.start(Flaky.self, id: "two", input: 2).result() == 2)
      let pending = try await fixture.pending(of: "one", becomes: .paused, engine.client)
      #expect(pending.paused?.reason == "look at it first")
      #expect(try await engine.client.resumeActivity(key, sequence: 1))
      #expect(try await engine.client.handle(Flaky.self, id: "one").result() == 1)
      #expect(try await !engine.client.resumeActivityType("flaky-step"))
    }
  }

  @Test func `activity pause: the schedule-to-close timeout goes on meanwhile`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Flakiness().registry()) { engine in
      try await engine.client.pauseActivityType("flaky-step")
      try await eventually("owners know it") {
        try await engine.client.start(Calm.self, id: "calm-\(UUID())", input: 1).result() == 1
      }
      let handle = try await engine.client.start(Hurried.self, id: "hurried", input: 1)
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.failure?.cause.first?.type == "ScheduleToCloseTimeout")
    }
  }
}

extension EngineFixture {
  /// Tasks that no lease takes.
  fileprivate func held() async throws -> Int64 { try await count("select count(*) from orchestrator.activity_tasks where state = 3") }

  /// The first pending activity of a workflow once it stands so.
  fileprivate func pending(of id: String, becomes state: PendingActivity.State, _ client: Client) async throws -> PendingActivity {
    let key = WorkflowKey(workflowID: id)
    try await eventually("\(id) is \(state)") { try await client.describe(key).details.pendingActivities.first?.state == state }
    return try #require(try await client.describe(key).details.pendingActivities.first)
  }
}

/// A step that fails until it is mended.
private final class Flakiness: Sendable {
  private let state = Mutex((attempts: 0, isMended: false))

  var attempts: Int { state.withLock { $0.attempts } }
  var isMended: Bool {
    get { state.withLock { $0.isMended } }
    set { state.withLock { $0.isMended = newValue } }
  }

  func registry() -> Registry {
    var registry = Registry()
    registry.register(Flaky.self)
    registry.register(Hurried.self)
    registry.register(Calm.self)
    registry.implement(Flaky.step) { value, _ in
      self.state.withLock { $0.attempts += 1 }
      guard self.isMended else { throw ApplicationFailure(type: "Down", message: "not yet") }
      return value
    }
    registry.implement(Calm.step) { value, _ in value }
    return registry
  }
}

private struct Flaky: Workflow {
  static let step = Activity<Int, Int>(
    "flaky-step",
    ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(20), backoffCoefficient: 1, maximumAttempts: 0)))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}

private struct Hurried: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    var options = Flaky.step.options
    options.scheduleToCloseMilliseconds = 700
    return try await workflow.execute(Flaky.step, input, options: options)
  }
}

private struct Calm: Workflow {
  static let step = Activity<Int, Int>("calm-step")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}
