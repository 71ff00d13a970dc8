import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Waits for a word, or fails by one.
private struct Listener: Workflow {
  static let word = Signal<Self, String>("word")

  func run(_ workflow: Context<Self>, _ greeting: String) async throws -> String {
    let word = try await workflow.receive(Self.word)
    if word == "fail" { throw ApplicationFailure(type: "Offended", message: "by \(greeting)") }
    return "\(greeting) \(word), child of \(workflow.info.parent?.workflowID ?? "nobody")"
  }
}

private struct ListenerParent: Workflow {
  func run(_ workflow: Context<Self>, _ word: String) async throws -> String {
    let child = try await workflow.startChild(Listener.self, id: "listener", "hello")
    if !word.isEmpty { try await child.signal(Listener.word, word) }
    do {
      return try await child.result()
    } catch let failure as ChildWorkflowFailure {
      return "\(failure.kind) \(failure.failure?.type ?? "-")"
    }
  }
}

private struct ChainParent: Workflow {
  func run(_ workflow: Context<Self>, _ count: Int) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for length in 1...count { group.addTask { try await workflow.child(Chain.self, length) } }
      return try await group.reduce(0, +)
    }
  }
}

/// Leaves a child behind when it ends.
private struct Leaver: Workflow {
  static let leave = Signal<Self, Nothing>("leave")

  func run(_ workflow: Context<Self>, _ policy: ParentClosePolicy) async throws -> Int {
    _ = try await workflow.startChild(Wanderer.self, id: "left-behind", 0, parentClosePolicy: policy)
    _ = try await workflow.receive(Self.leave)
    return 1
  }
}

/// Goes on as a new run with every step that it is told to make.
private struct Wanderer: Workflow {
  static let step = Signal<Self, Bool>("step")

  func run(_ workflow: Context<Self>, _ steps: Int) async throws -> Int {
    let isLast = try await workflow.receive(Self.step)
    if isLast { return steps + 1 }
    throw workflow.continueAsNew(steps + 1)
  }
}

private struct WandererParent: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.child(Wanderer.self, id: "wanderer", input)
  }
}

private func registry() -> Registry {
  var registry = testRegistry()
  registry.register(Listener.self)
  registry.register(ListenerParent.self)
  registry.register(ChainParent.self)
  registry.register(Leaver.self)
  registry.register(Wanderer.self)
  registry.register(WandererParent.self)
  return registry
}

private let forgotten = WorkflowKey(workflowID: "left-behind")

