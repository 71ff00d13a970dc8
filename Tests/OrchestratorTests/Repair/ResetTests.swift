import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Semantics "Reset" of Temporal, and what is better here.
@Suite("Reset of runs") struct ResetTests {
  private let counter = StepCounter()
  private let key = WorkflowKey(workflowID: "it")

  @Test func `reset: a failed run goes on from before the step that failed, completed steps are kept`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Delivery.self, id: "it", input: 7)
      await #expect(throws: WorkflowFailure.self) { try await first.result() }
      counter.isOpen = true
      let second = try await engine.client.retry(key, reason: "the gate is open")
      #expect(try await engine.client.handle(Delivery.self, id: "it").result() == "1 7 1")
      #expect(counter["pack"] == 1 && counter["gated"] == 2 && counter["tell"] == 1)
      #expect(second != first.runID)
      let (old, new) = (try await engine.client.describe(key, runID: first.runID), try await engine.client.describe(key, runID: second))
      #expect(old.summary.status == .failed && new.summary.status == .completed)
      let link = try #require(old.details.resets.first)
      #expect(old.details.resets == new.details.resets && link.runID == second && link.baseRunID == first.runID && !link.isFork)
      #expect(link.reason == "the gate is open")
      #expect(try await isCopied(fixture, from: first.runID!, to: second, through: link.eventID))
      await #expect(throws: OrchestratorError.self) { try await engine.client.retry(key) }
    }
  }

  @Test func `reset: an open run ends in the commit that begins the new one, later signals and updates are delivered again`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Listening.self, id: "it", input: "all")
      try await eventually("it listens") { try await fixture.events(of: first.runID).count == 3 }
      try await first.signal(Listening.word, "one", requestID: "request-1")
      #expect(try await first.update(Listening.add, 5) == 5)
      let second = try await engine.client.reset(key, to: .event(3))
      // Known: what was delivered again does not count twice.
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "again", requestID: "request-1")
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "end")
      #expect(try await engine.client.handle(Listening.self, id: "it").result() == "all: one end, 5")
      // Whoever waits for the first is told of what goes on.
      #expect(try await first.result() == "all: one end, 5")
      #expect(counter["begin"] == 1)
      #expect(try await engine.client.describe(key, runID: first.runID).summary.status == .terminated)
      #expect(try await fixture.events(of: first.runID).last == "WorkflowExecutionTerminated")
      #expect(
        try await fixture.text(
          "select attributes ->> 'newExecutionRunId' from orchestrator.events where run_id = '\(first.runID!)' order by event_id desc limit 1"
        )
          == second.description)
    }
  }

  @Test func `reset: signals and updates can be excluded`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Listening.self, id: "it", input: "none")
      try await eventually("it listens") { try await fixture.events(of: first.runID).count == 3 }
      try await first.signal(Listening.word, "one")
      #expect(try await first.update(Listening.add, 5) == 5)
      let preview = try await engine.client.previewReset(key, to: .event(3))
      #expect(preview.messages.map(\.name) == ["word", "add"] && preview.lastEventID == 3)
      try await engine.client.reset(key, to: .event(3), excluding: [.signals, .updates])
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "end")
      #expect(try await engine.client.handle(Listening.self, id: "it").result() == "none: end, 0")
    }
  }

  @Test func `reset: pending activities of the kept part are scheduled again with their first attempt`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Delivery.self, id: "it", input: 7)
      await #expect(throws: WorkflowFailure.self) { try await first.result() }
      let history = try await engine.client.export(first.runID!).rows()
      let asked = try #require(history.last { $0.type == .activityTaskScheduled })
      let preview = try await engine.client.previewReset(key, to: .event(asked.eventID))
      #expect(preview.restartedActivities.map(\.name) == ["gated"] && preview.repeatedActivities.isEmpty && !preview.isLastEventNew)
      counter.isOpen = true
      let second = try await engine.client.reset(key, to: .event(asked.eventID))
      #expect(try await engine.client.handle(Delivery.self, id: "it").result() == "1 7 1")
      #expect(try await fixture.count("select count(*) from orchestrator.failed_attempts where run_id = '\(second)'") == 0)
      #expect(try await engine.client.previewReset(key, to: .first).repeatedActivities.count == 3)
    }
  }

  @Test func `reset: to its first event all runs again, to its last activity that one runs again`() async throws {
    let fixture = try EngineFixture()
    counter.isOpen = true
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Delivery.self, id: "it", input: 7)
      #expect(try await first.result() == "1 7 1")
      try await engine.client.reset(key, to: .lastActivity)
      #expect(try await engine.client.handle(Delivery.self, id: "it").result() == "1 7 2")
      try await engine.client.reset(key, to: .first)
      #expect(try await engine.client.handle(Delivery.self, id: "it").result() == "2 7 3")
      #expect(counter["gated"] == 2)
    }
  }

  @Test func `reset: the same new run id is the same request`() async throws {
    let fixture = try EngineFixture()
    counter.isOpen = true
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Delivery.self, id: "it", input: 7)
      #expect(try await first.result() == "1 7 1")
      let new = RunID.generate()
      for _ in 0..<3 { #expect(try await engine.client.reset(key, runID: first.runID, to: .first, newRunID: new) == new) }
      #expect(try await engine.client.handle(Delivery.self, id: "it").result() == "2 7 2")
      #expect(try await fixture.count("select count(*) from orchestrator.runs") == 2)
    }
  }

  @Test func `reset: of two at once one is carried out, the other is told why not`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Listening.self, id: "it", input: "both")
      try await eventually("it listens") { try await fixture.events(of: first.runID).count == 3 }
      let (client, base) = (engine.client, first.runID)
      let answers = await withTaskGroup(of: Result<RunID, any Error>.self) { group in
        for _ in 0..<2 {
          group.addTask {
            do { return .success(try await client.reset(self.key, runID: base, to: .event(3))) } catch { return .failure(error) }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.filter { (try? $0.get()) != nil }.count == 1)
      let refusals = answers.compactMap { answer in
        if case .failure(let error) = answer { (error as? OrchestratorError)?.code } else { nil }
      }
      #expect(refusals == [.workflowAlreadyStarted])
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "end")
      #expect(try await first.result() == "both: end, 0")
    }
  }

  @Test func `reset: what cannot be is refused with the reason, and nothing changes`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Listening.self, id: "it", input: "x")
      try await eventually("it listens") { try await fixture.events(of: first.runID).count == 3 }
      await #expect(
        performing: { try await engine.client.reset(key, to: .event(99)) }, throws: { ($0 as? OrchestratorError)?.code == .invalidArgument }
      )
      await #expect(performing: { try await engine.client.retry(key) }, throws: { ($0 as? OrchestratorError)?.code == .invalidArgument })
      let unknown = WorkflowKey(workflowID: "unknown")
      await #expect(
        performing: { try await engine.client.reset(unknown, to: .first) },
        throws: { ($0 as? OrchestratorError)?.code == .workflowNotFound })
      try await first.signal(Listening.word, "end")
      #expect(try await first.result() == "x: end, 0")
      try await engine.client.start(Listening.self, id: "it", input: "y")
      await #expect(
        performing: { try await engine.client.reset(key, runID: first.runID, to: .first) },
        throws: { ($0 as? OrchestratorError)?.code == .workflowAlreadyStarted })
      #expect(try await fixture.count("select count(*) from orchestrator.workflow_resets where refused_code is not null") == 3)
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
    }
  }

  @Test func `reset: chance before the reset point is what it was, behind it is the new run's own`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Draws.self, id: "it", input: 0)
      for _ in 0..<2 { try await first.signal(Draws.go, Nothing()) }
      let drawn = try await first.result()
      try await engine.client.reset(key, to: .event(2))
      let again = try await engine.client.handle(Draws.self, id: "it").result()
      #expect(again[0] == drawn[0] && again[1] != drawn[1] && again[2] != drawn[2])
      // Replayed from its history, and reset once more.
      try await engine.client.reset(key, to: .event(3))
      let third = try await engine.client.handle(Draws.self, id: "it").result()
      #expect(third[0] == drawn[0] && third[1] == again[1] && third[2] != again[2])
    }
  }

  @Test func `reset: the results of children that ended are kept, those that go on answer the new run`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Household.self, id: "it", input: .terminate)
      let guest = engine.client.handle(Guest.self, id: "guest")
      try await eventually("the guest is there") { try await fixture.count("select count(*) from orchestrator.runs") == 2 }
      // Event 2 started the child, which is open.
      let second = try await engine.client.reset(key, to: .event(2))
      try await guest.signal(Guest.leave, "bye")
      try await eventually("its word reached the new run") {
        try await fixture.events(of: second).contains("ChildWorkflowExecutionCompleted")
      }
      // Now it has ended.
      try await engine.client.reset(key, to: .event(2))
      try await engine.client.handle(Household.self, id: "it").signal(Household.word, "all")
      #expect(try await engine.client.handle(Household.self, id: "it").result() == "bye all")
      #expect(try await first.result() == "bye all")
      #expect(try await fixture.count("select count(*) from orchestrator.runs where workflow_id = 'guest'") == 1)
    }
  }

  @Test func `reset: another owner replays the new run from its rows`() async throws {
    let fixture = try EngineFixture()
    let run = try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Listening.self, id: "it", input: "later")
      try await eventually("it listens") { try await fixture.events(of: first.runID).count == 3 }
      try await first.signal(Listening.word, "one")
      return try await engine.client.reset(key, to: .event(3))
    }
    try await fixture.withEngine(counter.registry()) { engine in
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "end")
      #expect(try await engine.client.handle(Listening.self, id: "it").result() == "later: one end, 0")
      #expect(try await engine.client.describe(key).summary.runID == run)
    }
  }

  @Test func `reset: a history of tens of thousands of events is copied`() async throws {
    let fixture = try EngineFixture()
    let first = try await fixture.withEngine(counter.registry()) { engine in
      let handle = try await engine.client.start(Listening.self, id: "it", input: "long")
      try await eventually("it listens") { try await fixture.events(of: handle.runID).count == 3 }
      return handle.runID!
    }
    _ = try await fixture.pool.query(
      Statement(
        name: "many_signals",
        sql: """
          insert into orchestrator.history (run_id, event_id, slot, type, at, caused_by, attributes)
          select r.run_id, n, r.slot, 26, now(), 0, convert_to(format('{"signalName":"other","input":1,"requestId":"%s"}', n), 'UTF8')
          from orchestrator.runs r, generate_series(4, 40000) n
          """))
    try await fixture.withEngine(counter.registry()) { engine in
      let second = try await engine.client.reset(key, to: .event(30_000), excluding: [.signals])
      try await engine.client.handle(Listening.self, id: "it").signal(Listening.word, "end")
      #expect(try await engine.client.handle(Listening.self, id: "it").result() == "long: end, 0")
      #expect(try await isCopied(fixture, from: first, to: second, through: 30_000))
      #expect(try await fixture.count("select max(event_id) from orchestrator.history where run_id = '\(second)'") == 30_002)
    }
  }

  @Test func `fork: a run of another workflow id begins with a part of the history, or with another input; the old one is untouched`()
    async throws
  {
    let fixture = try EngineFixture()
    try await fixture.withEngine(counter.registry()) { engine in
      let first = try await engine.client.start(Delivery.self, id: "it", input: 7)
      await #expect(throws: WorkflowFailure.self) { try await first.result() }
      counter.isOpen = true
      let fork = try await engine.client.fork(key, to: "fork", from: .beforeFailure)
      #expect(try await engine.client.handle(Delivery.self, id: "fork").result() == "1 7 1")
      try await engine.client.fork(key, to: "edited", input: Payload(json: Array("8".utf8)))
      #expect(try await engine.client.handle(Delivery.self, id: "edited").result() == "2 8 2")
      let old = try await engine.client.describe(key)
      #expect(old.summary.status == .failed && old.details.resets.map(\.runID) == [fork] && old.details.resets.first?.isFork == true)
    }
  }

  private func isCopied(_ fixture: EngineFixture, from base: RunID, to new: RunID, through event: Int32) async throws -> Bool {
    try await fixture.count(
      """
      select count(*) from orchestrator.history a join orchestrator.history b using (event_id, type, at, caused_by)
      where a.run_id = '\(base)' and b.run_id = '\(new)' and event_id <= \(event) and (event_id = 1 or a.attributes = b.attributes)
      """) == Int64(event)
  }
}
