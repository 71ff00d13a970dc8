import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import EngineProcess

/// A poisoned workflow ends in a clear error for that run alone.
@Suite(.serialized) struct P6FaultsStayWithTheirRun {
  struct Spinning: Workflow {
    func run(_ workflow: Context<Self>, _ seconds: Int) async throws -> Int {
      let end = ContinuousClock.now + .seconds(seconds)
      while ContinuousClock.now < end {}
      return seconds
    }
  }

  struct Later: Workflow {
    static let wake = Signal<Self, Int>("wake")
    func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.receive(Self.wake) }
  }

  @Test(.timeLimit(.minutes(5)))
  func `code that blocks its thread is reported, other runs go on, and the engine still ends in good order`() async throws {
    let database = try PromiseDatabase()
    var registry = syntheticRegistry()
    registry.register(Spinning.self)
    try await database.withEngine(registry) { engine in
      let spinning = Task { try await engine.client.start(Spinning.self, id: "spinning", input: 3600) }
      try await database.waitFor(
        "select count(*) from orchestrator.workflows where workflow_id = 'spinning' and status = 'Blocked'", toBe: 1)
      _ = try await spinning.value
      #expect(try await database.text("select blocked_code from orchestrator.workflows where workflow_id = 'spinning'") == "blocked-code")
      let other = try await engine.client.start(Steps.self, id: "other", input: 10)
      #expect(try await other.result() == 10)
      try await engine.client.terminate(WorkflowKey(workflowID: "spinning"))
      try await database.waitFor("select count(*) from orchestrator.closes", toBe: 2)
      #expect(try await database.checker.violations() == [])
    }
  }

  @Test func `an unknown workflow type waits for a build that knows it`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      try await engine.client.start(type: "Later", key: WorkflowKey(workflowID: "later"), input: Payload(json: Array("1".utf8)))
      try await database.waitFor("select count(*) from orchestrator.blocked_runs where code = 'unknown-workflow-type'", toBe: 1)
      try await engine.client.signal(WorkflowKey(workflowID: "later"), name: "wake", input: Payload(json: Array("5".utf8)))
    }
    var registry = syntheticRegistry()
    registry.register(Later.self)
    try await database.withEngine(registry) { engine in
      #expect(try await engine.client.handle(Later.self, id: "later").result() == 5)
      #expect(try await database.checker.violations() == [])
      try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
    }
  }

  @Test func `an undecodable signal stops its run alone until a build reads it`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let run = try await engine.client.start(Waiting.self, id: "bad", input: 1)
      try await engine.client.signal(run.key, name: "wake", input: Payload(json: Array(#""text""#.utf8)))
      try await database.waitFor("select count(*) from orchestrator.blocked_runs where code = 'undecodable-payload'", toBe: 1)
      let other = try await engine.client.start(Steps.self, id: "other", input: 3)
      #expect(try await other.result() == 3)
      #expect(try await database.checker.violations() == [])
    }
  }

  @Test func `a payload that is too large is refused before it is stored`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let run = try await engine.client.start(Waiting.self, id: "small", input: 1)
      let large = Payload(json: Array("\"\(String(repeating: "x", count: 2 * 1024 * 1024))\"".utf8))
      await #expect(throws: OrchestratorError.self) { try await engine.client.signal(run.key, name: "wake", input: large) }
      try await run.signal(Waiting.wake, 1)
      #expect(try await run.result() == 2)
    }
  }
}
