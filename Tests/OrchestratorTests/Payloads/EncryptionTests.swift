import Cryptography
import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct EncryptionTests {
  private static func chain(_ active: String, _ others: String...) throws -> CodecChain {
    let keys = Dictionary(uniqueKeysWithValues: ([active] + others).map { ($0, Digest.sha256($0.utf8)) })
    return CodecChain([CompressionCodec(), EncryptionCodec(try KeyRing(active: active, keys: keys))], encodesFailureMessages: true)
  }

  /// Runs the body beside a worker for the other queue.
  private static func withWorker(_ fixture: EngineFixture, _ codec: CodecChain?, _ body: () async throws -> Void) async throws {
    var configuration = ActivityWorkerConfiguration(database: fixture.database, taskQueues: ["elsewhere": 4])
    configuration.codec = codec
    configuration.lease = .milliseconds(1500)
    let worker = try ActivityWorker(configuration, ConfidentialSteps.registry)
    let running = Task { await worker.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    worker.stop()
    await running.value
    try result.get()
  }

  @Test func `No value of a run reaches the disk in the clear, and everybody with the keys reads it`() async throws {
    let fixture = try EngineFixture()
    let canary = "canary-\(UUID().uuidString)"
    let codec = try Self.chain("2026")
    try await fixture.withEngine(ConfidentialSteps.registry, codec: codec) { engine in
      try await Self.withWorker(fixture, codec) {
        let memo = try PayloadCodec.encode(["note": canary])
        // Through the inbox, as from a process that owns nothing.
        let outside = Client(fixture.pool, ConfidentialSteps.registry, identity: "outside", codec: codec)
        let run = try await outside.start(Confidential.self, id: "one", input: canary, memo: memo)
        try await eventually("the run waits for its note") {
          try await fixture.count("select count(*) from orchestrator.events where type = 'ActivityTaskFailed'") == 1
        }
        #expect(try await run.update(Confidential.add, "+") == canary + "+")
        await #expect(throws: UpdateFailure.self) { try await run.update(Confidential.reject, canary) }
        #expect(try await run.query(Confidential.secret) == canary + "+")
        try await outside.signal(run.key, name: "note", input: try PayloadCodec.encode(canary))
        #expect(try await run.result() == canary + "+")
        #expect(try await engine.client.handle(Confidential.self, id: "one").result() == canary + "+")
        try await engine.client.createSchedule(
          "daily",
          Schedule(
            specification: ScheduleSpecification(cronExpressions: ["0 0 1 1 *"]),
            action: try ScheduleAction(starting: Confidential.self, workflowID: "scheduled", input: canary + "-child")))
        try await engine.client.triggerSchedule("daily")
        try await eventually("the scheduled run has ended") {
          try await fixture.count("select count(*) from orchestrator.workflows where status = 'Completed'") == 3
        }
      }
      let shown = try await engine.client.describe(WorkflowKey(namespace: "default", workflowID: "one"))
      #expect(shown.details.input?.text.contains("encrypted with key '2026'") == true)
      #expect(shown.details.memo?.text.contains("encrypted with key '2026'") == true)
      let decoded = try await engine.client.describe(shown.summary.key, showing: .decoded)
      #expect(decoded.details.input?.text == "\"\(canary)\"")
      #expect(decoded.details.outcome?.text == "\"\(canary)+\"")
      let history = try await engine.client.history(shown.summary.runID, showing: .decoded).events
      #expect(history.contains { $0.type == "ActivityTaskFailed" && $0.attributes.text.contains("refused: \(canary)") })
      #expect(try await !engine.client.history(shown.summary.runID).events.contains { $0.attributes.text.contains(canary) })
      let attempts = try await engine.client.attempts(shown.summary.runID, showing: .decoded)
      #expect(attempts.allSatisfy { $0.failure.message == "refused: \(canary)" && $0.failure.details?.text == "\"\(canary)\"" })
      let export = try await engine.client.export(shown.summary.runID)
      #expect(try Replayer(ConfidentialSteps.registry).replay(export.decoded(codec)).divergence == nil)
      #expect(try Replayer(ConfidentialSteps.registry).replay(export).divergence?.message.contains("key '2026'") == true)
    }
    #expect(try await fixture.places(of: canary) == [])
    #expect(try await !fixture.places(of: "Confidential").isEmpty, "the search finds what is there")
  }

  @Test func `A run that lacks its key is blocked and says which, and goes on where the key is`() async throws {
    let fixture = try EngineFixture()
    let registry = testRegistry()
    let run = try await fixture.withEngine(registry, codec: try Self.chain("old")) { engine in
      let run = try await engine.client.start(Approval.self, id: "blocked", input: 60_000)
      try await engine.client.start(Approval.self, id: "parked", input: 60_000)
      return run
    }
    for codec in [nil, try Self.chain("new")] {
      try await fixture.withEngine(registry, codec: codec) { engine in
        let outside = Client(fixture.pool, registry, identity: "outside", codec: try Self.chain("old"))
        if codec != nil { try await outside.signal(run.key, name: "approve", input: try PayloadCodec.encode("Ada")) }
        try await eventually("the run is blocked") {
          try await fixture.text("select string_agg(code || reason, '') from orchestrator.blocked_runs").contains("key 'old'")
        }
        let own = try await engine.client.start(Approval.self, id: "other-\(codec == nil)", input: 1)
        #expect(try await own.result() == "expired")
      }
    }
    try await fixture.withEngine(registry, codec: try Self.chain("new", "old")) { engine in
      let result = try await engine.client.handle(Approval.self, id: "blocked").result()
      #expect(result == "Ada")
    }
  }

  @Test func `A worker without the key begins nothing, and one that has it finds the task`() async throws {
    let fixture = try EngineFixture()
    let codec = try Self.chain("a")
    try await fixture.withEngine(ConfidentialSteps.registry, codec: codec) { engine in
      let run = try await engine.client.start(Confidential.self, id: "task", input: "x-child")
      try await Self.withWorker(fixture, try Self.chain("b")) {
        try await eventually("the task was put aside") {
          try await fixture.count("select count(*) from orchestrator.activity_tasks where visible_at > now() + interval '5 s'") == 1
        }
      }
      #expect(try await fixture.count("select count(*) from orchestrator.activity_attempts") == 0)
      let tasks = RemoteTasks(engine.client)
      _ = try await fixture.pool.query(Statement(name: "now", sql: "update orchestrator.activity_tasks set visible_at = now()"))
      let leased = try await tasks.poll("elsewhere", worker: "python", maximum: 1, lease: .seconds(5), wait: .seconds(5))
      #expect(leased.first?.input.text == "\"x-child\"")
      let token = try #require(leased.first?.taskToken)
      _ = try await tasks.heartbeat([(token, leased[0].input)], lease: .seconds(5))
      #expect(try await fixture.text("select convert_from(heartbeat_details, 'UTF8') from orchestrator.activity_tasks").contains("aes"))
      _ = try await tasks.complete([(token, leased[0].input)], worker: "python")
      #expect(try await run.result() == "x-child")
    }
  }

  @Test func `Runs that began in the clear, and starts and signals by SQL, go on beside encrypted ones`() async throws {
    let fixture = try EngineFixture()
    let registry = testRegistry()
    let plain = try await fixture.withEngine(registry) { engine in try await engine.client.start(Approval.self, id: "plain", input: 60_000)
    }
    try await fixture.withEngine(registry, codec: try Self.chain("a")) { engine in
      let sql =
        "select orchestrator.start_workflow('Approval', 'by-sql', '60000'), orchestrator.signal_workflow('plain', 'approve', '\"Ada\"')"
      _ = try await fixture.pool.query(Statement(name: "start_by_sql", sql: sql))
      engine.client.wake()
      #expect(try await engine.client.handle(Approval.self, id: plain.key.workflowID).result() == "Ada")
      try await eventually("the start was taken") { try await fixture.count("select count(*) from orchestrator.inbox") == 0 }
      let started = engine.client.handle(Approval.self, id: "by-sql")
      try await started.signal(Approval.approve, "Grace")
      #expect(try await started.result() == "Grace")
      #expect(try await fixture.count("select count(*) from orchestrator.events where attributes::text like '%Grace%'") == 0)
      await #expect(throws: OrchestratorError.self) {
        let forged = Payload(json: Array(#"{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate"},"data":""}"#.utf8))
        try await engine.client.start(type: "Approval", key: WorkflowKey(namespace: "default", workflowID: "forged"), input: forged)
      }
    }
  }
}