@Suite("Child workflows") struct ChildWorkflowTests {
  @Test func `a child runs to its result, and both histories say so`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(ListenerParent.self, id: "parent", input: "world")
      #expect(try await handle.result() == "hello world, child of parent")
      #expect(
        try await fixture.events(of: handle.runID) == [
          "WorkflowExecutionStarted", "StartChildWorkflowExecutionInitiated", "SignalExternalWorkflowExecutionInitiated",
          "ChildWorkflowExecutionCompleted", "WorkflowExecutionCompleted",
        ])
      #expect(
        try await fixture.text(
          "select string_agg(workflow_id || ' ' || workflow_type || ' ' || status, ',') from orchestrator.child_workflows")
          == "listener Listener Completed")
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
      let export = try await engine.client.export(try #require(handle.runID))
      #expect(try Replayer(registry()).replay(export).divergence == nil)
    }
  }

  @Test func `children run side by side, in whichever process owns them, each under a name of its own`() async throws {
    let fixture = try EngineFixture()
    let other = try await fixture.engine(registry())
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(ChainParent.self, id: "many", input: 12)
      #expect(try await handle.result() == (1...12).reduce(0) { $0 + 1 << $1 })
      #expect(try await fixture.count("select count(distinct workflow_id) from orchestrator.runs where workflow_id like 'many/%'") == 12)
    }
    await other.shutdown()
  }

  @Test func `a child that fails, is cancelled or terminated tells its parent why`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let failing = try await engine.client.start(ListenerParent.self, id: "parent", input: "fail")
      #expect(try await failing.result() == "failed Offended")
      for (end, expected) in [(false, "canceled -"), (true, "terminated Terminated")] {
        let handle = try await engine.client.start(ListenerParent.self, id: "parent", input: "")
        let child = engine.client.handle(Listener.self, id: "listener")
        try await eventually("the child is open") {
          try await fixture.count("select count(*) from orchestrator.workflows where workflow_id = 'listener' and status = 'Running'") == 1
        }
        if end { try await child.terminate() } else { try await child.cancel() }
        #expect(try await handle.result() == expected)
      }
    }
  }

  @Test func `a child whose workflow id has an open run does not start`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let first = try await engine.client.start(Listener.self, id: "listener", input: "first")
      let handle = try await engine.client.start(ListenerParent.self, id: "parent", input: "")
      #expect(try await handle.result() == "alreadyStarted WorkflowAlreadyStarted")
      try await first.signal(Listener.word, "still here")
      #expect(try await first.result() == "first still here, child of nobody")
    }
  }

  @Test func `cancelling the parent asks the child to cancel`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(ListenerParent.self, id: "parent", input: "")
      try await handle.cancel()
      await #expect(throws: WorkflowFailure.self) { try await handle.result() }
      try await eventually("the child is cancelled") {
        try await fixture.text("select max(status) from orchestrator.workflows where workflow_id = 'listener'") == "Canceled"
      }
      #expect(
        try await fixture.events(of: handle.runID).contains("RequestCancelExternalWorkflowExecutionInitiated"))
    }
  }

  @Test func `a child that continues as new is waited for to its last run`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(WandererParent.self, id: "parent", input: 0)
      let child = engine.client.handle(Wanderer.self, id: "wanderer")
      try await eventually("the child is open") {
        try await fixture.count("select count(*) from orchestrator.runs where workflow_id = 'wanderer'") == 1
      }
      for step in 1...4 { try await child.signal(Wanderer.step, step == 4) }
      #expect(try await handle.result() == 4)
    }
  }
}

@Suite("Parent close policy") struct ParentClosePolicyTests {
  @Test(arguments: [(ParentClosePolicy.terminate, "Terminated"), (.requestCancel, "Canceled"), (.abandon, "Running")])
  func `a child that is open when its parent closes gets what its policy says, also one that has continued as new`(
    _ policy: ParentClosePolicy, _ expected: String
  ) async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Leaver.self, id: "leaver", input: policy)
      try await eventually("the child is open") { try await fixture.count("select count(*) from orchestrator.runs") == 2 }
      try await engine.client.handle(Wanderer.self, id: forgotten.workflowID).signal(Wanderer.step, false)
      try await eventually("the child has gone on") { try await fixture.count("select count(*) from orchestrator.runs") == 3 }
      try await handle.signal(Leaver.leave, Nothing())
      #expect(try await handle.result() == 1)
      try await eventually("the child is \(expected)") {
        try await fixture.text(
          "select status from orchestrator.workflows where workflow_id = 'left-behind' order by run_id desc limit 1") == expected
      }
      try await eventually("nothing waits any more") { try await fixture.count("select count(*) from orchestrator.inbox") == 0 }
    }
  }

  @Test func `a parent that is terminated takes its children with it`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Leaver.self, id: "leaver", input: .terminate)
      try await handle.terminate()
      let child = engine.client.handle(Wanderer.self, id: forgotten.workflowID)
      let failure = await #expect(throws: (any Error).self) {
        try await eventually("the child has begun") {
          try await fixture.count("select count(*) from orchestrator.runs where workflow_id = 'left-behind'") == 1
        }
        _ = try await child.result()
      }
      #expect((failure as? WorkflowFailure)?.status == .terminated)
    }
  }
}
