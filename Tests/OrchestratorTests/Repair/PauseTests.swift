import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Semantics "Pause/unpause workflow" of Temporal.
@Suite("Pause of runs") struct PauseTests {
  private let counter = StepCounter()
  private let key = WorkflowKey(workflowID: "it")

  @Test func `pause: while a run is paused its code sees nothing, messages are kept in order`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let handle = try await engine.client.start(Listening.self, id: "it", input: "calm")
      try await eventually("it listens") { try await fixture.events(of: handle.runID).count == 3 }
      try await engine.client.pause(key, reason: "an incident")
      try await eventually("it is paused") { try await engine.client.describe(key).summary.status == .paused }
      for word in ["one", "two", "three"] { try await handle.signal(Listening.word, word) }
      let update = try await handle.startUpdate(Listening.add, 5)
      // Paused twice is paused once.
      try await engine.client.pause(key)
      let described = try await engine.client.describe(key)
      #expect(described.details.paused?.reason == "an incident" && described.summary.status.isOpen)
      #expect(try await engine.client.countWorkflows(query: "ExecutionStatus = 'Paused'").count == 1)
      #expect(try await fixture.events(of: handle.runID).last == "WorkflowExecutionPaused")
      try await engine.client.unpause(key, reason: "over")
      #expect(try await update.result() == 5)
      try await handle.signal(Listening.word, "end")
      #expect(try await handle.result() == "calm: one two three end, 5")
      #expect(try await fixture.events(of: handle.runID).filter { $0.hasSuffix("aused") }.count == 2)
      #expect(try await fixture.count("select count(*) from orchestrator.paused_runs") == 0)
    }
  }

  @Test func `pause: a paused run stays so in another process, which keeps what comes for it`() async throws {
    let fixture = try EngineFixture()
    let run = try await fixture.withEngine(counter.registry()) { engine in
      let handle = try await engine.client.start(Listening.self, id: "it", input: "moved")
      try await eventually("it listens") { try await fixture.events(of: handle.runID).count == 3 }
      try await engine.client.pause(key)
      try await eventually("it is paused") { try await engine.client.describe(key).summary.status == .paused }
      try await handle.signal(Listening.word, "before")
      return handle.runID
    }
    try await fixture.withEngine(counter.registry()) { engine in
      let handle = engine.client.handle(Listening.self, id: "it")
      try await handle.signal(Listening.word, "after")
      #expect(try await fixture.events(of: run).last == "WorkflowExecutionPaused")
      try await engine.client.unpause(key)
      try await handle.signal(Listening.word, "end")
      let result = try await handle.result()
      #expect(result == "moved: before after end, 0")
    }
  }

  @Test func `pause: an activity that runs ends, and its outcome waits, also for another process`() async throws {
    let fixture = try EngineFixture()
    let gate = Gate()
    var registry = counter.registry()
    registry.register(Held.self)
    registry.implement(Held.step) { value, _ in
      await gate.wait()
      return value + self.counter.ran("held")
    }
    try await fixture.withEngine(registry) { engine in
      try await engine.client.start(Held.self, id: "it", input: 41)
      try await eventually("it waits") { await gate.isAwaited }
      try await engine.client.pause(key)
      try await eventually("it is paused") { try await engine.client.describe(key).summary.status == .paused }
      await gate.open()
      try await eventually("its outcome is kept") { try await fixture.count("select count(*) from orchestrator.inbox where kind = 5") == 1 }
      #expect(try await engine.client.describe(key).summary.status == .paused)
    }
    try await fixture.withEngine(registry) { engine in
      try await engine.client.unpause(key)
      #expect(try await engine.client.handle(Held.self, id: "it").result() == 42)
      #expect(counter["held"] == 1)
    }
  }

  @Test func `pause: a timer that comes due waits, and fires when the run goes on`() async throws {
    let fixture = try EngineFixture()
    var registry = counter.registry()
    registry.register(Approval.self)
    try await fixture.withEngine(registry) { engine in
      let handle = try await engine.client.start(Approval.self, id: "it", input: 300)
      try await engine.client.pause(key)
      try await eventually("it is paused") { try await engine.client.describe(key).summary.status == .paused }
      try await eventually("the timer is due") { try await fixture.count("select count(*) from orchestrator.timers") == 0 }
      #expect(try await fixture.events(of: handle.runID).last == "WorkflowExecutionPaused")
      try await engine.client.unpause(key)
      #expect(try await handle.result() == "expired")
    }
  }

  @Test func `pause: a paused run can be terminated and reset`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let handle = try await engine.client.start(Listening.self, id: "it", input: "reset")
      try await eventually("it listens") { try await fixture.events(of: handle.runID).count == 3 }
      try await engine.client.pause(key)
      try await handle.signal(Listening.word, "kept")
      try await engine.client.reset(key, to: .event(3))
      // The kept part is not paused, nor is the run that goes on.
      try await eventually("it goes on") { try await engine.client.describe(key).summary.status == .running }
      try await engine.client.pause(key)
      try await eventually("it is paused") { try await engine.client.describe(key).summary.status == .paused }
      try await engine.client.terminate(key)
      try await eventually("it is terminated") { try await engine.client.describe(key).summary.status == .terminated }
      #expect(try await fixture.count("select count(*) from orchestrator.paused_runs") == 0)
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
    }
  }
}

private struct Held: Workflow {
  static let step = Activity<Int, Int>("held")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}

private actor Gate {
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private var isOpen = false
  var isAwaited: Bool { !waiters.isEmpty }

  func wait() async {
    if !isOpen { await withCheckedContinuation { waiters.append($0) } }
  }

  func open() {
    isOpen = true
    for waiter in waiters { waiter.resume() }
    waiters = []
  }
}
