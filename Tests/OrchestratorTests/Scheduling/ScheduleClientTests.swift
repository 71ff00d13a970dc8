import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// What clients say about schedules, without an engine.
@Suite struct ScheduleClientTests {
  @Test func `bad input is refused by its code and leaves nothing behind`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    func refused(_ adjust: (inout Schedule) -> Void) async throws -> ErrorCode? {
      let schedule = try EngineFixture.schedule(.skip, cron: "@hourly", of: "run", adjust)
      let error = await #expect(throws: OrchestratorError.self) { try await client.createSchedule("s", schedule) }
      return error?.code
    }
    #expect(try await refused { $0.specification.cronExpressions = ["61 * * * *"] } == .invalidArgument)
    #expect(try await refused { $0.specification.cronExpressions = ["0 0 30 2 *"] } == .invalidArgument)
    #expect(try await refused { $0.specification.timeZone = "Mars/Olympus" } == .invalidArgument)
    #expect(try await refused { $0.action.workflowType = "" } == .invalidArgument)
    #expect(try await refused { $0.action.workflowID = String(repeating: "x", count: 228) } == .invalidArgument)
    #expect(try await refused { $0.policies.catchupWindow = .seconds(1) } == .invalidArgument)
    #expect(try await refused { $0.state.remainingActions = -1 } == .invalidArgument)
    let schedule = try EngineFixture.schedule()
    for id in ["", String(repeating: "x", count: 256), "a\0b"] {
      await #expect(throws: OrchestratorError.self) { try await client.createSchedule(id, schedule) }
    }
    #expect(try await fixture.count("select count(*) from orchestrator.schedules") == 0)
  }

  @Test func `who asks for a schedule that is not there is told, whatever it is`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    let schedule = try EngineFixture.schedule()
    let now = RecordedTime(microseconds: 1_700_000_000_000_000)
    let calls: [@Sendable () async throws -> Void] = [
      { _ = try await client.describeSchedule("none") }, { try await client.pauseSchedule("none") },
      { try await client.unpauseSchedule("none") }, { try await client.triggerSchedule("none") },
      { try await client.deleteSchedule("none") }, { try await client.updateSchedule("none", to: schedule) },
      { try await client.backfillSchedule("none", from: now, through: now) },
      { _ = try await client.previewTimes("none", from: now, through: now) },
    ]
    for call in calls {
      let error = await #expect(throws: OrchestratorError.self) { try await call() }
      #expect(error?.code == .scheduleNotFound)
    }
  }

  @Test func `a schedule is unique in its namespace and gone when it was deleted`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    let schedule = try EngineFixture.schedule()
    try await client.createSchedule("s", schedule)
    let error = await #expect(throws: OrchestratorError.self) { try await client.createSchedule("s", schedule) }
    #expect(error?.code == .scheduleAlreadyExists)
    try await client.createSchedule("s", schedule, namespace: "other")
    try await client.deleteSchedule("s")
    #expect(try await client.listSchedules().items.isEmpty)
    #expect(try await client.listSchedules(namespace: "other").items.map(\.scheduleID) == ["s"])
  }

  @Test func `an update replaces a schedule unless somebody was faster, and keeps what it did`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    try await client.createSchedule("s", try EngineFixture.schedule())
    try await fixture.pass(hours: 1)
    try await fixture.runner().lookOnce()
    let seen = try await client.describeSchedule("s")
    var changed = seen.schedule
    changed.specification.cronExpressions = ["@daily"]
    changed.policies.overlap = .bufferOne
    try await client.updateSchedule("s", to: changed, ifVersion: seen.version)
    let error = await #expect(throws: OrchestratorError.self) {
      try await client.updateSchedule("s", to: seen.schedule, ifVersion: seen.version)
    }
    #expect(error?.code == .scheduleChanged)
    let found = try await client.describeSchedule("s")
    #expect(found.schedule == changed && found.version == seen.version + 1 && found.info.actionCount == 1)
    #expect(found.info.nextTimes.allSatisfy { $0.nominal.microseconds % 86_400_000_000 == 0 })
    try await fixture.runner().lookOnce()
    let due = "select count(*) from orchestrator.schedules where extract(epoch from look_at)::int8 % 86400 = 0 and look_at > now()"
    #expect(try await fixture.count(due) == 1)
  }

  @Test func `lists come in pages and times can be looked at in advance`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    for number in 0..<5 { try await client.createSchedule("s-\(number)", try EngineFixture.schedule(cron: "@hourly")) }
    let first = try await client.listSchedules(limit: 3)
    let rest = try await client.listSchedules(limit: 3, cursor: first.nextCursor)
    #expect((first.items + rest.items).map(\.scheduleID) == (0..<5).map { "s-\($0)" } && rest.nextCursor == nil)
    #expect(first.items.allSatisfy { $0.info.nextTimes.count == 1 })
    let (from, through) = (try #require(RecordedTime("2026-12-31T22:30:00Z")), try #require(RecordedTime("2027-01-01T01:00:00Z")))
    let times = try await client.previewTimes("s-0", from: from, through: through)
    #expect(times.map { "\($0.nominal)".prefix(16) } == ["2026-12-31T23:00", "2027-01-01T00:00", "2027-01-01T01:00"])
  }

  @Test func `a backfill goes from a start to an end behind it, not into the future`() async throws {
    let fixture = try EngineFixture()
    try await fixture.client.createSchedule("s", try EngineFixture.schedule())
    let future = RecordedTime(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000) + 86_400_000_000)
    let past = RecordedTime(microseconds: future.microseconds - 2 * 86_400_000_000)
    for (from, through) in [(past, future), (future, past)] {
      let error = await #expect(throws: OrchestratorError.self) {
        try await fixture.client.backfillSchedule("s", from: from, through: through)
      }
      #expect(error?.code == .invalidArgument)
    }
    #expect(try await fixture.count("select jsonb_array_length(backfills) from orchestrator.schedules") == 0)
  }
}
