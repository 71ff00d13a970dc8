import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import EngineProcess

/// One writer per history; who lost its ownership cannot write one more row.
@Suite(.serialized) struct P2OneWriter {
  /// Notes every row of the hot tables with the session that wrote it, in one order with the fencing of processes: the fence waits for
  /// commits on their way, so a row of a fenced process that was written after its fence shows as one with a higher number.
  private static let witnesses = """
    create schema promise;
    create sequence promise.moments;
    create table promise.writes (moment bigint default nextval('promise.moments'), place text, writer text default current_setting('application_name'));
    create table promise.fences (moment bigint default nextval('promise.moments'), process_id bigint);
    create function promise.note_write() returns trigger language plpgsql as $$
    begin
      insert into promise.writes (place) values (tg_table_name);
      return null;
    end
    $$;
    create function promise.note_fence() returns trigger language plpgsql as $$
    begin
      insert into promise.fences (process_id) values (new.process_id);
      return null;
    end
    $$;
    create trigger note after insert on orchestrator.history for each row execute function promise.note_write();
    create trigger note after insert on orchestrator.runs for each row execute function promise.note_write();
    create trigger note after insert on orchestrator.closes for each row execute function promise.note_write();
    create trigger note after delete on orchestrator.inbox for each row execute function promise.note_write();
    create trigger note after update on orchestrator.processes for each row when (new.fenced and not old.fenced)
      execute function promise.note_fence();
    """

  @Test(.timeLimit(.minutes(5)))
  func `an owner that was frozen until its slots were taken over writes not one row more, and takes part again`() async throws {
    let database = try PromiseDatabase()
    try await database.script(Self.witnesses)
    let arguments = ["--lease", "1500", "--journeys", "8"]
    let frozen = try ProcessUnderTest("frozen", database: database.connection, arguments)
    let other = try ProcessUnderTest("other", database: database.connection, arguments)
    try await frozen.waitUntilSaid("ready")
    try await other.waitUntilSaid("ready")
    try await eventually("both own slots, together all") {
      try await database.count("select count(*) filter (where slots > 0) * 1000 + sum(slots) from orchestrator.owners") == 2256
    }
    try await eventually("both work") { !frozen.said("started").isEmpty && !other.said("started").isEmpty }
    let first = try await database.text("select process_id from orchestrator.processes where name = 'frozen' and not fenced")
    // What a process starts may belong to the other one: it has written when its own session has.
    try await eventually("the first one has written") {
      try await database.count("select count(*) from promise.writes where writer = 'orchestrator-owner-\(first)'") > 0
    }
    frozen.freeze()
    try await database.waitFor("select count(*) from promise.fences where process_id = \(first)", toBe: 1)
    try await database.waitFor("select count(*) from orchestrator.owners where slots = 256 and name = 'other'", toBe: 1)
    frozen.thaw()
    try await eventually("the thawed process registers anew and gets its share") {
      try await database.count(
        "select count(*) from orchestrator.owners where name = 'frozen' and process_id <> \(first) and slots between 1 and 255") == 1
    }
    #expect(
      try await database.count(
        """
        select count(*) from promise.writes w join promise.fences f on w.writer = 'orchestrator-owner-' || f.process_id
        where w.moment > f.moment
        """) == 0)
    try await finish([frozen, other], database)
  }

  /// Ends the load, gives every journey its second tick and checks everything.
  private func finish(_ owners: [ProcessUnderTest], _ database: PromiseDatabase) async throws {
    for owner in owners { try await owner.endInGoodOrder() }
    let last = try ProcessUnderTest("last", database: database.connection)
    try await last.waitUntilSaid("ready")
    let client = Client(database.pool, identity: "test")
    var sent: Set<String> = []
    try await eventually(within: .seconds(120), "all journeys end") {
      let open = try await database.query(
        """
        select workflow_id from orchestrator.workflows where closed_at is null
        union select workflow_id from orchestrator.inbox where kind = 1
        """)
      for row in 0..<open.count {
        let id = try open.text(row, 0)
        for tick in 1...2 where sent.insert("\(id)/\(tick)").inserted {
          try await client.handle(Journey.self, id: id).signal(Journey.tick, tick, requestID: "\(id)/\(tick)")
        }
      }
      return open.count == 0
    }
    let started = owners.flatMap { $0.said("started") }.map { $0[0] }
    #expect(try await database.checker.lostStarts(started) == [])
    #expect(try await database.checker.lostSignals(owners.flatMap { $0.said("signaled") }.map { $0[1] }) == [])
    #expect(try await database.checker.violations() == [])
    try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
    try await last.endInGoodOrder()
  }

  @Test func `a process fenced off by hand registers anew and finishes everything`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let handles = try await start(200, of: 20, engine)
      for _ in 0..<3 {
        let before = try await database.count("select count(*) from orchestrator.processes")
        try await database.query("update orchestrator.processes set fenced = true where not fenced")
        try await eventually("it registers anew") {
          try await database.count("select count(*) from orchestrator.owners where slots = 256 and process_id > \(before)") == 1
        }
      }
      for handle in handles { #expect(try await handle.result() == 20) }
      #expect(try await database.checker.violations() == [])
      try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
    }
  }

  private func start(_ count: Int, of steps: Int, _ engine: Engine) async throws -> [WorkflowHandle<Steps>] {
    var handles: [WorkflowHandle<Steps>] = []
    for number in 0..<count { handles.append(try await engine.client.start(Steps.self, id: "steps-\(number)", input: steps)) }
    return handles
  }

  @Test func `two starts of one workflow id in transactions at the same time: one runs, the other is a run that failed`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { _ in
      let start = Statement(name: "start_twice", sql: "select orchestrator.start_workflow('Waiting', 'twice', '1')")
      try await database.pool.transaction { first in
        _ = try await first.query(start)
        try await database.pool.transaction { second in _ = try await second.query(start) }
      }
      try await database.waitFor("select count(*) from orchestrator.workflows where status = 'Failed'", toBe: 1)
      try await database.query("select orchestrator.signal_workflow('twice', 'wake', '41')")
      try await database.waitFor("select count(*) from orchestrator.workflows where status = 'Completed' and outcome = '42'", toBe: 1)
      #expect(try await database.checker.violations() == [])
    }
  }
}
