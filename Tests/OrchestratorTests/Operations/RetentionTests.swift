import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// What was kept long enough goes, whole; nothing else does.
@Suite struct RetentionTests {
  private static let tables = ["history", "runs", "closes", "run_states", "activity_attempts"]

  private static func oldRun(hours: Int64 = 3) -> RunID {
    RunID.generate(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000) - hours * 3_600_000)
  }

  private func sweeper(_ fixture: EngineFixture, _ database: Database? = nil) -> RetentionSweeper {
    RetentionSweeper(database ?? fixture.pool, retention: .hours(1)) { true }
  }

  private func age(_ fixture: EngineFixture, _ workflowIDs: String) async throws {
    try await fixture.pool.execute(
      script: """
        update orchestrator.closes set closed_at = closed_at - interval '2 hours'
        where run_id in (select run_id from orchestrator.runs where workflow_id like '\(workflowIDs)')
        """)
  }

  /// Rows of runs in every table of the engine that names runs, whatever tables there are.
  private func rows(_ fixture: EngineFixture, of runID: RunID) async throws -> [String: Int64] {
    let names = try await fixture.pool.query(
      Statement(
        name: "tables_with_runs",
        sql: """
          select c.table_name::text from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
          where c.table_schema = 'orchestrator' and c.column_name = 'run_id' and t.table_type = 'BASE TABLE'
          """))
    var found: [String: Int64] = [:]
    for row in 0..<names.count {
      let table = try names.text(row, 0)
      let count = try await fixture.count("select count(*) from orchestrator.\(table) where run_id = '\(runID)'")
      if count > 0 { found[table] = count }
    }
    return found
  }

  @Test func `exactly the runs that ended long enough ago go, with every row they had`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let client = engine.client
      var due: [RunID] = []
      for number in 0..<5 { due.append(try await client.start(Chain.self, id: "due-\(number)", input: 2, runID: Self.oldRun()).runID!) }
      due.append(try await client.start(Retrying.self, id: "due-retried", input: 2, runID: Self.oldRun()).runID!)
      let approval = try await client.start(Approval.self, id: "due-approval", input: 60_000, runID: Self.oldRun())
      try await approval.signal(Approval.approve, "ann")
      due.append(approval.runID!)
      let chosen = try #require(RunID("f47ac10b-58cc-4372-a567-0e02b2c3d479"))
      due.append(try await client.start(Chain.self, id: "due-chosen", input: 1, runID: chosen).runID!)
      let young = try await client.start(Chain.self, id: "young", input: 2, runID: Self.oldRun())
      let open = try await client.start(Approval.self, id: "open", input: 600_000, runID: Self.oldRun(hours: 1000))
      try await eventually("all have ended") {
        try await fixture.count("select count(*) from orchestrator.closes") == Int64(due.count + 1)
      }
      try await age(fixture, "due-%")
      let kept = [try await rows(fixture, of: young.runID!), try await rows(fixture, of: open.runID!)]
      #expect(try await rows(fixture, of: approval.runID!)["run_states"] == 1)

      #expect(try await sweeper(fixture).sweepOnce() == due.count)

      for run in due { #expect(try await rows(fixture, of: run) == [:]) }
      #expect([try await rows(fixture, of: young.runID!), try await rows(fixture, of: open.runID!)] == kept)
      try await open.signal(Approval.approve, "bob")
      #expect(try await open.result() == "bob")
      #expect(try await sweeper(fixture).sweepOnce() == 0)
    }
  }

  @Test func `a workflow id whose runs went is free, and who asks for a run that went is told`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let runID = Self.oldRun()
      let first = try await engine.client.start(Chain.self, id: "again", input: 2, runID: runID)
      #expect(try await first.result() == 4)
      try await age(fixture, "again")
      #expect(try await sweeper(fixture).sweepOnce() == 1)
      let elsewhere = Client(fixture.pool, testRegistry(), identity: "elsewhere")
      let gone = await #expect(throws: OrchestratorError.self) {
        try await WorkflowHandle<Chain>(client: elsewhere, key: first.key, runID: runID).result()
      }
      #expect(gone?.code == .workflowNotFound)
      #expect(try await engine.client.start(Chain.self, id: "again", input: 3).result() == 8)
    }
  }

  @Test func `a run is there whole or not at all, however often the removal is cut off`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      try await withThrowingTaskGroup { group in
        for number in 0..<60 {
          group.addTask { _ = try await engine.client.start(Chain.self, id: "cut-\(number)", input: 3, runID: Self.oldRun()).result() }
        }
        try await group.waitForAll()
      }
      try await age(fixture, "cut-%")
      var session = fixture.database
      session.applicationName = "sweeper-under-test"
      let database = try Database(session, maximumConnections: 1)
      let sweeper = sweeper(fixture, database)
      let cutting = Task {
        while !Task.isCancelled {
          try await fixture.pool.execute(
            script: "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sweeper-under-test'")
        }
      }
      // Cut off again and again, it still comes to its end in pieces; then once without being cut off.
      for _ in 0..<20 {
        _ = try? await sweeper.sweepOnce()
        #expect(try await fixture.count(Self.damagedRuns) == 0)
      }
      cutting.cancel()
      _ = await cutting.result
      try await eventually("the rest goes") {
        _ = try? await sweeper.sweepOnce()
        return try await fixture.count("select count(*) from orchestrator.runs") == 0
      }
      for table in Self.tables { #expect(try await fixture.count("select count(*) from orchestrator.\(table)") == 0) }
      await database.shutdown()
    }
  }

  /// Ended runs that lack a row.
  private static let damagedRuns = """
    select count(*) from orchestrator.closes c
    where not exists (select from orchestrator.runs r where r.run_id = c.run_id)
      or (select count(*) from orchestrator.history h where h.run_id = c.run_id) <> c.last_event_id
    """

  @Test func `engines remove by themselves while work goes on, and one of them does it`() async throws {
    let fixture = try EngineFixture()
    let keepBriefly: (inout EngineConfiguration) -> Void = { $0.retention = .seconds(2) }
    try await fixture.withEngine(testRegistry(), keepBriefly) { first in
      try await fixture.withEngine(testRegistry(), keepBriefly) { second in
        let waiting = try await first.client.start(Approval.self, id: "waiting", input: 600_000)
        for round in 0..<3 {
          for engine in [first, second] {
            let handle = try await engine.client.start(Chain.self, id: "round-\(round)", input: 1)
            #expect(try await handle.result() == 2)
          }
        }
        try await eventually("all but the open one went") {
          try await fixture.count("select count(*) from orchestrator.runs") == 1
        }
        #expect(try await fixture.count("select count(*) from orchestrator.closes") == 0)
        try await waiting.signal(Approval.approve, "ann")
        #expect(try await waiting.result() == "ann")
      }
    }
  }
}
