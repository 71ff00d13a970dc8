import Cryptography
import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Hands on what it is given, by a step, a child, an update and a continuation.
private struct Carrier: Workflow {
  struct Input: Codable, Sendable {
    let text: String
    var generation = 0
  }

  static let echo = Update<Self, String, String>("echo") { _, text in text }
  static let stop = Signal<Self, String>("stop")
  static let handlers: [Handler<Self>] = [.update(echo)]

  func run(_ workflow: Context<Self>, _ input: Input) async throws -> String {
    if input.generation == 2 { return input.text }
    let text = try await workflow.execute(ConfidentialSteps.echo, input.text)
    if input.generation == 0 { throw workflow.continueAsNew(Input(text: text, generation: 1)) }
    let child = try await workflow.child(Carrier.self, Input(text: text, generation: 2))
    let sent = try await workflow.receive(Self.stop)
    return child == sent ? child : "different"
  }
}

/// A result beyond every limit.
private struct Excessive: Workflow {
  static let step = Activity<Int, String>(
    "excessive", ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(1), maximumAttempts: 5)))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> String { try await workflow.execute(Self.step, input) }
}

@Suite struct LargeValueTests {
  private static var registry: Registry {
    var registry = ConfidentialSteps.registry
    registry.register(Carrier.self)
    registry.register(Excessive.self)
    registry.implement(Excessive.step) { count, _ in String(repeating: "x", count: count) }
    return registry
  }

  private static let text = (0..<20_000).map(String.init).joined(separator: ",")

  private static func carry(_ engine: Engine, _ id: String) async throws -> WorkflowHandle<Carrier> {
    let run = try await engine.client.start(Carrier.self, id: id, input: Carrier.Input(text: text))
    #expect(try await run.update(Carrier.echo, text) == text)
    try await run.signal(Carrier.stop, text)
    #expect(try await run.result() == text)
    return run
  }

