import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

enum TestSteps {
  static let double = Activity<Int, Int>("double")
  static let failing = Activity<Int, Int>(
    "failing", ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(10), maximumAttempts: 3)))
  static let parking = Activity<Int, Int>(
    "parking",
    ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(5), maximumAttempts: 2), onExhausted: .park))
}

struct Chain: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    var value = 1
    for _ in 0..<input { value = try await workflow.execute(TestSteps.double, value) }
    return value
  }
}

struct Inlined: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    var value = 1
    for _ in 0..<input { value = try await workflow.inline(TestSteps.double, value) }
    return value
  }
}

struct Approval: Workflow {
  struct State: WorkflowState {
    var approver: String?
    var stage = "waiting"
  }
  static let approve = Signal<Self, String>("approve") { state, name in state.approver = name }
  static let stage = Query<Self, String>("stage") { $0.stage }
  static let handlers: [Handler<Self>] = [.signal(approve), .query(stage)]

  func run(_ workflow: Context<Self>, _ limit: Int) async throws -> String {
    guard try await workflow.wait(upTo: .milliseconds(limit), until: { $0.approver != nil }) else { return "expired" }
    workflow.state.stage = "approved"
    return workflow.state.approver ?? ""
  }
}

struct Retrying: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.execute(TestSteps.failing, input)
  }
}

struct Parking: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.execute(TestSteps.parking, input)
  }
}

func testRegistry() -> Registry {
  var registry = Registry()
  registry.register(Chain.self)
  registry.register(Inlined.self)
  registry.register(Approval.self)
  registry.register(Retrying.self)
  registry.register(Parking.self)
  registry.implement(TestSteps.double) { value, _ in value * 2 }
  registry.implement(TestSteps.failing) { value, context in
    guard context.info.attempt > value else { throw ApplicationFailure(type: "NotYet", message: "attempt \(context.info.attempt)") }
    return Int(context.info.attempt)
  }
  registry.implement(TestSteps.parking) { value, context in
    guard context.info.attempt > 2 else { throw ApplicationFailure(type: "NotYet", message: "attempt \(context.info.attempt)") }
    return Int(context.info.attempt)
  }
  return registry
}

@Suite struct EngineTests {
  @Test func `a chain of activities runs to its result, two rows a step`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Chain.self, id: "chain", input: 3)
      #expect(try await handle.result() == 8)
      #expect(
        try await fixture.events(of: handle.runID) == [
          "WorkflowExecutionStarted", "ActivityTaskScheduled", "ActivityTaskCompleted", "ActivityTaskScheduled", "ActivityTaskCompleted",
          "ActivityTaskScheduled", "ActivityTaskCompleted", "WorkflowExecutionCompleted",
        ])
    }
  }

  @Test func `inline steps are recorded in one row each`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Inlined.self, id: "inline", input: 3)
      #expect(try await handle.result() == 8)
      #expect(
        try await fixture.events(of: handle.runID) == [
          "WorkflowExecutionStarted", "MarkerRecorded", "MarkerRecorded", "MarkerRecorded", "WorkflowExecutionCompleted",
        ])
    }
  }

  @Test func `a signal wakes a waiting workflow and its state answers queries`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Approval.self, id: "approval", input: 60_000)
      #expect(try await handle.query(Approval.stage) == "waiting")
      try await handle.signal(Approval.approve, "ann")
      #expect(try await handle.result() == "ann")
      #expect(try await handle.query(Approval.stage) == "approved")
    }
  }

  @Test func `a wait ends when its time is up`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Approval.self, id: "expiry", input: 50)
      #expect(try await handle.result() == "expired")
    }
  }

  @Test func `a failing activity is retried and every failed attempt is logged`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Retrying.self, id: "retry", input: 2)
      #expect(try await handle.result() == 3)
      #expect(try await fixture.count("select count(*) from orchestrator.failed_attempts where workflow_id = 'retry'") == 2)
    }
  }

  @Test func `an exhausted activity parks and goes on when an operator retries it`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Parking.self, id: "parking", input: 0)
      try await eventually("the activity is parked") {
        try await fixture.count("select count(*) from orchestrator.parked_activities") == 1
      }
      try await engine.client.commandActivity(handle.key, sequence: 1, .retry)
      #expect(try await handle.result() == 3)
      #expect(try await fixture.count("select count(*) from orchestrator.parked_activities") == 0)
    }
  }

  @Test func `a workflow started by SQL in another transaction runs`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      _ = try await fixture.text("orchestrator.start_workflow('Chain', 'by-sql', '4')")
      let handle = engine.client.handle(Chain.self, id: "by-sql")
      try await eventually("the run exists") { try await fixture.count("select count(*) from orchestrator.runs") == 1 }
      #expect(try await handle.result() == 16)
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
    }
  }

  @Test func `a second start of an open workflow id is refused, with the same run id it is the same start`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let handle = try await engine.client.start(Approval.self, id: "twice", input: 60_000)
      await #expect(throws: OrchestratorError.self) { try await engine.client.start(Approval.self, id: "twice", input: 1) }
      let again = try await engine.client.start(Approval.self, id: "twice", input: 60_000, runID: handle.runID!)
      #expect(again.runID == handle.runID)
      try await handle.cancel(reason: "done")
      await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      #expect(try await fixture.text("select status from orchestrator.workflows where workflow_id = 'twice'") == "Canceled")
    }
  }

  @Test func `an engine that comes later goes on where the first one stood`() async throws {
    let fixture = try EngineFixture()
    let handle = try await fixture.withEngine(testRegistry()) { engine in
      try await engine.client.start(Approval.self, id: "handover", input: 60_000)
    }
    try await fixture.withEngine(testRegistry()) { engine in
      let again = engine.client.handle(Approval.self, id: "handover")
      try await again.signal(Approval.approve, "bob")
      #expect(try await again.result() == "bob")
      #expect(handle.key == again.key)
    }
  }
}
