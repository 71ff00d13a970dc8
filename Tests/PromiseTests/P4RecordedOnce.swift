import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import EngineProcess

/// An activity runs at least once; its result is recorded exactly once, and never from a worker that lost its lease.
@Suite(.serialized) struct P4RecordedOnce {
  @Test(.timeLimit(.minutes(5)))
  func `a worker that was frozen past its lease does the work in vain: the other one's result counts`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let frozen = try ProcessUnderTest("frozen", database: database.connection, role: "worker", ["--lease", "1500"])
      try await frozen.waitUntilSaid("ready")
      let handle = try await engine.client.start(Remote.self, id: "remote", input: 1000)
      try await frozen.waitUntilSaid("running")
      frozen.freeze()
      let other = try ProcessUnderTest("other", database: database.connection, role: "worker", ["--lease", "1500"])
      #expect(try await handle.result() == 1000)
      try await eventually("the other one says so") { other.said("worked") == [["remote", "2"]] }
      let history = try await database.text("select string_agg(type, ',' order by event_id) from orchestrator.events")
      frozen.thaw()
      try await frozen.endInGoodOrder()
      #expect(try await database.text("select string_agg(type, ',' order by event_id) from orchestrator.events") == history)
      let by = "select attributes ->> 'identity' from orchestrator.events where type = 'ActivityTaskCompleted'"
      #expect(try await database.text(by) == "other")
      #expect(try await database.count("select count(*) from orchestrator.activity_attempts where worker_lost and worker = 'frozen'") == 1)
      #expect(try await database.count("select count(*) from orchestrator.activity_tasks") == 0)
      #expect(try await database.count("select count(*) from orchestrator.inbox") == 0)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `two workers share a queue, one is killed, and everything is done once`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let first = try ProcessUnderTest("first", database: database.connection, role: "worker", ["--lease", "1500"])
      let second = try ProcessUnderTest("second", database: database.connection, role: "worker", ["--lease", "1500"])
      try await first.waitUntilSaid("ready")
      try await second.waitUntilSaid("ready")
      for number in 0..<60 { try await engine.client.start(Remote.self, id: "remote-\(number)", input: 50) }
      try await eventually("both work") { !first.said("worked").isEmpty && !second.said("worked").isEmpty }
      try await first.killAndWait()
      try await database.waitFor("select count(*) from orchestrator.closes where status = 2", toBe: 60)
      #expect(try await database.count("select count(*) from orchestrator.history where type = 12") == 60)
      #expect(try await database.checker.violations().isEmpty)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a step that a worker ended while no owner lived is not queued again by the next one`() async throws {
    let database = try PromiseDatabase()
    try await database.script(
      """
      create table public.queued (run_id uuid);
      create function public.note_queued() returns trigger language plpgsql as $$
      begin
        insert into public.queued values (new.run_id);
        return null;
      end
      $$;
      create trigger note after insert on orchestrator.activity_tasks for each row execute function public.note_queued();
      """)
    try await database.withEngine(syntheticRegistry()) { engine in
      for number in 0..<20 { try await engine.client.start(Remote.self, id: "remote-\(number)", input: 10) }
      try await database.waitFor("select count(*) from orchestrator.activity_tasks", toBe: 20)
    }
    let worker = try ProcessUnderTest("worker", database: database.connection, role: "worker")
    try await database.waitFor("select count(*) from orchestrator.inbox where kind = 5", toBe: 20)
    try await worker.endInGoodOrder()
    try await database.withEngine(syntheticRegistry()) { _ in
      try await database.waitFor("select count(*) from orchestrator.closes where status = 2", toBe: 20)
    }
    #expect(try await database.count("select count(*) from public.queued") == 20)
  }

  @Test(.timeLimit(.minutes(5)))
  func `an activity that kills its process does not do so for ever`() async throws {
    let database = try PromiseDatabase()
    let losses = Int64(Limits.workerLosses)
    try await database.withEngine(syntheticRegistry()) { engine in
      let handle = try await engine.client.start(Remote.self, id: "poison", input: 10)
      try await database.waitFor("select count(*) from orchestrator.activity_tasks", toBe: 1)
      // As many attempts as are allowed but one died with their processes.
      try await database.script(
        """
        insert into orchestrator.activity_attempts
          (run_id, sequence, attempt, slot, activity_type, worker, started_at, ended_at, failure, worker_lost)
        select run_id, sequence, n, slot, activity_type, 'dead', now(), now(), '{"kind":"workerLost","type":"WorkerLost","message":""}', true
        from orchestrator.activity_tasks, generate_series(1, \(losses - 1)) n;
        update orchestrator.activity_tasks set attempt = \(losses);
        """)
      let worker = try ProcessUnderTest("killed", database: database.connection, role: "worker", ["--lease", "1500"])
      try await worker.waitUntilSaid("running")
      try await worker.killAndWait()
      try await database.script("update orchestrator.activity_tasks set lease_expires_at = now() where state = 1")
      await #expect(throws: WorkflowFailure.self) { try await handle.result() }
    }
  }
}
