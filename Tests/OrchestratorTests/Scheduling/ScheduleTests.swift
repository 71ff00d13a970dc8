import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Schedules on a real PostgreSQL, with engines that act on them.
@Suite struct ScheduleTests {
  @Test func `a schedule starts its workflow at its times, never early, each once, named after its time`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let everySecond = Schedule(
        specification: ScheduleSpecification(intervals: [IntervalSpecification(every: .seconds(1))]),
        action: try ScheduleAction(starting: Chain.self, workflowID: "tick", input: 1))
      try await engine.client.createSchedule("ticks", everySecond)
      try await eventually("three runs have ended") { try await fixture.runs("Completed") >= 3 }
      try await engine.client.deleteSchedule("ticks")
      let early = """
        select count(*) from orchestrator.runs where started_at < substring(workflow_id from 6)::timestamptz
          or started_at > substring(workflow_id from 6)::timestamptz + interval '30 seconds'
        """
      #expect(try await fixture.count(early) == 0)
      #expect(try await fixture.count("select count(*) - count(distinct workflow_id) from orchestrator.runs") == 0)
      let starters = "select string_agg(distinct attributes ->> 'identity', ',') from orchestrator.events where event_id = 1"
      #expect(try await fixture.text(starters) == "schedule/ticks")
    }
  }

  @Test func `what is due starts once however many processes look, and however often they are cut off`() async throws {
    let fixture = try EngineFixture()
    for number in 0..<150 {
      try await fixture.client.createSchedule("s-\(number)", try EngineFixture.schedule(.allowAll, of: "run-\(number)"))
    }
    try await fixture.pass(hours: 2)
    var session = fixture.database
    session.applicationName = "runner-under-test"
    let database = try Database(session, maximumConnections: 3)
    let cutting = Task {
      while !Task.isCancelled {
        try await fixture.pool.execute(
          script: "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'runner-under-test'")
      }
    }
    await withTaskGroup { group in
      for _ in 0..<3 {
        group.addTask { for _ in 0..<10 { _ = try? await fixture.runner(database).lookOnce() } }
      }
    }
    cutting.cancel()
    _ = await cutting.result
    try await withThrowingTaskGroup { group in
      for _ in 0..<3 {
        group.addTask { while try await fixture.runner(database).lookOnce() > 0 {} }
      }
      try await group.waitForAll()
    }
    let started = try await fixture.started()
    #expect(started.count == 300 && Set(started).count == 300)
    #expect(try await fixture.count("select count(*) from orchestrator.schedules where actions = 2 and look_at > now()") == 150)
    await database.shutdown()
  }

  @Test func `an engine that dies leaves its schedules to the next one`() async throws {
    let fixture = try EngineFixture()
    let first = try await fixture.engine(testRegistry())
    try await fixture.client.createSchedule("s", try EngineFixture.schedule())
    try await fixture.client.triggerSchedule("s")
    try await eventually("the first engine acts") { try await fixture.runs("Running") == 1 }
    await first.shutdown()
    try await fixture.client.triggerSchedule("s")
    try await fixture.withEngine(testRegistry()) { _ in
      try await eventually("the second engine acts") { try await fixture.runs("Running") == 2 }
    }
  }

  @Test func `a buffered start begins when the open run has closed`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      let client = engine.client
      try await client.createSchedule("s", try EngineFixture.schedule(.bufferAll))
      try await fixture.pass(hours: 3)
      for number in 1...3 {
        try await eventually("run \(number) is open and the rest waits") {
          let schedule = try await client.describeSchedule("s").info
          return schedule.actionCount == number && schedule.runningWorkflows.count == 1 && schedule.bufferSize == 3 - number
        }
        let open = try await client.describeSchedule("s").info.runningWorkflows[0].workflowID
        try await eventually("\(open) takes its signal") {
          (try? await client.handle(Approval.self, id: open).signal(Approval.approve, "ann")) != nil
        }
      }
      try await eventually("all have ended") { try await fixture.runs("Completed") == 3 }
      let recent = try await client.describeSchedule("s").info.recentActions
      #expect(recent.count == 3 && recent.map(\.scheduledAt) == recent.map(\.scheduledAt).sorted(by: >))
    }
  }

  @Test(arguments: [(OverlapPolicy.cancelOther, "Canceled"), (.terminateOther, "Terminated")])
  func `a new start ends the open run when the policy says so`(policy: OverlapPolicy, status: String) async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      try await engine.client.createSchedule("s", try EngineFixture.schedule(policy))
      try await engine.client.triggerSchedule("s")
      try await eventually("the first run is open") { try await fixture.runs("Running") == 1 }
      try await fixture.pass(hours: 1)
      try await eventually("it ended, and the next is open") {
        let (ended, open) = (try await fixture.runs(status), try await fixture.runs("Running"))
        return ended == 1 && open == 1
      }
    }
  }

  @Test func `an open run keeps the next from starting by default, and that is counted`() async throws {
    let fixture = try EngineFixture()
    try await fixture.client.createSchedule("s", try EngineFixture.schedule())
    let runner = fixture.runner()
    try await fixture.pass(hours: 1)
    #expect(try await runner.lookOnce() == 1)
    try await fixture.pass(hours: 2)
    #expect(try await runner.lookOnce() == 1)
    let info = try await fixture.client.describeSchedule("s").info
    #expect(info.actionCount == 1 && info.overlapSkipped == 2)
    #expect(try await fixture.started().count == 1)
  }

  @Test func `who may read the views only sees schedules and their open runs`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      try await engine.client.createSchedule("s", try EngineFixture.schedule())
      try await engine.client.triggerSchedule("s")
      try await eventually("its run is open") { try await fixture.runs("Running") == 1 }
      let open = try await fixture.pool.transaction { transaction in
        for sql in [
          "create role schedule_reader", "grant usage on schema orchestrator to schedule_reader",
          "grant select on orchestrator.schedule_list, orchestrator.schedule_actions to schedule_reader", "set local role schedule_reader",
        ] {
          _ = try await transaction.query(Statement(name: "reader_\(sql.count)", sql: sql))
        }
        let sql = "select open_runs from orchestrator.schedule_list join orchestrator.schedule_actions using (schedule_id)"
        return try await transaction.query(Statement(name: "reader_sees", sql: sql)).int64(0, 0)
      }
      #expect(open == 1)
      try await fixture.pool.execute(script: "drop owned by schedule_reader; drop role schedule_reader")
    }
  }

  @Test func `missed times are made up for while they are young enough`() async throws {
    let fixture = try EngineFixture()
    try await fixture.client.createSchedule(
      "s", try EngineFixture.schedule(.allowAll) { $0.policies.catchupWindow = .hours(4) })
    try await fixture.pass(hours: 10)
    #expect(try await fixture.runner().lookOnce() == 1)
    let info = try await fixture.client.describeSchedule("s").info
    #expect(info.actionCount == 4 && info.missedCatchupWindow == 6)
    #expect(try await fixture.started().count == 4)
  }

  @Test func `two triggers in one second are two runs, also while the schedule is paused`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      try await engine.client.createSchedule("s", try EngineFixture.schedule { $0.state.isPaused = true })
      try await fixture.pool.execute(
        script: "begin; select orchestrator.trigger_schedule('s'); select orchestrator.trigger_schedule('s'); commit;")
      try await eventually("both run") { try await fixture.runs("Running") == 2 }
      try await fixture.pool.execute(script: "begin; select orchestrator.trigger_schedule('s'); rollback;")
      #expect(try await engine.client.describeSchedule("s").info.bufferSize == 0)
    }
  }

  @Test func `times pass while a schedule is paused, and it goes on from the moment it is unpaused`() async throws {
    let fixture = try EngineFixture()
    let client = fixture.client
    try await client.createSchedule("s", try EngineFixture.schedule(.allowAll))
    try await client.pauseSchedule("s", note: "holidays")
    #expect(try await fixture.runner().lookOnce() == 1)
    try await fixture.pass(hours: 5)
    #expect(try await fixture.runner().lookOnce() == 0)
    let paused = try await client.describeSchedule("s")
    #expect(
      paused.schedule.state == ScheduleState(isPaused: true, note: "holidays") && paused.info.nextTimes.isEmpty && paused.version == 2)
    try await client.unpauseSchedule("s", note: "back")
    #expect(try await fixture.runner().lookOnce() == 1)
    let back = try await client.describeSchedule("s")
    #expect(back.schedule.state.note == "back" && back.info.actionCount == 0 && back.info.missedCatchupWindow == 0)
    #expect(back.info.nextTimes.count == 10 && back.version == 3)
    #expect(try await fixture.count("select count(*) from orchestrator.schedule_list where next_fire_at > now() and not paused") == 1)
  }

  @Test func `a failed run pauses the schedule and says which run it was`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      var schedule = try EngineFixture.schedule { $0.policies.pauseOnFailure = true }
      schedule.action = try ScheduleAction(starting: Retrying.self, workflowID: "failing", input: 100)
      try await engine.client.createSchedule("s", schedule)
      try await fixture.pass(hours: 1)
      try await eventually("it is paused") { try await engine.client.describeSchedule("s").schedule.state.isPaused }
      let description = try await engine.client.describeSchedule("s")
      #expect(description.schedule.state.note.contains("failing-") && description.schedule.state.note.contains("failed"))
      #expect(description.info.nextTimes.isEmpty && description.version == 2)
    }
  }

  @Test func `a backfill starts each time of a span, one after another`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      var schedule = try EngineFixture.schedule(cron: "@hourly") { $0.state.isPaused = true }
      schedule.action = try ScheduleAction(starting: Chain.self, workflowID: "day", input: 1)
      try await engine.client.createSchedule("s", schedule)
      let (from, through) = (try #require(RecordedTime("2026-01-31T20:30:00Z")), try #require(RecordedTime("2026-02-01T02:00:00Z")))
      try await engine.client.backfillSchedule("s", from: from, through: through)
      try await eventually("all have ended") { try await fixture.runs("Completed") == 6 }
      let expected = ["01-31T21", "01-31T22", "01-31T23", "02-01T00", "02-01T01", "02-01T02"].map { "day-2026-\($0):00:00Z" }
      #expect(try await fixture.started() == expected)
      let order = "select string_agg(workflow_id, ',' order by run_id) from orchestrator.runs"
      #expect(try await fixture.text(order) == expected.joined(separator: ","))
    }
  }

  @Test func `a schedule that this build cannot read says so and holds nobody up`() async throws {
    let fixture = try EngineFixture()
    for id in ["a", "b", "c"] { try await fixture.client.createSchedule(id, try EngineFixture.schedule(of: id)) }
    try await fixture.pool.execute(
      script: """
        update orchestrator.schedules set specification = '{"moons": ["full"]}' where schedule_id = 'a';
        update orchestrator.schedules set workflow_type = repeat('x', 300) where schedule_id = 'b';
        """)
    try await fixture.pass(hours: 1)
    let runner = fixture.runner()
    try await eventually("all were looked at") {
      _ = try? await runner.lookOnce()
      return try await fixture.count("select count(*) from orchestrator.schedules where look_at <= clock_timestamp()") == 0
    }
    #expect(try await fixture.started().map { $0.prefix(1) } == ["c"])
    #expect(try await fixture.text("select problem from orchestrator.schedule_list where schedule_id = 'a'").contains("moons"))
    #expect(try await fixture.text("select problem from orchestrator.schedule_list where schedule_id = 'b'").contains("255 bytes"))
  }
}
