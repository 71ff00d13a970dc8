import Foundation
import Orchestrator
import PostgreSQL

/// Runs the body with an engine that runs the registry's workflows and activities, and stops everything afterwards.
///
/// The database is the one that `DATABASE_URL` names, or else a PostgreSQL of its own in a temporary folder.
public func withEngine(
  _ registry: Registry, _ body: @Sendable (Client, ConnectionConfiguration) async throws -> Void
) async throws {
  Log.setLevel(.warning)
  let place = try ExampleDatabase()
  defer { place.remove() }
  try Schema.migrate(place.connection)
  var configuration = EngineConfiguration(database: place.connection, build: "examples")
  configuration.localTaskQueues = ["default": 10]
  let engine = try Engine(configuration, registry)
  engine.start()
  do {
    try await engine.waitUntilReady()
    try await body(engine.client, place.connection)
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
