import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Waits for a word although it is asked to cancel, then ends as it was asked to.
private struct Reluctant: Workflow {
  static let word = Signal<Self, String>("word")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> String {
    let word = try await workflow.shielded { try await workflow.receive(Self.word) }
    if workflow.isCancelRequested { throw CancellationError() }
    return word
  }
}

/// Waits for a child, and says in its state when it no longer does.
private struct Guardian: Workflow {
  struct Input: Codable, Sendable {
    let child: String
    let type: String
  }

  struct State: WorkflowState {
    var ending = ""
  }

  static let go = Signal<Self, Nothing>("go")
  static let ending = Query<Self, String>("ending") { $0.ending }
  static let handlers: [Handler<Self>] = [.signal(go), .query(ending)]

  func run(_ workflow: Context<Self>, _ input: Input) async throws -> String {
    let type = ChildCancellationType(rawValue: input.type) ?? .tryCancel
    do {
      return try await workflow.child(Reluctant.self, id: input.child, 1, parentClosePolicy: .abandon, cancellationType: type)
    } catch {
      workflow.state.ending = "\(Swift.type(of: error))"
      try await workflow.shielded { _ = try await workflow.receive(Self.go) }
      throw error
    }
  }
}

private struct Hurried: Workflow {
  static let slow = Activity<Int, Int>("slow", ActivityOptions(taskQueue: "elsewhere", cancellationType: .abandon))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    do {
      return try await workflow.withTimeout(.milliseconds(50)) { try await workflow.execute(Self.slow, input) }
    } catch is WorkflowTimeout {
      try await workflow.sleep(.milliseconds(input))
      return -1
    }
  }
}

private func registry() -> Registry {
  var registry = startingRegistry()
  registry.register(Reluctant.self)
  registry.register(Guardian.self)
  registry.register(Hurried.self)
  return registry
}

@Suite("Cancellation types") struct CancellationTypeTests {
  private func events(_ fixture: EngineFixture, of id: String) async throws -> String {
    try await fixture.text(
      "select string_agg(e.type, ' ' order by e.event_id) from orchestrator.events e join orchestrator.runs r using (run_id) "
        + "where r.workflow_id = '\(id)' and e.type like '%Cancel%'")
  }

  private func withWorker(_ fixture: EngineFixture, _ registry: Registry, _ body: () async throws -> Void) async throws {
    let worker = try ActivityWorker(ActivityWorkerConfiguration(database: fixture.database, taskQueues: ["elsewhere": 1]), registry)
    let running = Task { await worker.run() }
    defer { worker.stop() }
    try await body()
    worker.stop()
    await running.value
  }

  @Test func `a cancelled parent abandons its child, asks it, waits for the request, or waits for its end`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      for type in ChildCancellationType.allCases {
        let child = "child \(type)"
        let parent = try await engine.client.start(Guardian.self, id: "parent \(type)", input: .init(child: child, type: type.rawValue))
        try await eventually("the child runs") { try await fixture.statuses(of: child) == "Running" }
        try await parent.cancel()
        if type == .waitCancellationCompleted {
          try await eventually("the child is asked") { try await self.events(fixture, of: child) == "WorkflowExecutionCancelRequested" }
          #expect(try await parent.query(Guardian.ending) == "")
        } else {
          try await eventually("the parent no longer waits") { try await parent.query(Guardian.ending) == "CancellationError" }
        }
        if type == .tryCancel {
          // Its parent does not wait for that.
          try await eventually("the child is asked") { try await self.events(fixture, of: child) == "WorkflowExecutionCancelRequested" }
        }
        if type == .waitCancellationRequested { #expect(try await events(fixture, of: child) == "WorkflowExecutionCancelRequested") }
        try await engine.client.handle(Reluctant.self, id: child).signal(Reluctant.word, "word")
        let ends = type == .abandon ? "Completed" : "Canceled"
        try await eventually("the child ends") { try await fixture.statuses(of: child) == ends }
        try await eventually("the parent heard of it") { try await parent.query(Guardian.ending) == "CancellationError" }
        try await parent.signal(Guardian.go, Nothing())
        let failure = await #expect(throws: WorkflowFailure.self) { try await parent.result() }
        #expect(failure?.status == .canceled)
      }
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `an abandoned activity goes on, and its outcome is recorded`() async throws {
    let fixture = try EngineFixture()
    var worker = Registry()
    worker.implement(Hurried.slow) { value, _ in value }
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Hurried.self, id: "hurried", input: 3_000)
      try await eventually("its time is up") {
        try await fixture.events(of: handle.runID).filter { $0 == "TimerStarted" }.count == 2
      }
      // Only now does anybody work on it: nobody asked it to stop.
      #expect(try await fixture.count("select count(*) from orchestrator.activity_tasks where not cancel_requested") == 1)
      try await withWorker(fixture, worker) {
        try await eventually("it is done") { try await fixture.events(of: handle.runID).contains("ActivityTaskCompleted") }
      }
      #expect(try await handle.result() == -1)
      #expect(try await !fixture.events(of: handle.runID).contains("ActivityTaskCancelRequested"))
      try await engine.replayAll(fixture, registry())
    }
  }
}
