import TestSupport
import Testing

@testable import Orchestrator

/// A sum that requests raise, until a signal ends it.
private struct Fund: Workflow {
  struct State: WorkflowState {
    var total = 0
    var isClosed = false
  }

  static let raise = Update<Self, Int, Int>("raise") { state, amount in
    guard amount > 0 else { throw ApplicationFailure(type: "NotPositive", message: "\(amount) is not positive") }
  } handle: { workflow, amount in
    workflow.state.total += amount
    return workflow.state.total
  }
  /// Awaits a step before it answers.
  static let double = Update<Self, Int, Int>("double") { workflow, amount in
    let doubled = try await workflow.execute(TestSteps.double, amount)
    workflow.state.total += doubled
    return doubled
  }
  /// Waits for another message.
  static let total = Update<Self, Bool, Int>("total-at-end") { workflow, _ in
    try await workflow.wait { $0.isClosed }
    return workflow.state.total
  }
  static let refuse = Update<Self, Int, Int>("refuse") { _, _ in throw ApplicationFailure(type: "Never", message: "not this one") }
  static let close = Signal<Self, Bool>("close") { state, _ in state.isClosed = true }
  static let handlers: [Handler<Self>] = [.update(raise), .update(double), .update(total), .update(refuse), .signal(close)]

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.wait { $0.isClosed }
    return workflow.state.total
  }
}

@Suite struct UpdateTests {
  private static var registry: Registry {
    var registry = testRegistry()
    registry.register(Fund.self)
    return registry
  }

  @Test func `An update is validated, handled, answered, and applied once per id`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let fund = try await engine.client.start(Fund.self, id: "fund", input: 0)
      #expect(try await fund.update(Fund.raise, 5) == 5)
      #expect(try await fund.update(Fund.raise, 7, id: "gift-1") == 12)
      #expect(try await fund.update(Fund.raise, 7, id: "gift-1") == 12)
      #expect(try await fund.update(Fund.double, 4) == 8)
      try await fund.signal(Fund.close, true)
      #expect(try await fund.result() == 20)
      #expect(
        try await fixture.events(of: fund.runID).filter { $0.contains("Update") } == [
          "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", "WorkflowExecutionUpdateAccepted",
          "WorkflowExecutionUpdateCompleted", "WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted",
        ])
      #expect(try await fixture.count("select count(*) from orchestrator.workflow_updates where status = 'Completed'") == 3)
      // The answer outlives the run.
      #expect(try await UpdateHandle<Int>(client: engine.client, key: fund.key, updateID: "gift-1").result() == 12)
    }
  }

  @Test func `A rejected update leaves no event; a handler that throws fails its update and nothing else`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let fund = try await engine.client.start(Fund.self, id: "fund", input: 0)
      let rejected = await #expect(throws: UpdateFailure.self) { try await fund.update(Fund.raise, -1) }
      #expect(rejected?.isRejected == true && rejected?.failure.type == "NotPositive")
      let unknown = await #expect(throws: UpdateFailure.self) {
        try await engine.client.update(fund.key, name: "unknown", input: .null, updateID: "u")
        _ = try await engine.client.updateResult(fund.key, updateID: "u")
      }
      #expect(unknown?.isRejected == true && unknown?.failure.type == "UnknownUpdate")
      try await engine.client.update(fund.key, name: "raise", input: Payload(json: Array(#""text""#.utf8)), updateID: "v")
      await #expect(throws: UpdateFailure.self) { try await engine.client.updateResult(fund.key, updateID: "v") }
      #expect(try await fixture.events(of: fund.runID) == ["WorkflowExecutionStarted"])
      let failed = await #expect(throws: UpdateFailure.self) { try await fund.update(Fund.refuse, 1) }
      #expect(failed?.isRejected == false && failed?.failure.type == "Never")
      #expect(try await fund.update(Fund.raise, 1) == 1)
    }
  }

  @Test func `A run closes only when its handlers have ended, and later updates are told that it is closed`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let fund = try await engine.client.start(Fund.self, id: "fund", input: 0)
      let waiting = try await fund.startUpdate(Fund.total, true, id: "at-end")
      try await waiting.accepted()
      _ = try await fund.update(Fund.raise, 3)
      try await fund.signal(Fund.close, true)
      #expect(try await waiting.result() == 3)
      #expect(try await fund.result() == 3)
      #expect(try await fixture.events(of: fund.runID).suffix(2) == ["WorkflowExecutionUpdateCompleted", "WorkflowExecutionCompleted"])
      let late = await #expect(throws: OrchestratorError.self) { try await fund.update(Fund.raise, 1) }
      #expect(late?.code == .workflowClosed)
    }
  }

  @Test func `An update that nobody could take yet, and a handler that was interrupted, go on in the next process`() async throws {
    let fixture = try EngineFixture()
    let key = WorkflowKey(workflowID: "fund")
    let client = Client(fixture.pool, Self.registry, identity: "test")
    try await fixture.withEngine(Self.registry) { engine in
      let fund = try await engine.client.start(Fund.self, id: "fund", input: 0)
      try await fund.startUpdate(Fund.total, true, id: "at-end").accepted()
    }
    // Nobody owns the run now: what is acknowledged waits in the inbox.
    try await client.update(key, name: "raise", input: Payload(json: Array("9".utf8)), updateID: "r")
    #expect(try await fixture.count("select count(*) from orchestrator.inbox where kind = 9") == 1)
    try await fixture.withEngine(Self.registry) { engine in
      #expect(try await client.updateResult(key, updateID: "r").text == "9")
      try await engine.client.signal(key, name: "close", input: Payload(json: Array("true".utf8)))
      #expect(try await client.updateResult(key, updateID: "at-end").text == "9")
    }
  }

  @Test func `An update that is open when its run is terminated is told so`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let fund = try await engine.client.start(Fund.self, id: "fund", input: 0)
      let waiting = try await fund.startUpdate(Fund.total, true)
      try await waiting.accepted()
      try await fund.terminate()
      let error = await #expect(throws: UpdateFailure.self) { try await waiting.result() }
      #expect(error?.failure.type == "WorkflowClosed" && error?.isRejected == false)
    }
  }
}
