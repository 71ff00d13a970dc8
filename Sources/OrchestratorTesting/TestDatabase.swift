import Foundation
import Orchestrator
import PostgreSQL

/// An engine on a database of its own, which is made for one environment and dropped after it.
final class TestDatabase: TestPlace {
  private let engine: Engine
  private let name: String
  private let administration: ConnectionConfiguration

  /// Activities of one queue at a time.
  private static let concurrency = 100
  /// Between two looks at what a test waits for.
  private static let pause = Duration.milliseconds(5)

  init(_ connectionString: String, _ registry: Registry) async throws {
    administration = ConnectionConfiguration(connectionString)
    name = "orchestrator_test_\(UUID().uuidString.replacing("-", with: "").lowercased())"
    try Self.carryOut(TestDatabaseStatements.create(name), on: administration)
    let connection = try administration.with(database: name)
    try Schema.migrate(connection)
    var configuration = EngineConfiguration(database: connection, build: "test")
    configuration.localTaskQueues = Dictionary(uniqueKeysWithValues: registry.taskQueues.map { ($0, Self.concurrency) })
    engine = try Engine(configuration, registry)
    engine.start()
    try await engine.waitUntilReady()
  }

  private static func carryOut(_ statement: Statement, on connection: ConnectionConfiguration) throws {
    _ = try PipelineConnection(connection).run((statement, Parameters()))
  }

  let isTimeVirtual = false

  var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

  func start(
    type: String, key: WorkflowKey, input: Payload, searchAttributes: SearchAttributes, options: StartOptions
  ) async throws -> RunID {
    try await engine.client.start(type: type, key: key, input: input, searchAttributes: searchAttributes, options: options)
  }

  func signal(_ key: WorkflowKey, name: String, input: Payload, requestID: String) async throws {
    try await engine.client.signal(key, name: name, input: input, requestID: requestID)
  }

  func update(_ key: WorkflowKey, name: String, input: Payload, updateID: String) async throws {
    try await engine.client.update(key, name: name, input: input, updateID: updateID)
  }

  func updateResult(_ key: WorkflowKey, updateID: String) async throws -> Payload {
    try await engine.client.updateResult(key, updateID: updateID)
  }

  func cancel(_ key: WorkflowKey, reason: String) async throws {
    try await engine.client.cancel(key, reason: reason)
  }

  func terminate(_ key: WorkflowKey, reason: String) async throws {
    try await engine.client.terminate(key, reason: reason)
  }

  func commandActivity(_ key: WorkflowKey, sequence: Int32, _ action: ActivityAction) async throws {
    try await engine.client.commandActivity(key, sequence: sequence, action)
  }

  func query(_ key: WorkflowKey, name: String) async throws -> Payload {
    try await engine.client.query(key, name: name)
  }

  func wait(_ key: WorkflowKey, query name: String, until isWanted: (Payload) throws -> Bool) async throws -> Payload {
    while true {
      let answer = try await query(key, name: name)
      if try isWanted(answer) { return answer }
      try await Task.sleep(for: Self.pause)
    }
  }

  func result(_ key: WorkflowKey, _ runID: RunID) async throws -> Payload {
    try await engine.client.result(of: key, runID: runID)
  }

  func export(_ runID: RunID) async throws -> HistoryExport {
    try await engine.client.export(runID)
  }

  func runs(of key: WorkflowKey) async throws -> [RunID] {
    var filter = WorkflowFilter()
    filter.workflowID = key.workflowID
    return try await engine.client.listWorkflows(filter).items.map(\.runID).sorted()
  }

  func setVersions(of workflowType: String, current: String?, ramping: String?, percent: Double) async throws {
    try await engine.client.setRampingVersion(nil, of: workflowType)
    try await engine.client.setCurrentVersion(current, of: workflowType)
    if let ramping { try await engine.client.setRampingVersion(ramping, percent: percent, of: workflowType) }
    try await engine.waitUntilVersionsAreFollowed()
  }

  func replayer() async throws -> Replayer { try await engine.client.replayer() }

  func move(_ key: WorkflowKey, to versioning: RunVersioning) async throws {
    try await engine.client.move(key, to: versioning)
  }

  func advance(by duration: Duration) async throws {
    try await Task.sleep(for: duration)
  }

  func setSkipping(_ skips: Bool) {}

  func shutDown() {
    Task.detached { [engine, name, administration] in
      await engine.shutdown()
      // Should the server be gone, so is the database.
      try? Self.carryOut(TestDatabaseStatements.drop(name), on: administration)
    }
  }
}
