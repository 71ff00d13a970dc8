import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Semantics "Batch ops" of Temporal.
@Suite("Batches") struct BatchTests {
  private let counter = StepCounter()

  private func start(_ ids: [String], in engine: Engine) async throws {
    for id in ids { try await engine.client.start(Listening.self, id: id, input: id) }
  }

  private static let all = "WorkflowType = 'Listening'"

  @Test func `batch: a signal reaches each run that matched when it began, once, and no other`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      try await start((1...25).map { "in-\($0)" } + ["out"], in: engine)
      let query = "WorkflowId STARTS_WITH 'in-'"
      let action = BatchAction.signal(name: "word", input: try PayloadCodec.encode("hello"))
      let preview = try await engine.client.previewBatch(action, query: query, limit: 5)
      #expect(preview.count == 25 && preview.items.count == 5)
      #expect(try await fixture.count("select count(*) from orchestrator.batches") == 0)
      let batch = try await engine.client.startBatch(
        action, query: query, id: "greet", reason: "a test", operationsPerSecond: 10_000)
      let progress = try await batch.result()
      #expect(progress.total == 25 && progress.done == 25 && progress.skipped == 0 && progress.failed == 0 && progress.isFinished)
      // What is durable is taken right after.
      try await eventually("all have heard it") {
        try await fixture.count("select count(*) from orchestrator.events where type = 'WorkflowExecutionSignaled'") == 25
      }
      try await start(["in-late"], in: engine)
      for id in ["in-1", "in-25"] {
        let handle = engine.client.handle(Listening.self, id: id)
        try await handle.signal(Listening.word, "end")
        #expect(try await handle.result() == "\(id): hello end, 0")
      }
      for id in ["out", "in-late"] {
        let handle = engine.client.handle(Listening.self, id: id)
        try await handle.signal(Listening.word, "end")
        #expect(try await handle.result() == "\(id): end, 0")
      }
      let described = try await engine.client.describeBatch("greet")
      #expect(
        described.status == .completed && described.action == "signal word" && described.query == query && described.reason == "a test")
      #expect(try await engine.client.listBatches().items.map(\.batchID) == ["greet"])
      let state = try await engine.client.query(WorkflowKey(workflowID: "greet"), name: "progress")
      #expect(try PayloadCodec.decode(BatchProgress.self, from: state) == progress)
      #expect(try await fixture.count("select count(*) from orchestrator.batch_runs") == 0)
    }
  }

  @Test func `batch: runs are paused, resumed, cancelled and terminated; closed ones are none of it`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      try await start(["a", "b", "c", "d"], in: engine)
      let client = engine.client
      func run(_ action: BatchAction, _ query: String) async throws -> BatchProgress {
        try await client.startBatch(action, query: query, operationsPerSecond: 1000).result()
      }
      func count(_ status: WorkflowStatus, is number: Int64) async throws {
        try await eventually("\(number) are \(status)") {
          try await client.countWorkflows(query: "WorkflowType = 'Listening' AND ExecutionStatus = '\(status.rawValue)'").count == number
        }
      }
      #expect(try await run(.pause, Self.all).done == 4)
      try await count(.paused, is: 4)
      #expect(try await run(.resume, "WorkflowId IN ('a', 'b')").done == 2)
      try await count(.paused, is: 2)
      #expect(try await run(.cancel, "WorkflowId = 'a'").done == 1)
      try await count(.canceled, is: 1)
      #expect(try await run(.terminate, Self.all).total == 3)
      try await count(.terminated, is: 3)
      #expect(try await run(.terminate, Self.all).total == 0)
      // A batch is none of its own runs, nor of another's.
      #expect(try await client.previewBatch(.terminate, query: "RunId != '00000000-0000-0000-0000-000000000000'").count == 0)
    }
  }

  @Test func `batch: failed runs are retried, what cannot be reset is told with its reason`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      for number in 1...12 { try await engine.client.start(Delivery.self, id: "order-\(number)", input: number) }
      let failed = "WorkflowType = 'Delivery' AND ExecutionStatus = 'Failed'"
      try await eventually("all have failed") { try await engine.client.countWorkflows(query: failed).count == 12 }
      let refused = try await engine.client.startBatch(
        .reset(to: .event(4000)), query: "WorkflowId IN ('order-1', 'order-2')", id: "wrong", operationsPerSecond: 1000)
      let none = try await refused.result()
      #expect(none.failed == 2 && none.done == 0)
      let failures = try await refused.describe().failures
      #expect(Set(failures.compactMap(\.workflowID)) == ["order-1", "order-2"] && failures.allSatisfy { $0.code == "invalid-argument" })
      counter.isOpen = true
      let progress = try await engine.client.startBatch(.retry, query: failed, operationsPerSecond: 1000).result()
      #expect(progress.done == 12 && progress.failed == 0)
      for number in 1...12 {
        _ = try await engine.client.handle(Delivery.self, id: "order-\(number)").result()
      }
      #expect(counter["pack"] == 12 && counter["tell"] == 12)
    }
  }

  @Test func `batch: it keeps to its rate, is cancelled in the middle, and skips what has closed meanwhile`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      try await start((1...6).map { "slow-\($0)" }, in: engine)
      let begun = ContinuousClock.now
      let batch = try await engine.client.startBatch(
        .signal(name: "word", input: try PayloadCodec.encode("slow")), query: Self.all, id: "slow", operationsPerSecond: 2)
      try await eventually("the second is done") { (try? await batch.describe().progress.done) == 2 }
      #expect(ContinuousClock.now - begun >= .milliseconds(400))
      try await engine.client.terminate(WorkflowKey(workflowID: "slow-4"))
      try await eventually("one is skipped") { try await batch.describe().progress.skipped == 1 }
      try await engine.client.cancelBatch("slow", reason: "enough")
      try await eventually("it is cancelled") { try await batch.describe().status == .canceled }
      let described = try await batch.describe()
      #expect(described.progress.total == 6 && described.progress.done < 5 && described.progress.failed == 0)
      #expect(try await fixture.count("select count(*) from orchestrator.batch_runs") == 0)
    }
  }

  @Test func `batch: what it cannot do is refused before it begins`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "test")
    await #expect(throws: OrchestratorError.self) { try await client.startBatch(.cancel, query: "  ") }
    await #expect(throws: OrchestratorError.self) { try await client.startBatch(.cancel, query: "Nothing = 1") }
    await #expect(throws: OrchestratorError.self) { try await client.startBatch(.cancel, query: Self.all, operationsPerSecond: 0) }
    await #expect(throws: OrchestratorError.self) { try await client.describeBatch("nobody") }
    await #expect(throws: OrchestratorError.self) { try await client.cancelBatch("nobody") }
  }
}
