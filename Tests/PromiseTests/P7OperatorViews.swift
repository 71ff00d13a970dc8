import Foundation
import Orchestrator
import PostgreSQL
import Testing

@testable import EngineProcess

/// Everything an operator asks is SQL on documented views.
@Suite struct P7OperatorViews {
  @Test func `every view says what the runs did`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let journey = try await engine.client.start(Journey.self, id: "journey", input: 1)
      for tick in 1...2 { try await journey.signal(Journey.tick, tick) }
      #expect(try await journey.result() == Journey.expected(1))
      try await engine.client.start(Remote.self, id: "queued", input: 10)
      try await engine.client.start(Waiting.self, id: "waiting", input: 1)
      try await database.waitFor("select count(*) from orchestrator.queues where task_queue = 'remote' and ready = 1", toBe: 1)
      try await database.waitFor(
        "select count(*) from orchestrator.workflows where workflow_id = 'waiting' and status = 'Running' and waits_for = 'messages'",
        toBe: 1)
      #expect(
        try await database.text("select status || ' ' || events from orchestrator.workflows where workflow_id = 'journey'").hasPrefix(
          "Completed "))
      #expect(
        try await database.text("select outcome #>> '{}' from orchestrator.workflows where workflow_id = 'journey'")
          == "\(Journey.expected(1))")
      #expect(try await database.count("select count(*) from orchestrator.failed_attempts where workflow_id = 'journey'") == 2)
      let pending = "select activity_type || ' ' || state || ' ' || attempt from orchestrator.pending_activities"
      #expect(try await database.text(pending) == "remote Scheduled 1")
      #expect(try await database.count("select sum(slots) from orchestrator.owners where not fenced") == 256)
      let cause = """
        select c.type from orchestrator.events e join orchestrator.events c on c.run_id = e.run_id and c.event_id = e.caused_by
        where e.type = 'TimerFired'
        """
      #expect(try await database.text(cause) == "TimerStarted")
    }
  }
}
