import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Starts a sleeper that may sleep for a while only, and tells how it ended.
private struct Guardian: Workflow {
  func run(_ workflow: Context<Self>, _ milliseconds: Int) async throws -> String {
    do {
      _ = try await workflow.child(Sleeper.self, 1, options: StartOptions(runTimeout: .milliseconds(milliseconds)))
      return "it ended"
    } catch let failure as ChildWorkflowFailure {
      return "\(failure.kind) \(failure.failure?.type ?? "-")"
    }
  }
}

/// Has a child and a remote activity open when its time is over.
private struct Busy: Workflow {
  static let elsewhere = Activity<Int, Int>("elsewhere", ActivityOptions(taskQueue: "elsewhere"))

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    _ = try await workflow.startChild(Sleeper.self, id: "busy child", 1)
    return try await workflow.execute(Self.elsewhere, number)
  }
}

/// Collects so many words, and answers.
private struct Punctual: Workflow {
  static let word = Signal<Self, String>("word")
  static let ask = Update<Self, String, String>("ask") { _, word in word.uppercased() }
  static let handlers: [Handler<Self>] = [.signal(word), .update(ask)]

  func run(_ workflow: Context<Self>, _ expected: Int) async throws -> [String] {
    var words: [String] = []
    for _ in 0..<expected { words.append(try await workflow.receive(Self.word)) }
    return words
  }
}

private func registry() -> Registry {
  var registry = startingRegistry()
  registry.register(Guardian.self)
  registry.register(Busy.self)
  registry.register(Punctual.self)
  return registry
}

@Suite("Timeouts and delays of runs") struct TimeoutTests {
  @Test func `a run that takes longer than its run timeout is TimedOut, with its children and activities`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(
        Busy.self, id: "busy", input: 1, options: StartOptions(runTimeout: .milliseconds(1500)))
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .timedOut && failure?.failure?.type == "WorkflowTimeout")
      #expect(try await fixture.events(of: handle.runID).last == "WorkflowExecutionTimedOut")
      #expect(try await fixture.status(of: handle.runID) == "TimedOut")
      #expect(try await fixture.count("select count(*) from orchestrator.activity_tasks") == 0)
      try await eventually("the child is terminated") { try await fixture.statuses(of: "busy child") == "Terminated" }
      #expect(try await fixture.count("select count(*) from orchestrator.timers") == 0)
      let listed = try await engine.client.listWorkflows(query: "ExecutionStatus = 'TimedOut'")
      #expect(listed.items.map(\.runID) == [handle.runID])
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `the execution timeout spans a chain of runs, the run timeout is for each of them`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let options = StartOptions(executionTimeout: .seconds(2), runTimeout: .seconds(60))
      let handle = try await engine.client.start(Napper.self, id: "napper", input: 0, options: options)
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .timedOut && failure?.runID != handle.runID)
      #expect(try await fixture.count("select count(*) from orchestrator.runs") > 3)
      let seconds = try await fixture.count(
        "select round(extract(epoch from max(c.closed_at) - min(r.started_at))) from orchestrator.runs r join orchestrator.closes c using (run_id)"
      )
      #expect(seconds == 2)
    }
  }

  @Test func `a child that times out ends so for its parent`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      #expect(try await engine.client.start(Guardian.self, id: "guardian", input: 200).result() == "timedOut WorkflowTimeout")
      #expect(try await fixture.text("select status from orchestrator.child_workflows") == "TimedOut")
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `a run times out although its owner changed, and although its code is blocked`() async throws {
    let fixture = try EngineFixture()
    let handle = try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Sleeper.self, id: "moved", input: 1, options: StartOptions(runTimeout: .seconds(2)))
      try await eventually("it is parked") { try await fixture.count("select count(*) from orchestrator.parked_runs") == 1 }
      return handle
    }
    // A process that does not know the workflow.
    try await fixture.withEngine(Registry()) { engine in
      let found = WorkflowHandle<Sleeper>(client: engine.client, key: handle.key, runID: handle.runID)
      let failure = await #expect(throws: WorkflowFailure.self) { try await found.result() }
      #expect(failure?.status == .timedOut)
      let blocked = try await fixture.count("select count(*) from orchestrator.blocked_runs")
      #expect(blocked == 0)
    }
  }

  @Test func `the first code of a run with a start delay runs after it, and messages wait until then`() async throws {
    let fixture = try EngineFixture()
    let handle = try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(
        Punctual.self, id: "delayed", input: 1, options: StartOptions(startDelay: .milliseconds(2500)))
      try await handle.signal(Punctual.word, "early")
      try await handle.startUpdate(Punctual.ask, "loud", id: "update").accepted()
      try await eventually("it is parked") { try await fixture.count("select count(*) from orchestrator.parked_runs") == 1 }
      #expect(try await fixture.text("select waits_for from orchestrator.parked_runs") == "the end of its start delay or messages")
      #expect(
        try await fixture.events(of: handle.runID)
          == ["WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowExecutionUpdateAccepted"])
      return handle
    }
    try await fixture.withEngine(registry()) { engine in
      let found = WorkflowHandle<Punctual>(client: engine.client, key: handle.key, runID: handle.runID)
      #expect(try await found.result() == ["early"])
      #expect(try await engine.client.updateResult(handle.key, updateID: "update").text == #""LOUD""#)
      #expect(try await fixture.events(of: handle.runID).dropFirst(3).first == "StartDelayEnded")
      #expect(
        try await fixture.count(
          "select (extract(epoch from b.at - a.at) * 1000)::int8 from orchestrator.history a join orchestrator.history b using (run_id) "
            + "where run_id = '\(handle.runID!)' and a.event_id = 1 and b.type = 1010") >= 2500)
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `who cancels a run before it began ends it at once`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Sleeper.self, id: "never", input: 1, options: StartOptions(startDelay: .hours(1)))
      try await handle.cancel(reason: "changed my mind")
      let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(failure?.status == .canceled)
      #expect(try await fixture.count("select count(*) from orchestrator.timers") == 0)
      try await engine.replayAll(fixture, registry())
    }
  }
}
