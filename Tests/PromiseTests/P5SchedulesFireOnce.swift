import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import EngineProcess

/// A schedule's times start once each, whoever dies while they come.
@Suite(.serialized) struct P5SchedulesFireOnce {
  @Test func `processes that act on a schedule are killed one after another, and no time is lost or started twice`() async throws {
    let database = try PromiseDatabase()
    var owners = try (0..<2).map { try ProcessUnderTest("owner-\($0)", database: database.connection) }
    for owner in owners { try await owner.waitUntilSaid("ready") }
    let client = Client(database.pool, identity: "outside")
    let everySecond = Schedule(
      specification: ScheduleSpecification(intervals: [IntervalSpecification(every: .seconds(1))]),
      action: try ScheduleAction(starting: Steps.self, workflowID: "tick", input: 2), policies: SchedulePolicies(overlap: .allowAll))
    try await client.createSchedule("ticks", everySecond)
    for kill in 1...2 {
      let before = try await database.count("select count(*) from orchestrator.runs")
      try await database.waitFor("select (count(*) > \(before))::int from orchestrator.runs", toBe: 1)
      // Only the owner of the first slot acts on schedules.
      let acting = try await database.text(
        "select p.name from orchestrator.slots s join orchestrator.processes p using (process_id) where s.slot = 0")
      let index = try #require(owners.firstIndex { $0.name == acting })
      try await owners.remove(at: index).killAndWait()
      owners.append(try ProcessUnderTest("owner-\(kill + 1)", database: database.connection))
    }
    try await database.waitFor("select (count(*) >= 6)::int from orchestrator.closes", toBe: 1)
    try await client.deleteSchedule("ticks")
    try await database.waitFor(
      "select (select count(*) from orchestrator.runs) - (select count(*) from orchestrator.closes) + (select count(*) from orchestrator.inbox)",
      toBe: 0)
    let holes = """
      select extract(epoch from max(t) - min(t))::int8 + 1 - count(distinct t)
      from (select substring(workflow_id from 6)::timestamptz as t from orchestrator.runs) x
      """
    #expect(try await database.count(holes) == 0)
    #expect(try await database.count("select count(*) - count(distinct workflow_id) from orchestrator.runs") == 0)
    #expect(try await database.checker.violations() == [])
  }
}
