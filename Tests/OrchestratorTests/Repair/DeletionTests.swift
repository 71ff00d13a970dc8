import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite("Deletion of runs") struct DeletionTests {
  private let counter = StepCounter()

  @Test func `delete: an ended run goes with all its rows, an open one is refused, others stay`() async throws {
    let fixture = try EngineFixture()
    let key = WorkflowKey(workflowID: "it")
    try await fixture.withEngine(counter.registry()) { engine in
      let client = engine.client
      let first = try await client.start(Delivery.self, id: "it", input: 1)
      await #expect(throws: WorkflowFailure.self) { try await first.result() }
      let open = try await client.start(Listening.self, id: "it", input: "second")
      let refused = await #expect(throws: OrchestratorError.self) { try await client.delete(key) }
      #expect(refused?.code == .invalidArgument && refused?.message.contains("terminate it first") == true)
      #expect(try await client.delete(key, runID: first.runID) == first.runID)
      let run = try #require(first.runID)
      for table in try await fixture.tablesOfRuns() {
        #expect(try await fixture.count("select count(*) from orchestrator.\(table) where run_id = '\(run)'") == 0, "\(table)")
      }
      await #expect(throws: OrchestratorError.self) { try await client.delete(key, runID: first.runID) }
      try await open.signal(Listening.word, "end")
      #expect(try await open.result() == "second: end, 0")
      try await client.delete(key)
      await #expect(throws: OrchestratorError.self) { try await client.describe(key) }
      #expect(try await client.start(Listening.self, id: "it", input: "third").runID != nil)
    }
  }

  @Test func `batch: ended runs are deleted, open ones are none of it`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      for number in 1...7 { try await engine.client.start(Delivery.self, id: "order-\(number)", input: number) }
      try await engine.client.start(Listening.self, id: "order-open", input: "x")
      let failed = "WorkflowType = 'Delivery' AND ExecutionStatus = 'Failed'"
      try await eventually("all have failed") { try await engine.client.countWorkflows(query: failed).count == 7 }
      let progress = try await engine.client.startBatch(
        .delete, query: "WorkflowId STARTS_WITH 'order-'", operationsPerSecond: 1000
      ).result()
      #expect(progress.total == 7 && progress.done == 7 && progress.skipped == 0)
      #expect(try await engine.client.countWorkflows(query: "WorkflowId STARTS_WITH 'order-'").count == 1)
    }
  }
}

extension EngineFixture {
  /// Every table that names runs.
  fileprivate func tablesOfRuns() async throws -> [String] {
    let names = try await text(
      """
      select string_agg(c.table_name, ',') from information_schema.columns c
      join information_schema.tables t using (table_schema, table_name)
      where c.table_schema = 'orchestrator' and c.column_name = 'run_id' and t.table_type = 'BASE TABLE'
      """)
    return names.split(separator: ",").map(String.init)
  }
}
