import Foundation
import Orchestrator
import PostgreSQL

/// Runs the body with an engine on a database, and stops everything afterwards.
public func withEngine(
  _ registry: Registry, codec: CodecChain? = nil, _ body: @Sendable (Client, ConnectionConfiguration) async throws -> Void
) async throws {
  try await withDatabase { database in
    try await withEngine(registry, on: database, codec: codec) { client in try await body(client, database) }
  }
}

/// Runs the body with a database that has the engine's schema: the one that `DATABASE_URL` names, or else a PostgreSQL of its own in a
/// temporary folder.
public func withDatabase(_ body: @Sendable (ConnectionConfiguration) async throws -> Void) async throws {
  Log.setLevel(.warning)
  let place = try ExampleDatabase()
  defer { place.remove() }
  try Schema.migrate(place.connection)
  try await body(place.connection)
}

/// Runs the body with an engine that runs the registry's workflows and activities.
public func withEngine(
  _ registry: Registry, on database: ConnectionConfiguration, codec: CodecChain? = nil, _ body: @Sendable (Client) async throws -> Void
) async throws {
  var configuration = EngineConfiguration(database: database, build: "examples")
  configuration.codec = codec
  configuration.localTaskQueues = ["default": 10]
  let engine = try Engine(configuration, registry)
  engine.start()
  do {
    try await engine.waitUntilReady()
    try await body(engine.client)
  } catch {
    await engine.shutdown()
    throw error
  }
  await engine.shutdown()
}

/// Where an example keeps its histories.
struct ExampleDatabase {
  let connection: ConnectionConfiguration
  private let cluster: EmbeddedPostgreSQL?

  init() throws {
    if let url = ProcessInfo.processInfo.environment["DATABASE_URL"] {
      connection = ConnectionConfiguration(url)
      cluster = nil
    } else {
      let folder = FileManager.default.temporaryDirectory.appending(path: "orchestrator-example-\(UUID().uuidString)").path
      let cluster = EmbeddedPostgreSQL(folder: folder)
      connection = try cluster.start()
      self.cluster = cluster
    }
  }

  func remove() {
    guard let cluster else { return }
    try? cluster.stop()
    try? FileManager.default.removeItem(atPath: cluster.folder)
  }
}
