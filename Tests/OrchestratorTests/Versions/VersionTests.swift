import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Answers with the version that it was begun with.
private struct Parcel: Workflow {
  struct State: WorkflowState {
    var version = ""
    init() {}
  }

  static let name = "Parcel"
  static let go = Signal<Self, String>("go")
  static let version = Query<Self, String>("version") { "first, \($0.version)" }
  static let handlers: [Handler<Self>] = [.signal(go), .query(version)]

  func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
    workflow.state.version = "1"
    return try await workflow.receive(Self.go) + " by 1"
  }
}

/// The next version, which does not fit the first.
private struct FastParcel: Workflow {
  typealias State = Parcel.State
  static let name = "Parcel"
  static let go = Signal<Self, String>("go")
  static let version = Query<Self, String>("version") { "second, \($0.version)" }
  static let handlers: [Handler<Self>] = [.signal(go), .query(version)]

  func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
    workflow.state.version = "2"
    try await workflow.sleep(.milliseconds(1))
    return try await workflow.receive(Self.go) + " by 2"
  }
}

/// Versions of workflow code in the database: what operators set and see, and what becomes of runs whose code is not there.
@Suite struct VersionTests {
  private static func registry(_ versions: String..., behavior: VersioningBehavior = .pinned) -> Registry {
    var registry = Registry()
    if versions.contains("1") { registry.register(Parcel.self, version: "1", behavior) }
    if versions.contains("2") { registry.register(FastParcel.self, version: "2", behavior) }
    return registry
  }

  private static func setCurrent(_ version: String?, _ engine: Engine) async throws {
    try await engine.client.setCurrentVersion(version, of: "Parcel")
    try await engine.waitUntilVersionsAreFollowed()
  }

  private static func start(_ id: String, _ engine: Engine, _ options: StartOptions = .standard) async throws -> WorkflowHandle<Parcel> {
    try await engine.client.start(Parcel.self, id: id, input: "", options: options)
  }

