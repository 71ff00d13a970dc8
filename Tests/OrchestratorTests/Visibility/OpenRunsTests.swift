import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct OpenRunsTests {
  @Test func `a check of open runs leaves 20,000 that ended alone`() async throws {
    let fixture = try EngineFixture()
    // Every thousandth is open and parked; three at the end are open and at work, at and above the low-water mark.
    try await fixture.script(
      """
      with made as (
        select n, lpad(to_hex(n), 32, '0')::uuid as run_id, 'w' || n as workflow_id from generate_series(1, 20003) n),
      started as (
        insert into orchestrator.runs select run_id, 0, 'default', workflow_id, 'Chain', now() from made),
      ended as (
        insert into orchestrator.closes (run_id, slot, status, closed_at, last_event_id)
        select run_id, 0, 2, now(), 2 from made where n <= 20000 and n % 1000 <> 0),
      parked as (
        insert into orchestrator.parked_runs select run_id, 0, now(), 'a signal' from made where n <= 20000 and n % 1000 = 0)
      update orchestrator.slots set low_water = lpad(to_hex(20001), 32, '0')::uuid
      """)
    try await fixture.script("vacuum analyze orchestrator.runs")
    try await fixture.script("vacuum analyze orchestrator.closes")
    let read = Statement(
      name: "rows_read",
      sql: """
        select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int8 from pg_stat_xact_user_tables
        where schemaname = 'orchestrator' and relname in ('runs', 'closes', 'parked_runs')
        """)
    for settings in [[:], PostgresStore.sessionSettings] {
      var session = fixture.database
      session.settings = settings
      let database = try Database(session, maximumConnections: 1)
      var found: [Int64] = []
      var count: Int64 = 0
      while true {
        let last = RunID(try #require(UUID(uuidString: "00000000-0000-0000-0000-" + String(format: "%012x", Int(found.last ?? 0)))))
        let page = VisibilityQueryStatements.openRuns(after: last, nil, "Chain", limit: 10)
        let results = try await database.run(page + [(read, Parameters())])
        count += try results[2].int64(0, 0)
        for row in 0..<results[1].count { found.append(Int64(try results[1].text(row, 2).dropFirst()) ?? 0) }
        if results[1].count < 10 { break }
      }
      #expect(found == (1...20).map { $0 * 1000 } + [20001, 20002, 20003])
      #expect(count < 500, "\(count) rows were read")
      await database.shutdown()
    }
  }
}
