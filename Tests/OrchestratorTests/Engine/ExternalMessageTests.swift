import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

private struct Mailbox: Workflow {
  static let letter = Signal<Self, String>("letter")

  func run(_ workflow: Context<Self>, _ letters: Int) async throws -> [String] {
    var received: [String] = []
    while received.count < letters { received.append(try await workflow.receive(Self.letter)) }
    return received
  }
}

/// Writes to a mailbox, or has it cancelled; says how that went.
private struct Writer: Workflow {
  struct Order: Codable, Sendable {
    var to: String
    var letters: [String] = []
  }

  func run(_ workflow: Context<Self>, _ order: Order) async throws -> String {
    let mailbox = workflow.external(Mailbox.self, id: order.to)
    do {
      for letter in order.letters { try await mailbox.signal(Mailbox.letter, letter) }
      if order.letters.isEmpty { try await mailbox.cancel() }
      return "delivered"
    } catch let error as OrchestratorError {
      return error.code.name
    }
  }
}

private func registry() -> Registry {
  var registry = testRegistry()
  registry.register(Mailbox.self)
  registry.register(Writer.self)
  return registry
}

@Suite("Signals and cancellation to external runs") struct ExternalMessageTests {
  @Test func `a run signals another by its workflow id and is told that it arrived`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let mailbox = try await engine.client.start(Mailbox.self, id: "mailbox", input: 2)
      let writer = try await engine.client.start(Writer.self, id: "writer", input: Writer.Order(to: "mailbox", letters: ["a", "b"]))
      #expect(try await writer.result() == "delivered")
      #expect(try await mailbox.result() == ["a", "b"])
      #expect(
        try await fixture.events(of: writer.runID) == [
          "WorkflowExecutionStarted", "SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled",
          "SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled", "WorkflowExecutionCompleted",
        ])
      let export = try await engine.client.export(try #require(writer.runID))
      #expect(try Replayer(registry()).replay(export).divergence == nil)
    }
  }

  @Test func `a run cancels another, also one that left memory`() async throws {
    let fixture = try EngineFixture()
    let adjust: (inout EngineConfiguration) -> Void = { $0.cachedRuns = 0 }
    try await fixture.withEngine(registry(), adjust) { engine in
      let mailbox = try await engine.client.start(Mailbox.self, id: "mailbox", input: 1)
      try await eventually("the mailbox is parked") { try await fixture.count("select count(*) from orchestrator.parked_runs") == 1 }
      let writer = try await engine.client.start(Writer.self, id: "writer", input: Writer.Order(to: "mailbox"))
      #expect(try await writer.result() == "delivered")
      let failure = await #expect(throws: WorkflowFailure.self) { try await mailbox.result() }
      #expect(failure?.status == .canceled)
    }
  }

  @Test func `who writes to a workflow id without an open run is told so`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let closed = try await engine.client.start(Mailbox.self, id: "closed", input: 0)
      _ = try await closed.result()
      for target in ["nobody", "closed"] {
        let writer = try await engine.client.start(Writer.self, id: "writer", input: Writer.Order(to: target, letters: ["a"]))
        #expect(try await writer.result() == "workflow-not-found")
        #expect(try await fixture.events(of: writer.runID).contains("SignalExternalWorkflowExecutionFailed"))
      }
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
    }
  }
}
