import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Doubles once a run, so many runs long.
private struct Countdown: Workflow {
  struct Leg: Codable, Sendable {
    var left: Int
    var value = 1
    var runs: [RunID] = []
  }

  func run(_ workflow: Context<Self>, _ leg: Leg) async throws -> [RunID] {
    var next = leg
    next.value = try await workflow.execute(TestSteps.double, leg.value)
    next.left -= 1
    next.runs.append(workflow.info.runID)
    if next.left > 0 { throw workflow.continueAsNew(next) }
    guard next.value == 1 << next.runs.count, workflow.info.firstRunID == next.runs.first else {
      throw ApplicationFailure(type: "Lost", message: "\(next)")
    }
    return next.runs
  }
}

/// Collects words in its second run; they may come in its first.
private struct Collector: Workflow {
  struct State: WorkflowState {
    var isClosed = false
  }

  static let turn = Signal<Self, Nothing>("turn")
  static let word = Signal<Self, String>("word")
  static let close = Signal<Self, Nothing>("close") { state, _ in state.isClosed = true }
  static let handlers: [Handler<Self>] = [.signal(turn), .signal(word), .signal(close)]

  func run(_ workflow: Context<Self>, _ isSecond: Bool) async throws -> [String] {
    guard isSecond else {
      _ = try await workflow.receive(Self.turn)
      throw workflow.continueAsNew(true)
    }
    try await workflow.wait { $0.isClosed }
    var words: [String] = []
    while let word = try await workflow.receive(Self.word, within: .zero) { words.append(word) }
    return words
  }
}

/// Does not stop for a cancellation while it works.
private struct Stubborn: Workflow {
  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ isSecond: Bool) async throws -> Int {
    if isSecond { return try await workflow.execute(TestSteps.double, 1) }
    try await workflow.shielded { _ = try await workflow.receive(Self.go) }
    throw workflow.continueAsNew(true)
  }
}

private struct Endless: Workflow {
  func run(_ workflow: Context<Self>, _ count: Int) async throws -> Int { throw workflow.continueAsNew(count + 1) }
}

private func registry() -> Registry {
  var registry = testRegistry()
  registry.register(Countdown.self)
  registry.register(Collector.self)
  registry.register(Stubborn.self)
  registry.register(Endless.self)
  return registry
}

@Suite("Continue-as-new") struct ContinueAsNewTests {
  @Test func `a run continues as new in one commit, and its result is that of the last of the chain`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Countdown.self, id: "countdown", input: Countdown.Leg(left: 4))
      let runs = try await handle.result()
      #expect(runs.count == 4 && runs.first == handle.runID && runs == runs.sorted())
      let page = try await engine.client.listWorkflows(WorkflowFilter(workflowID: "countdown"))
      #expect(page.items.map(\.runID) == runs.reversed())
      #expect(page.items.map(\.status) == [.completed, .continuedAsNew, .continuedAsNew, .continuedAsNew])
      #expect(
        try await fixture.events(of: runs[1]) == [
          "WorkflowExecutionStarted", "ActivityTaskScheduled", "ActivityTaskCompleted", "WorkflowExecutionContinuedAsNew",
        ])
      // The same transaction ended the one and began the other.
      let together = """
        select count(*) from orchestrator.closes c
        join orchestrator.runs r on r.run_id = (convert_from(c.outcome, 'UTF8')::jsonb ->> 'newExecutionRunId')::uuid
        join orchestrator.history h on h.run_id = r.run_id and h.event_id = 1
        where c.xmin = r.xmin and h.xmin = r.xmin
          and convert_from(h.attributes, 'UTF8')::jsonb ->> 'continuedExecutionRunId' = c.run_id::text
        """
      #expect(try await fixture.count(together) == 3)
      for run in runs {
        let export = try await engine.client.export(run)
        #expect(try Replayer(registry()).replay(export).divergence == nil)
      }
    }
  }

  @Test func `signals without a receiver go on with the chain, each once`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Collector.self, id: "collector", input: false)
      try await handle.signal(Collector.word, "one", requestID: "r1")
      try await handle.signal(Collector.word, "two", requestID: "r2")
      try await handle.signal(Collector.turn, Nothing())
      try await eventually("the second run is open") {
        try await fixture.count("select count(*) from orchestrator.workflows where status = 'Running' and run_id <> '\(handle.runID!)'")
          == 1
      }
      // Its sender got no answer when the first run was open, and asks the second.
      try await handle.signal(Collector.word, "one", requestID: "r1")
      try await handle.signal(Collector.word, "three", requestID: "r3")
      try await handle.signal(Collector.close, Nothing())
      #expect(try await handle.result() == ["one", "two", "three"])
    }
  }

  @Test func `a cancellation that was accepted reaches the next run`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Stubborn.self, id: "stubborn", input: false)
      try await handle.cancel(reason: "enough")
      try await handle.signal(Stubborn.go, Nothing())
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .canceled && failure?.runID != handle.runID)
    }
  }

  @Test func `a chain that never waits is blocked, disturbs nobody, and can be terminated`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Endless.self, id: "endless", input: 0)
      try await eventually("the chain is blocked") {
        try await fixture.text("select string_agg(blocked_code, ',') from orchestrator.workflows where status = 'Blocked'")
          == "blocked-code"
      }
      #expect(
        try await fixture.count("select count(*) from orchestrator.runs where workflow_id = 'endless'")
          == Int64(Limits.continuationsAtOnce + 1))
      let other = try await engine.client.start(Chain.self, id: "other", input: 2)
      #expect(try await other.result() == 4)
      try await engine.client.terminate(WorkflowKey(workflowID: "endless"))
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .terminated)
    }
  }

  @Test func `a chain goes on in another process`() async throws {
    let fixture = try EngineFixture()
    let handle = try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Collector.self, id: "moved", input: false)
      try await handle.signal(Collector.word, "before")
      try await handle.signal(Collector.turn, Nothing())
      return handle
    }
    try await fixture.withEngine(registry()) { engine in
      let second = engine.client.handle(Collector.self, id: handle.key.workflowID)
      try await second.signal(Collector.word, "after")
      try await second.signal(Collector.close, Nothing())
      #expect(try await second.result() == ["before", "after"])
    }
  }
}