  @Test func `a version drains from the moment another is current until the last run that is pinned to it ends`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1", "2")) { engine in
      let old = try await Self.start("old", engine)
      #expect(try await engine.client.workflowVersions().map { "\($0.version) \($0.pinnedRuns) \($0.processes)" } == ["1 1 1", "2 0 1"])
      #expect(try await engine.client.workflowVersions().allSatisfy { $0.status == nil })
      try await Self.setCurrent("2", engine)
      let new = try await Self.start("new", engine)
      #expect(try await engine.client.workflowVersions(of: "Parcel").map(\.status) == [.draining, .current])
      #expect(try await engine.client.workflowVersions().first?.oldestRunAt != nil)
      try await old.signal(Parcel.go, "sent")
      try await new.signal(Parcel.go, "sent")
      #expect(try await old.result() == "sent by 1")
      #expect(try await new.result() == "sent by 2")
      #expect(try await engine.client.workflowVersions().map(\.status) == [.drained, .current])
    }
  }

  @Test func `a run's version stands in descriptions, lists, views and queries, and its own code answers`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1", "2")) { engine in
      let old = try await Self.start("old", engine)
      _ = try await Self.start("new", engine, StartOptions(versioning: .pinned("2")))
      let described = try await engine.client.describe(WorkflowKey(workflowID: "old")).summary
      #expect(described.version == "1" && described.isPinned == true)
      let listed = try await engine.client.listWorkflows(query: "WorkflowVersion = '2' AND ExecutionStatus = 'Running'").items
      #expect(listed.map(\.workflowID) == ["new"] && listed.first?.version == "2")
      #expect(try await fixture.text("select version from orchestrator.workflows where workflow_id = 'new'") == "2")
      try await eventually("the state is stored") { try await old.query(Parcel.version) == "first, 1" }
      #expect(try await engine.client.handle(Parcel.self, id: "new").query(Parcel.version) == "second, 2")
    }
  }

  @Test func `a run whose version a build does not have is blocked with its own code, keeps its messages, and goes on where it is`()
    async throws
  {
    let fixture = try EngineFixture()
    let key = WorkflowKey(workflowID: "old")
    _ = try await fixture.withEngine(Self.registry("1", "2")) { try await Self.start("old", $0) }
    try await fixture.withEngine(Self.registry("2")) { engine in
      try await engine.client.signal(key, name: "go", input: Payload(json: Array(#""sent""#.utf8)))
      try await eventually("it is blocked") { try await engine.client.describe(key).summary.blockedCode == "unknown-workflow-version" }
      #expect(try await engine.client.describe(key).details.blocked?.reason.contains("no version '1' of workflow type 'Parcel'") == true)
      #expect(try await engine.client.checkOpenRuns().groups.map(\.divergence.code) == ["unknown-workflow-version"])
    }
    let result = try await fixture.withEngine(Self.registry("1", "2")) { engine in
      try await engine.client.handle(Parcel.self, id: "old").result()
    }
    #expect(result == "sent by 1")
  }

  @Test func `no version becomes current that a living process does not have, unless somebody insists`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1")) { engine in
      let refused = await #expect(throws: OrchestratorError.self) { try await Self.setCurrent("2", engine) }
      #expect(refused?.code == .invalidArgument && refused?.message.contains("deploy it first") == true)
      await #expect(throws: OrchestratorError.self) { try await engine.client.setRampingVersion("2", percent: 5, of: "Parcel") }
      try await engine.client.setCurrentVersion("2", of: "Parcel", isForced: true)
      try await engine.waitUntilVersionsAreFollowed()
      let key = WorkflowKey(workflowID: "early")
      _ = try await Self.start("early", engine)
      try await eventually("it is blocked") { try await engine.client.describe(key).summary.blockedCode == "unknown-workflow-version" }
    }
    try await fixture.withEngine(Self.registry("1", "2")) { engine in
      let early = engine.client.handle(Parcel.self, id: "early")
      try await early.signal(Parcel.go, "sent")
      #expect(try await early.result() == "sent by 2")
      #expect(try await fixture.count("select count(*) from orchestrator.known_versions") == 2)
    }
  }

  @Test func `a check replays each run with its own version, and runs that move on with the one that is current`() async throws {
    let fixture = try EngineFixture()
    for (behavior, codes) in [(VersioningBehavior.pinned, []), (.autoUpgrade, ["non-determinism"])] {
      try await fixture.withEngine(Self.registry("1", "2", behavior: behavior)) { engine in
        try await Self.setCurrent("1", engine)
        let key = WorkflowKey(workflowID: "run \(behavior)")
        _ = try await Self.start(key.workflowID, engine)
        try await engine.client.setCurrentVersion("2", of: "Parcel")
        #expect(try await engine.client.checkOpenRuns().groups.map(\.divergence.code) == codes)
        try await engine.client.terminate(key)
        try await eventually("it ended") { try await !engine.client.describe(key).summary.status.isOpen }
      }
    }
  }

  @Test func `an auto-upgraded run that waits goes on with the version that became current, in every process`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1", "2", behavior: .autoUpgrade)) { engine in
      let run = try await Self.start("run", engine)
      try await Self.setCurrent("2", engine)
      try await run.signal(Parcel.go, "sent")
      let key = WorkflowKey(workflowID: "run")
      // It does not fit: that it is found says which code looked.
      try await eventually("it is blocked") { try await engine.client.describe(key).summary.blockedCode == "non-determinism" }
      try await Self.setCurrent("1", engine)
      #expect(try await run.result() == "sent by 1")
      #expect(try await engine.client.describe(key).summary.isPinned == false)
    }
  }

  @Test func `an open run is moved, and one that was reset goes on with the version that was asked for`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1", "2")) { engine in
      let key = WorkflowKey(workflowID: "run")
      let run = try await Self.start("run", engine)
      try await engine.client.move(key, to: .pinned("2"), reason: "too slow")
      try await eventually("it does not fit") { try await engine.client.describe(key).summary.blockedCode == "non-determinism" }
      #expect(try await engine.client.describe(key).summary.version == "2")
      try await engine.client.move(key, to: .pinned("1"))
      try await eventually("it is back") { try await engine.client.describe(key).summary.status == .running }
      _ = try await engine.client.reset(key, to: .first, version: "2")
      try await engine.client.signal(key, name: "go", input: Payload(json: Array(#""sent""#.utf8)))
      #expect(try await engine.client.handle(Parcel.self, id: "run").result() == "sent by 2")
      #expect(try await fixture.events(of: run.runID).filter { $0 == "WorkflowExecutionOptionsUpdated" }.count == 2)
      await #expect(throws: OrchestratorError.self) { try await engine.client.move(key, to: .autoUpgrade) }
    }
  }

  @Test func `a start by SQL asks for its version, and one that is none is refused`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("1", "2")) { engine in
      func start(_ id: String, _ versioning: String) async throws {
        let sql = "select orchestrator.start_workflow('Parcel', '\(id)', '\"\"', options => '{\"versioning\": \(versioning)}')"
        _ = try await fixture.pool.query(Statement(name: "start_\(id)", sql: sql))
      }
      try await start("by-sql", #"{"behavior": "pinned", "version": "2"}"#)
      engine.client.wake()
      try await eventually("it runs") { try await fixture.count("select count(*) from orchestrator.run_versions where version = '2'") == 1 }
      for wrong in [#"{"behavior": "pinned"}"#, #"{"behavior": "loose"}"#, #"{"behavior": "autoUpgrade", "version": "1"}"#, "2"] {
        await #expect(throws: DatabaseError.self) { try await start("wrong", wrong) }
      }
    }
  }
}
