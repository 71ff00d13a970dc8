import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Who comes first in a queue: priorities, and tenants that take turns.
@Suite struct QueueOrderTests {
  private func lease(_ count: Int, _ fixture: EngineFixture) async throws -> [String: Int] {
    let client = Client(fixture.pool, identity: "test")
    let polled = try await RemoteTasks(client).poll("shared", worker: "w", maximum: count, lease: .seconds(60), wait: .zero)
    #expect(polled.count == count)
    let column = ArrayColumn(.uuid)
    for task in polled { column.append(task.runID.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    let rows = try await fixture.pool.query(
      Statement(
        name: "fairness_of", sql: "select fairness_key, count(*) from orchestrator.activity_tasks where run_id = any($1) group by 1",
        parameterTypes: [.uuidArray]), parameters)
    return Dictionary(uniqueKeysWithValues: try (0..<rows.count).map { (try rows.text($0, 0), Int(try rows.int64($0, 1))) })
  }

  @Test func `a lower priority begins first, over all that wait`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.script("select orchestrator.set_queue('shared', concurrency => 0)")
    try await fixture.withEngine(crowd.registry(taking: .zero), serving: ["shared": 20]) { engine in
      let wanted = [4, 5, 1, 3, 2, 3, 1]
      let input = Spread.Input(queue: "shared", priorities: wanted.map { $0 == 3 ? nil : Priority($0) })
      let run = try await engine.client.start(Spread.self, id: "order", input: input)
      try await eventually("all wait") { try await engine.client.limitedQueues("shared").first?.waiting == 7 }
      try await engine.client.setQueue("shared", QueueLimits(concurrency: 1))
      #expect(try await run.result() == 21)
      #expect(crowd.order.map { wanted[$0] } == [1, 1, 2, 3, 3, 4, 5])
    }
  }

  @Test func `the first task with a priority gives its queue an order, in its owner's process too`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Crowd().registry(), serving: ["shared": 20]) { engine in
      let input = Spread.Input(queue: "shared", priorities: [Priority(1), Priority(fairnessKey: "a"), nil])
      let sum = try await engine.client.start(Spread.self, id: "order", input: input).result()
      #expect(sum == 3)
      let queues = try await engine.client.limitedQueues("shared")
      #expect(queues.map(\.limits) == [QueueLimits()])
    }
  }

  @Test func `a tenant with 10,000 tasks does not starve one with 10`() async throws {
    let fixture = try EngineFixture()
    try await fixture.script("select orchestrator.set_queue('shared')")
    try await fixture.addTasks(10_000, to: "shared", Priority(fairnessKey: "large"), secondsAgo: 60)
    try await fixture.addTasks(10, to: "shared", Priority(fairnessKey: "small"))
    try await fixture.orderTasks()
    #expect(try await lease(20, fixture) == ["large": 10, "small": 10])
  }

  @Test func `a tenant that comes late waits no longer than one turn of the others`() async throws {
    let fixture = try EngineFixture()
    try await fixture.script("select orchestrator.set_queue('shared')")
    try await fixture.addTasks(1000, to: "shared", Priority(fairnessKey: "large"), secondsAgo: 60)
    for _ in 0..<5 { #expect(try await lease(100, fixture) == ["large": 100]) }
    try await fixture.addTasks(5, to: "shared", Priority(fairnessKey: "small"))
    #expect(try await lease(10, fixture) == ["large": 5, "small": 5])
  }

  @Test func `tenants have turns as their weights say`() async throws {
    let fixture = try EngineFixture()
    try await fixture.script("select orchestrator.set_queue('shared')")
    try await fixture.addTasks(100, to: "shared", Priority(fairnessKey: "light", fairnessWeight: 1))
    try await fixture.addTasks(100, to: "shared", Priority(fairnessKey: "heavy", fairnessWeight: 3))
    #expect(try await lease(40, fixture) == ["light": 10, "heavy": 30])
  }

  @Test func `a priority keeps to its ranges`() throws {
    let priority = Priority(9, fairnessKey: String(repeating: "ä", count: 40) + "\0", fairnessWeight: 0)
    #expect(priority.priorityKey == 5 && priority.fairnessKey?.utf8.count == 64 && priority.fairnessWeight == 0.001)
    #expect(try PayloadCodec.decode(Priority.self, from: Payload(json: Array("{}".utf8))) == Priority())
    let before = try PayloadCodec.encode(ActivityOptions(taskQueue: "q"))
    #expect(!before.text.contains("priority"))
  }

  @Test func `leasing from a queue in which 100,000 tasks wait reads only what it takes`() async throws {
    let fixture = try EngineFixture()
    try await fixture.script("select orchestrator.set_queue('shared', concurrency => 50)")
    try await fixture.script(
      """
      insert into orchestrator.activity_tasks
        (run_id, sequence, slot, namespace, workflow_id, task_queue, activity_type, input, scheduled_at, state, priority, fairness_key, pass)
      select gen_random_uuid(), n, 0, 'default', 'none', q.name, 'spread-step', '1', now(), q.state, 3, 'k' || n % 100, n / 100
      from generate_series(1, 100000) n, (values ('shared', 2), ('plain', 0)) q(name, state);
      """)
    try await fixture.script("vacuum analyze orchestrator.activity_tasks")
    try await fixture.addTasks(20, to: "shared", Priority(fairnessKey: "k7"))
    var session = fixture.database
    session.settings = PostgresStore.sessionSettings
    let database = try Database(session, maximumConnections: 1)
    for (queue, isOrdered) in [("shared", true), ("plain", false)] {
      let wanted = WantedTasks(taskQueue: queue, maximum: 10, worker: "w", lease: .seconds(60), isOrdered: isOrdered)
      let read = Statement(
        name: "read_\(queue)",
        sql: """
          select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int8 from pg_stat_xact_user_tables
          where relid = 'orchestrator.activity_tasks'::regclass
          """)
      let results = try await database.run(ActivityTaskStatements.leasing(wanted) + [(read, Parameters())])
      #expect(results[1].count == 10)
      let count = try results[2].int64(0, 0)
      #expect(count < 300, "\(queue): \(count) rows were read")
    }
    await database.shutdown()
  }
}
