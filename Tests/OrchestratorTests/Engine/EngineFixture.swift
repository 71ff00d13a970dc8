import Foundation
import PostgreSQL
import TestSupport

@testable import Orchestrator

/// A database with the engine's schema and the means to run engines on it.
struct EngineFixture {
  let database: ConnectionConfiguration
  let pool: Database

  init() throws {
    database = try TestCluster.createDatabase()
    _ = try Migrator(database).apply(try Migration.load(from: Self.migrations))
    pool = try Database(database, maximumConnections: 4)
  }

  /// The repository's Migrations folder, found from this file.
  static let migrations: String = {
    var folder = URL(fileURLWithPath: #filePath)
    while folder.lastPathComponent != "Tests" { folder.deleteLastPathComponent() }
    return folder.deletingLastPathComponent().appending(path: "Migrations").path
  }()

  func engine(_ registry: Registry, _ adjust: (inout EngineConfiguration) -> Void = { _ in }) async throws -> Engine {
    var configuration = EngineConfiguration(database: database, build: "test")
    configuration.localTaskQueues = ["default": 50]
    configuration.drainTime = .milliseconds(500)
    adjust(&configuration)
    let engine = try Engine(configuration, registry)
    engine.start()
    try await engine.waitUntilReady()
    return engine
  }

  /// Runs the body with an engine that is shut down afterwards.
  func withEngine<Result>(
    _ registry: Registry, _ adjust: (inout EngineConfiguration) -> Void = { _ in }, _ body: (Engine) async throws -> Result
  ) async throws -> Result {
    let engine = try await engine(registry, adjust)
    do {
      let result = try await body(engine)
      await engine.shutdown()
      return result
    } catch {
      await engine.shutdown()
      throw error
    }
  }

  /// One number by SQL.
  func count(_ sql: String) async throws -> Int64 {
    let statement = Statement(name: "count_\(abs(sql.hashValue))", sql: "select (\(sql))::int8")
    return try await pool.query(statement).int64(0, 0)
  }

  func text(_ sql: String) async throws -> String {
    let statement = Statement(name: "text_\(abs(sql.hashValue))", sql: "select (\(sql))::text")
    let rows = try await pool.query(statement)
    return try rows.optional(0, 0, rows.text) ?? "null"
  }

  /// The types of a run's events in order.
  func events(of runID: RunID?) async throws -> [String] {
    let sql = "select type from orchestrator.events where run_id = $1 order by event_id"
    let rows = try await pool.query(Statement(name: "events", sql: sql, parameterTypes: [.uuid]), Parameters(runID!.uuid))
    return try (0..<rows.count).map { try rows.text($0, 0) }
  }
}
