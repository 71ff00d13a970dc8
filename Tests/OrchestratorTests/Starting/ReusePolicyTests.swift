import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite("Reuse and conflict policies") struct ReusePolicyTests {
  private func expectRefusal(_ body: () async throws -> Void) async {
    let error = await #expect(throws: OrchestratorError.self) { try await body() }
    #expect(error?.code == .workflowAlreadyStarted)
  }

  @Test
  func `a workflow id may be used again by default, never with rejectDuplicate, and after failures only with allowDuplicateFailedOnly`()
    async throws
  {
    let fixture = try EngineFixture()
    try await fixture.withEngine(startingRegistry()) { engine in
      let remote = Client(fixture.pool, identity: "elsewhere")
      let failedOnly = StartOptions(reusePolicy: .allowDuplicateFailedOnly)
      for client in [engine.client, remote] {
        let id = "reused by \(client === remote)"
        _ = try await client.start(Chain.self, id: id, input: 1, options: StartOptions(reusePolicy: .rejectDuplicate)).result()
        await expectRefusal { try await client.start(Chain.self, id: id, input: 1, options: StartOptions(reusePolicy: .rejectDuplicate)) }
        await expectRefusal { try await client.start(Chain.self, id: id, input: 1, options: failedOnly) }
        let failing = try await client.start(Stumbling.self, id: id, input: .init(succeedsAt: 2))
        await #expect(throws: WorkflowFailure.self) { try await failing.result() }
        #expect(try await client.start(Chain.self, id: id, input: 2, options: failedOnly).result() == 4)
      }
    }
  }

  @Test func `a start that finds an open run is refused, gets that run, or takes its place in one commit`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(startingRegistry()) { engine in
      let remote = Client(fixture.pool, identity: "elsewhere")
      for client in [engine.client, remote] {
        let id = "contended by \(client === remote)"
        let first = try await client.start(Patient.self, id: id, input: "first")
        try await eventually("it runs") { try await fixture.status(of: first.runID) == "Running" }
        await expectRefusal { try await client.start(Patient.self, id: id, input: "second") }
        let existing = try await client.start(Patient.self, id: id, input: "third", options: StartOptions(conflictPolicy: .useExisting))
        #expect(existing.runID == first.runID)
        let next = try await client.start(Patient.self, id: id, input: "fourth", options: StartOptions(conflictPolicy: .terminateExisting))
        let failure = await #expect(throws: WorkflowFailure.self) { try await first.result() }
        #expect(failure?.status == .terminated)
        try await next.signal(Patient.word, "word")
        #expect(try await next.result() == "fourth word")
        #expect(try await fixture.statuses(of: id) == "Terminated Completed")
        #expect(
          try await fixture.count(
            "select count(*) from orchestrator.history a join orchestrator.history b on a.xmin = b.xmin where a.run_id = '\(first.runID!)' "
              + "and a.type = 27 and b.run_id = '\(next.runID!)' and b.type = 1") == 1)
      }
    }
  }

  @Test func `a run that nobody has in memory is found, also by a start that terminates it`() async throws {
    let fixture = try EngineFixture()
    let first = try await fixture.withEngine(startingRegistry()) { engine in
      let first = try await engine.client.start(Patient.self, id: "forgotten", input: "first")
      try await eventually("it is parked") { try await fixture.count("select count(*) from orchestrator.parked_runs") == 1 }
      return first.runID
    }
    try await fixture.withEngine(startingRegistry()) { engine in
      let using = try await engine.client.start(
        Patient.self, id: "forgotten", input: "", options: StartOptions(conflictPolicy: .useExisting))
      #expect(using.runID == first)
    }
    try await fixture.withEngine(startingRegistry()) { engine in
      let next = try await engine.client.start(
        Patient.self, id: "forgotten", input: "next", options: StartOptions(conflictPolicy: .terminateExisting))
      try await next.signal(Patient.word, "word")
      #expect(try await next.result() == "next word")
      #expect(try await fixture.status(of: first) == "Terminated")
    }
  }

  @Test func `a start that was acknowledged and finds the id taken meanwhile goes on as the open run`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "elsewhere")
    // Two starts that do not see each other, as of concurrent transactions; no owner runs yet.
    let first = try await client.start(Patient.self, id: "raced", input: "first")
    let second = RunID.generate()
    try await fixture.insertStart(of: "raced", as: second, options: #"{"conflictPolicy": "useExisting"}"#)
    try await fixture.withEngine(startingRegistry()) { engine in
      try await first.signal(Patient.word, "word")
      let late = WorkflowHandle<Patient>(client: engine.client, key: first.key, runID: second)
      #expect(try await late.result() == "first word")
      #expect(try await fixture.status(of: second) == "ContinuedAsNew")
      try await engine.replayAll(fixture, startingRegistry())
    }
  }

  @Test func `options that are none are refused with a reason`() async throws {
    let fixture = try EngineFixture()
    for options in [
      #"{"reusePolicy": "sometimes"}"#, #"{"runTimeoutMilliseconds": 1.5}"#, #"{"startDelay": 1}"#, #"{"retryPolicy": {"attempts": 1}}"#,
      "[]",
      #"{"retryPolicy": {"maximumAttempts": -1}}"#,
    ] {
      let error = await #expect(throws: DatabaseError.self) {
        _ = try await fixture.text("select orchestrator.start_workflow('Chain', 'a', options => '\(options)')")
      }
      #expect(error?.sqlState == "OR005", "\(options)")
    }
  }
}

extension EngineFixture {
  /// The row of a start by someone whose transaction saw no other.
  func insertStart(of id: String, as runID: RunID, options: String) async throws {
    _ = try await pool.query(
      Statement(
        name: "insert_start",
        sql: """
          insert into orchestrator.inbox (slot, run_id, kind, workflow_id, namespace, attributes)
          values (orchestrator.slot_of('default', $1), $2, 1, $1, 'default', convert_to(json_build_object(
            'workflowType', 'Patient', 'namespace', 'default', 'workflowId', $1, 'input', 'second', 'identity', 'racer',
            'options', $3::json)::text, 'UTF8'))
          """, parameterTypes: [.text, .uuid, .text]), Parameters(id, runID.uuid, options))
  }
}

extension Engine {
  /// Every history is replayed against the code at hand.
  func replayAll(_ fixture: EngineFixture, _ registry: Registry) async throws {
    let rows = try await fixture.pool.query(Statement(name: "all_runs", sql: "select run_id from orchestrator.runs"))
    for row in 0..<rows.count {
      let history = try await client.export(RunID(try rows.uuid(row, 0)))
      let report = try Replayer(registry).replay(history)
      #expect(report.divergence == nil, "\(history.workflowID)")
    }
  }
}
