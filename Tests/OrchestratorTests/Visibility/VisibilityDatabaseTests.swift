import Foundation
import PostgreSQL
import Testing

@testable import Orchestrator

/// What PostgreSQL answers to queries, compared with plain Swift.
@Suite struct VisibilityDatabaseTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func `lists and counts of random queries are what plain Swift finds, page by page`(seed: UInt64) async throws {
    let fixture = try EngineFixture()
    var world = VisibilityWorld(seed: seed, runs: 150)
    try await Self.store(world.runs, in: fixture)
    let client = Client(fixture.pool, identity: "test")
    var found = 0
    for number in 0..<150 {
      let query = world.query()
      let filter = try VisibilityFilter(try VisibilityQuery(query), attributes: VisibilityWorld.attributes)
      let expected = Self.expected(filter, world.runs)
      var listed: [RunID] = []
      var cursor: String?
      repeat {
        let page = try await client.listWorkflows(query: query, limit: 40, cursor: cursor)
        listed += page.items.map(\.runID)
        cursor = page.nextCursor
      } while cursor != nil
      #expect(listed == expected.map(\.runID), "seed \(seed), query \(number): \(query)")
      let count = try await client.countWorkflows(query: query)
      #expect(count.count == Int64(expected.count), "seed \(seed), query \(number): \(query)")
      found += expected.count
    }
    #expect(found > 1000, "the queries of seed \(seed) find next to nothing, so they compare next to nothing")
    await fixture.pool.shutdown()
  }

  @Test func `counts by status are those of plain Swift`() async throws {
    let fixture = try EngineFixture()
    let world = VisibilityWorld(seed: 7, runs: 100)
    try await Self.store(world.runs, in: fixture)
    let count = try await Client(fixture.pool, identity: "test").countWorkflows(query: "WorkflowType = 'Greeting' GROUP BY ExecutionStatus")
    let greetings = world.runs.filter { $0.workflowType == "Greeting" }
    let expected = Dictionary(grouping: greetings, by: \.status.rawValue).mapValues { Int64($0.count) }
    #expect(Dictionary(uniqueKeysWithValues: (count.groups ?? []).map { ($0.status, $0.count) }) == expected)
    #expect(count.count == expected.values.reduce(0, +) && expected.count > 3)
    #expect(count.groups?.map(\.count) == count.groups?.map(\.count).sorted(by: >))
    await fixture.pool.shutdown()
  }

  @Test func `what cannot be read is refused as an argument, and what is no list has none`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "test")
    for query in ["WorkflowId =", "GROUP BY ExecutionStatus", "Colour = 'red'"] {
      let error = await #expect(throws: OrchestratorError.self) { try await client.listWorkflows(query: query) }
      #expect(error?.code == .invalidArgument)
    }
    let error = await #expect(throws: OrchestratorError.self) {
      try await client.listWorkflows(query: "ORDER BY CloseTime", cursor: RunID.generate().description)
    }
    #expect(error?.code == .invalidArgument && error?.message.contains("nextCursor") == true)
    await fixture.pool.shutdown()
  }

  @Test func `a role that may read the views reads them, and no table`() async throws {
    let fixture = try EngineFixture()
    // As docs/visibility.md has it.
    try await fixture.pool.execute(
      script: """
        create role dashboard;
        grant usage on schema orchestrator to dashboard;
        do $$
        begin
          execute (
            select format('grant select on %s to dashboard', string_agg(format('orchestrator.%I', viewname), ', '))
            from pg_views where schemaname = 'orchestrator');
        end
        $$;
        """)
    let names = "select viewname::text from pg_views where schemaname = 'orchestrator'"
    let rows = try await fixture.pool.query(Statement(name: "views", sql: names))
    let views = try (0..<rows.count).map { try rows.text($0, 0) }
    #expect(Set(views).isSuperset(of: ["workflows", "events", "pending_activities", "failed_attempts", "queues", "owners"]))
    for view in views { try await fixture.pool.execute(script: "set role dashboard; select * from orchestrator.\(view); reset role;") }
    let error = await #expect(throws: DatabaseError.self) {
      try await fixture.pool.execute(script: "set role dashboard; select * from orchestrator.runs")
    }
    #expect(error?.sqlState == "42501")
    await fixture.pool.shutdown()
  }

  /// The runs that pass, in the order that is asked for.
  private static func expected(_ filter: VisibilityFilter, _ runs: [VisibleRun]) -> [VisibleRun] {
    let passing = runs.filter { run in filter.expression.map { run.passes($0) == true } ?? true }
    func order(_ time: (VisibleRun) -> Int64, _ isAscending: Bool) -> [VisibleRun] {
      let sorted = passing.sorted { (time($0), $0.runID) < (time($1), $1.runID) }
      return isAscending ? sorted : sorted.reversed()
    }
    switch filter.order {
    case .startTime(let isAscending): return order({ _ in 0 }, isAscending)
    case .closeTime(true): return order({ $0.close?.at.microseconds ?? .min }, true)
    case .closeTime(false): return order({ $0.close?.at.microseconds ?? .max }, false)
    }
  }

  /// Rows as the engine writes them, search attributes by its own statement; the low-water mark stands as high as it may.
  private static func store(_ runs: [VisibleRun], in fixture: EngineFixture) async throws {
    func text(_ value: String) -> String { "E'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'" }
    func time(_ time: RecordedTime) -> String { "'\(time)'::timestamptz" }
    var script = ""
    for run in runs {
      let key = "'\(run.runID)', 0"
      script += """
        insert into orchestrator.runs (run_id, slot, namespace, workflow_id, workflow_type, started_at)
        values (\(key), 'default', \(text(run.workflowID)), \(text(run.workflowType)), \(time(run.startedAt)));

        """
      if let close = run.close {
        script += """
          insert into orchestrator.closes (run_id, slot, status, closed_at, last_event_id)
          values (\(key), \(close.status.rawValue), \(time(close.at)), \(close.events));

          """
      }
      if let waitsFor = run.waitsFor { script += "insert into orchestrator.parked_runs values (\(key), now(), \(text(waitsFor)));\n" }
      if let version = run.version { script += "insert into orchestrator.run_versions values (\(key), \(text(version)), true);\n" }
      if let code = run.blockedCode {
        script += "insert into orchestrator.blocked_runs values (\(key), now(), \(text(code)), 'because', 'test', 1, false);\n"
      }
    }
    let lowest = runs.filter { $0.close == nil && $0.waitsFor == nil }.map(\.runID).min()
    if let lowest { script += "update orchestrator.slots set low_water = '\(lowest)';\n" }
    for (name, type) in VisibilityWorld.attributes {
      script += "select orchestrator.add_search_attribute('\(name)', '\(type.rawValue)');\n"
    }
    try await fixture.pool.execute(script: script)
    let (runIDs, slots, documents) = (ArrayColumn(.uuid), ArrayColumn(.int2), ArrayColumn(.text))
    for run in runs where !run.attributes.isEmpty {
      runIDs.append(run.runID.uuid)
      slots.append(Int16(0))
      documents.append(run.attributes.payload.text)
    }
    var parameters = Parameters()
    for column in [runIDs, slots, documents] { parameters.append(column) }
    _ = try await fixture.pool.query(CommitStatements.upsertSearchAttributes, parameters)
  }
}