  @Test func `A large value stands once beside the histories, and code, callers, views and exports see it as it is`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      _ = try await Self.carry(engine, "first")
      let values = try await fixture.count("select count(*) from orchestrator.large_values")
      _ = try await Self.carry(engine, "second")
      // The text by itself, and as the input of each generation.
      #expect(values == 4)
      #expect(try await fixture.count("select count(*) from orchestrator.large_values") == values)
      #expect(try await fixture.count("select count(*) from orchestrator.history where octet_length(attributes) > 2000") == 0)
      let inTheView =
        "select count(*) from orchestrator.events where attributes ->> 'result' = '\(Self.text)' or attributes ->> 'input' = '\(Self.text)'"
      #expect(try await fixture.count(inTheView) > 8)
      #expect(
        try await fixture.count("select count(*) from orchestrator.events where attributes::text like '%orchestrator/reference%'") == 0)
      let key = WorkflowKey(namespace: "default", workflowID: "second")
      let shown = try await engine.client.describe(key)
      #expect(shown.details.outcome?.text == "\"\(Self.text)\"")
      let export = try await engine.client.export(shown.summary.runID)
      #expect(export.events.contains { $0.attributes.text.contains(Self.text) })
      #expect(try Replayer(Self.registry).replay(export).divergence == nil)
    }
    // Another process, which has nothing in memory.
    try await fixture.withEngine(Self.registry) { engine in
      let result = try await engine.client.handle(Carrier.self, id: "first").result()
      #expect(result == Self.text)
    }
  }

  @Test func `A run is rebuilt from a history with large values, encrypted or not`() async throws {
    for codec in [nil, CodecChain([EncryptionCodec(try CodecTests.ring("a"))])] {
      let fixture = try EngineFixture()
      let run = try await fixture.withEngine(Self.registry, codec: codec) { engine in
        let run = try await engine.client.start(Carrier.self, id: "open", input: Carrier.Input(text: Self.text, generation: 1))
        try await eventually("its child has ended") {
          try await fixture.count("select count(*) from orchestrator.events where type = 'ChildWorkflowExecutionCompleted'") == 1
        }
        return run
      }
      try await fixture.withEngine(Self.registry, codec: codec) { engine in
        let check = try await engine.client.checkOpenRuns()
        #expect(check.runs == 1 && check.groups.isEmpty)
        try await engine.client.signal(run.key, name: "stop", input: try PayloadCodec.encode(Self.text))
        let result = try await engine.client.handle(Carrier.self, id: "open").result()
        #expect(result == Self.text)
      }
    }
  }

  @Test func `Retention removes a large value with the last run that refers to it`() async throws {
    let fixture = try EngineFixture()
    func sweep(until left: Int64) async throws {
      try await eventually("all that has ended is gone") {
        try await RetentionSweeper(fixture.pool, retention: .milliseconds(1)) { true }.sweepOnce()
        return try await fixture.count("select count(*) from orchestrator.runs") == left
      }
      try await RetentionSweeper(fixture.pool, retention: .milliseconds(1)) { true }.sweepOnce()
    }
    let values = "select count(*) from orchestrator.large_values"
    try await fixture.withEngine(Self.registry) { engine in
      _ = try await Self.carry(engine, "ended")
      let open = try await engine.client.start(Carrier.self, id: "open", input: Carrier.Input(text: Self.text))
      try await eventually("the open one waits") {
        try await fixture.count("select count(*) from orchestrator.workflows where status <> 'Running'") == 5
      }
      #expect(try await fixture.count(values) == 4)
      try await sweep(until: 1)
      // Its own input, and the text by itself.
      #expect(try await fixture.count(values) == 3)
      try await open.signal(Carrier.stop, Self.text)
      #expect(try await open.result() == Self.text)
      try await sweep(until: 0)
      #expect(try await fixture.count(values) == 0)
      #expect(try await fixture.count("select count(*) from orchestrator.large_value_references") == 0)
    }
  }

  @Test func `A reference that comes while its value is removed keeps it or is refused, and never dangles`() async throws {
    let fixture = try EngineFixture()
    try await fixture.pool.execute(
      script: """
        insert into orchestrator.large_values (hash, bytes, dropped_at)
        select sha256(n::text::bytea), '1', now() from generate_series(1, 400) n
        """)
    let hashes = "(select sha256(n::text::bytea) as hash from generate_series(1, 400) n)"
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0..<60 {
          do {
            _ = try await fixture.pool.query(RetentionStatements.removeLargeValues, Parameters(Int64(20)))
          } catch let error as DatabaseError where error.sqlState == "23503" {}
        }
      }
      for number in 1...400 {
        do {
          _ = try await fixture.pool.query(
            Statement(
              name: "refer_\(number)", sql: "insert into orchestrator.large_value_references select gen_random_uuid(), sha256('\(number)')")
          )
        } catch let error as DatabaseError where error.sqlState == "23503" {}
      }
      try await group.waitForAll()
    }
    let dangling =
      "select count(*) from orchestrator.large_value_references r where not exists (select from orchestrator.large_values v where v.hash = r.hash)"
    #expect(try await fixture.count(dangling) == 0)
    let kept = try await fixture.count("select count(*) from orchestrator.large_value_references")
    let left =
      "select count(*) from orchestrator.large_values v join \(hashes) h using (hash) where exists (select from orchestrator.large_value_references r where r.hash = v.hash)"
    #expect(try await fixture.count(left) == kept)
  }

  @Test func `A result beyond the limit fails its step once, with its type, its size and the limit`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let run = try await engine.client.start(Excessive.self, id: "excessive", input: Limits.payloadBytes)
      let error = await #expect(throws: WorkflowFailure.self) { try await run.result() }
      let cause = try #require(error?.failure?.cause.first)
      #expect(cause.type == "PayloadTooLarge" && !cause.isRetryable)
      #expect(cause.message.contains("type String has \(Limits.payloadBytes + 2) bytes, the limit is \(Limits.payloadBytes)"))
      #expect(try await fixture.count("select count(*) from orchestrator.activity_attempts") == 1)
    }
  }

  @Test func `A reference that a stranger made up shows nobody else's value`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      _ = try await Self.carry(engine, "owner")
      let stolen = LargeValueReference(to: try PayloadCodec.encode(Self.text)).payload
      let sql =
        "select orchestrator.start_workflow('Carrier', 'thief', '{\"text\": \(stolen.text)}'), orchestrator.start_workflow('Confidential', 'thief-2', '\(stolen.text)')"
      _ = try await fixture.pool.query(Statement(name: "steal", sql: sql))
      engine.client.wake()
      try await eventually("both are blocked") { try await fixture.count("select count(*) from orchestrator.blocked_runs") == 2 }
      #expect(try await fixture.text("(select string_agg(reason, '') from orchestrator.blocked_runs)").contains("where it is missing"))
      let seen =
        "select count(*) from orchestrator.events e join orchestrator.runs r using (run_id) where r.workflow_id like 'thief%' and e.attributes::text like '%0,1,2,3,4%'"
      #expect(try await fixture.count(seen) == 0)
    }
  }
}
