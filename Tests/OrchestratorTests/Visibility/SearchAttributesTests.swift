import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct SearchAttributesTests {
  /// Waits for a signal.
  struct Waiting: Workflow {
    struct State: WorkflowState {
      var isOver = false
    }
    static let end = Signal<Self, Nothing>("end") { state, _ in state.isOver = true }
    static let handlers: [Handler<Self>] = [.signal(end)]

    func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
      try await workflow.wait { $0.isOver }
      return input
    }
  }

  /// Says where it stands, before and after a signal.
  struct Staged: Workflow {
    static let searchAttributes: [String: SearchAttributeType] = ["Stage": .keyword, "Rounds": .int]
    static let next = Signal<Self, Nothing>("next")

    func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
      try workflow.upsertSearchAttributes(["Stage": .keyword("begun"), "Rounds": .int(0)])
      _ = try await workflow.receive(Self.next)
      try workflow.upsertSearchAttributes(["Stage": .keyword("done")])
      #expect(throws: OrchestratorError.self) { try workflow.upsertSearchAttributes(["Stage": .int(1)]) }
      #expect(throws: OrchestratorError.self) { try workflow.upsertSearchAttributes(["Colour": .keyword("red")]) }
      return input
    }
  }

  /// Three runs of a chain.
  struct Chained: Workflow {
    static let searchAttributes: [String: SearchAttributeType] = ["Rounds": .int]

    func run(_ workflow: Context<Self>, _ round: Int) async throws -> Int {
      try workflow.upsertSearchAttributes(["Rounds": .int(Int64(round))])
      if round < 3 { throw workflow.continueAsNew(round + 1) }
      return round
    }
  }

  /// `Staged` with other code under its name.
  struct Unstaged: Workflow {
    static let name = "Staged"

    func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
      _ = try await workflow.receive(Signal<Self, Nothing>("next"))
      return input
    }
  }

  private static func registry(of workflow: (some Workflow).Type) -> Registry {
    var registry = Registry()
    registry.register(workflow)
    return registry
  }

  private static var registry: Registry {
    var registry = Registry()
    registry.register(Waiting.self)
    return registry
  }

  private static func define(_ fixture: EngineFixture) async throws {
    let client = Client(fixture.pool, identity: "test")
    for (name, type) in VisibilityWorld.attributes { try await client.addSearchAttribute(name, type) }
  }

  private static let everything: SearchAttributes = [
    "Tier": .keyword("it's \"gold\""), "Notes": .text("late refund"), "Amount": .int(.max), "Score": .double(0.1), "Urgent": .bool(true),
    "Due": .datetime(RecordedTime(microseconds: 1_700_000_000_000_001)), "Tags": .keywordList(["a", "b"]),
  ]

  @Test(arguments: [true, false])
  func `a run is found by what its start said, at once and as long as it is kept`(isDirect: Bool) async throws {
    let fixture = try EngineFixture()
    try await Self.define(fixture)
    try await fixture.withEngine(Self.registry) { engine in
      // Directly to the owner in this process, or through the inbox as from any other.
      let client = isDirect ? engine.client : Client(fixture.pool, Self.registry, identity: "elsewhere")
      let memo = Payload(json: Array(#"{"note":"for people"}"#.utf8))
      let handle = try await client.start(Waiting.self, id: "found", input: "x", searchAttributes: Self.everything, memo: memo)
      _ = try await client.start(Waiting.self, id: "plain", input: "x")
      try await eventually("both runs have started") { try await fixture.count("select count(*) from orchestrator.runs") == 2 }
      let queries = [
        "Tier = \"it's \"\"gold\"\"\"", "Notes = 'refund'", "Amount = 9223372036854775807", "Score < 0.2", "Urgent = true",
        "Due = '2023-11-14T22:13:20.000001Z'", "Tags = 'b'", "Tags IN ('c', 'a') AND ExecutionStatus = 'Running'", "Tier IS NOT NULL",
      ]
      for query in queries {
        let found = try await client.listWorkflows(query: query).items
        #expect(found.map(\.workflowID) == ["found"], "\(query)")
        #expect(try await client.countWorkflows(query: "NOT (\(query)) OR Tier IS NULL").count == 1, "\(query)")
      }
      let description = try await client.describe(handle.key)
      let stored = try #require(description.summary.searchAttributes)
      let types = VisibilityWorld.attributes
      #expect(try SearchAttributes(json: stored, types: types) == Self.everything)
      #expect(description.details.memo?.text == #"{"note": "for people"}"#)
      #expect(try await client.describe(WorkflowKey(workflowID: "plain")).summary.searchAttributes == nil)
      #expect(try await fixture.count("select count(*) from orchestrator.search_attributes") == 1)
      try await handle.signal(Waiting.end, Nothing())
      _ = try await handle.result()
      #expect(try await client.listWorkflows(query: "Urgent = true AND ExecutionStatus = 'Completed'").items.count == 1)
    }
  }

  @Test func `what code sets is found from the commit of its event on, beside what the start said, and replayed`() async throws {
    let fixture = try EngineFixture()
    try await Self.define(fixture)
    let key = WorkflowKey(workflowID: "staged")
    try await fixture.withEngine(Self.registry(of: Staged.self)) { engine in
      _ = try await engine.client.start(Staged.self, id: "staged", input: "x", searchAttributes: ["Tier": .keyword("gold")])
      for query in ["Stage = 'begun'", "Rounds = 0 AND Tier = 'gold'"] {
        #expect(try await engine.client.listWorkflows(query: query).items.count == 1, "\(query)")
      }
    }
    // Code that no longer sets them does not fit the history.
    try await fixture.withEngine(Self.registry(of: Unstaged.self)) { engine in
      try await engine.client.signal(key, name: "next", input: Payload(json: Array("{}".utf8)))
      try await eventually("the changed code is blocked") {
        try await engine.client.listWorkflows(query: "BlockedCode = 'non-determinism' AND Stage = 'begun'").items.count == 1
      }
    }
    try await fixture.withEngine(Self.registry(of: Staged.self)) { engine in
      #expect(try await engine.client.handle(Staged.self, id: "staged").result() == "x")
      let query = "Stage = 'done' AND Rounds = 0 AND Tier = 'gold' AND ExecutionStatus = 'Completed'"
      #expect(try await engine.client.listWorkflows(query: query).items.count == 1)
      #expect(try await engine.client.countWorkflows(query: "Stage = 'begun'").count == 0)
      let events = try await fixture.events(of: try await engine.client.newestRun(of: key))
      let upsert = "UpsertWorkflowSearchAttributes"
      #expect(events == ["WorkflowExecutionStarted", upsert, "WorkflowExecutionSignaled", upsert, "WorkflowExecutionCompleted"])
    }
  }

  @Test func `a run that continues as new hands on what it is found by, and its memo`() async throws {
    let fixture = try EngineFixture()
    try await Self.define(fixture)
    try await fixture.withEngine(Self.registry(of: Chained.self)) { engine in
      let memo = Payload(json: Array(#"{"note": 1}"#.utf8))
      let handle = try await engine.client.start(
        Chained.self, id: "chain", input: 1, searchAttributes: ["Tier": .keyword("gold")], memo: memo)
      #expect(try await handle.result() == 3)
      for (query, count) in [("ExecutionStatus = 'ContinuedAsNew'", 2), ("ExecutionStatus = 'Completed' AND Rounds = 3", 1)] {
        #expect(try await engine.client.countWorkflows(query: "Tier = 'gold' AND \(query)").count == Int64(count), "\(query)")
      }
      #expect(try await engine.client.describe(handle.key).details.memo == memo)
    }
  }

  static let refusals: [(SearchAttributes, String)] = [
    (["Colour": .keyword("red")], "there is no search attribute 'Colour'"),
    (["Tier": .int(5)], "'Tier' takes a value of type Keyword"),
    (["Tier": .text("gold")], "'Tier' takes a value of type Keyword"),
    (["Score": .double(.nan)], "'Score' takes a value of type Double"),
    (["Tier": .keyword("a\u{0}b")], "'Tier' takes a value of type Keyword"),
    (["Tier": .keyword(String(repeating: "x", count: 2047))], "more than 2048 bytes"),
  ]

  @Test(arguments: refusals) func `an unknown name, another type and what is too large are refused at the start`(
    attributes: SearchAttributes, reason: String
  ) async throws {
    let fixture = try EngineFixture()
    try await Self.define(fixture)
    let client = Client(fixture.pool, Self.registry, identity: "test")
    let error = await #expect(throws: OrchestratorError.self) {
      try await client.start(Waiting.self, id: "refused", input: "x", searchAttributes: attributes)
    }
    #expect(error?.code == .invalidArgument && error?.message.contains(reason) == true)
    #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
  }

  @Test func `a memo that is no object or too large is refused`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, Self.registry, identity: "test")
    let long = #"{"a":""# + String(repeating: "x", count: Limits.memoBytes) + #""}"#
    for memo in ["[1]", "5", "{", long] {
      let error = await #expect(throws: OrchestratorError.self) {
        try await client.start(Waiting.self, id: "refused", input: "x", memo: Payload(json: Array(memo.utf8)))
      }
      #expect(error?.code == .invalidArgument)
      let sql = "orchestrator.start_workflow('Waiting', 'refused', memo => '\(memo)')"
      await #expect(throws: DatabaseError.self) { try await fixture.text(sql) }
    }
  }

  @Test func `the function in SQL takes the same values, stores them the same, and refuses the same`() async throws {
    let fixture = try EngineFixture()
    try await Self.define(fixture)
    let given = Self.everything.payload.text.replacing("'", with: "''")
    let stored = try await fixture.text("orchestrator.checked_search_attributes('\(given)')")
    #expect(try SearchAttributes(json: Payload(json: Array(stored.utf8)), types: VisibilityWorld.attributes) == Self.everything)
    let alike: [(String, String)] = [
      (#"{"Amount": 1.0}"#, #"{"Amount": 1}"#), (#"{"Score": 1e1}"#, #"{"Score": 10}"#),
      (#"{"Due": "2026-01-31t13:00:00.5+01:00"}"#, #"{"Due": "2026-01-31T12:00:00.500000Z"}"#),
    ]
    for (given, expected) in alike {
      #expect(try await fixture.text("orchestrator.checked_search_attributes('\(given)')") == expected)
    }
    let refused = [
      #"{"Colour": 1}"#, #"{"Tier": 1}"#, #"{"Tier": null}"#, #"{"Amount": 1.5}"#, #"{"Amount": 9223372036854775808}"#, #"{"Amount": "1"}"#,
      #"{"Score": 1e400}"#, #"{"Urgent": "true"}"#, #"{"Due": "2026-02-30T00:00:00Z"}"#, #"{"Due": "yesterday"}"#,
      #"{"Due": "2026-01-31T12:00:00"}"#, #"{"Tags": ["a", 1]}"#, #"{"Tags": "a"}"#, "[]", "5",
      #"{"Tier": ""# + String(repeating: "x", count: 2047) + #""}"#,
    ]
    for given in refused {
      let error = await #expect(throws: DatabaseError.self) {
        try await fixture.text("orchestrator.start_workflow('Waiting', 'sql', search_attributes => '\(given)')")
      }
      #expect(error?.sqlState == "OR005", "\(given.prefix(60))")
    }
    #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
  }

  @Test func `names are added once, with one type, and none is that of a field`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "test")
    for _ in 0..<2 { try await client.addSearchAttribute("Tier", .keyword) }
    #expect(try await client.searchAttributes() == [SearchAttributeDefinition(name: "Tier", type: .keyword)])
    let refused: [(String, SearchAttributeType)] =
      [("Tier", .int), ("", .int), ("a b", .int), ("1a", .int), ("\u{E4}", .int), (String(repeating: "x", count: 64), .int)]
      + VisibilityField.builtIn.map { ($0.name, .keyword) }
    for (name, type) in refused {
      let error = await #expect(throws: OrchestratorError.self) { try await client.addSearchAttribute(name, type) }
      #expect(error?.code == .invalidArgument, "\(name)")
    }
    for type in SearchAttributeType.allCases { try await client.addSearchAttribute("a\(type.rawValue)", type) }
  }

  @Test func `who might start workflows before may do so with the function that took its place`() async throws {
    let database = try TestCluster.createDatabase()
    let migrations = try Migration.load(from: EngineFixture.migrations)
    let number = try #require(migrations.first { $0.name == "search_attributes" }).number
    _ = try Migrator(database).apply(migrations.filter { $0.number < number })
    let pool = try Database(database, maximumConnections: 1)
    try await pool.execute(
      script: """
        create role starter_\(number); create role stranger_\(number);
        revoke all on function orchestrator.start_workflow from public;
        grant execute on function orchestrator.start_workflow to starter_\(number) with grant option;
        """)
    _ = try Migrator(database).apply(migrations)
    let rights = Statement(
      name: "rights",
      sql: """
        select has_function_privilege('starter_\(number)', oid, 'execute with grant option'),
          has_function_privilege('stranger_\(number)', oid, 'execute')
        from pg_proc where proname = 'start_workflow'
        """)
    let rows = try await pool.query(rights)
    #expect(try rows.count == 1 && rows.bool(0, 0) && !rows.bool(0, 1))
    await pool.shutdown()
  }
}
