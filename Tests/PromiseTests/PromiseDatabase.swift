import Foundation
import Orchestrator
import PostgreSQL
import TestSupport

/// A database with the engine's schema, and the means to run engines on it and to look at what they did.
struct PromiseDatabase {
  let connection: ConnectionConfiguration
  let pool: Database

  /// On the test process's shared server, which survives nothing.
  init() throws { try self.init(TestCluster.createDatabase()) }

  init(_ connection: ConnectionConfiguration) throws {
    self.connection = connection
    try Schema.migrate(connection)
    pool = try Database(connection, maximumConnections: 6)
  }

  var checker: HistoryChecker { HistoryChecker(pool: pool) }

  /// Runs the body with an engine that is shut down afterwards.
  func withEngine<Result>(
    _ registry: Registry, _ adjust: (inout EngineConfiguration) -> Void = { _ in }, _ body: (Engine) async throws -> Result
  ) async throws -> Result {
    var configuration = EngineConfiguration(database: connection, build: "promises")
    configuration.localTaskQueues = ["default": 50]
    configuration.drainTime = .milliseconds(500)
    adjust(&configuration)
    let engine = try Engine(configuration, registry)
    engine.start()
    do {
      try await engine.waitUntilReady()
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
    try await query("select (\(sql))::int8").int64(0, 0)
  }

  /// One text by SQL; "null" for null.
  func text(_ sql: String) async throws -> String {
    let rows = try await query("select (\(sql))::text")
    return try rows.optional(0, 0, rows.text) ?? "null"
  }

  @discardableResult
  func query(_ sql: String) async throws -> Rows {
    try await pool.query(Statement(name: "q\(UInt64(bitPattern: Int64(sql.hashValue)))", sql: sql))
  }

  func script(_ sql: String) async throws { try await pool.execute(script: sql) }

  /// Waits until the number by SQL is this.
  func waitFor(_ sql: String, toBe expected: Int64, within limit: Duration = .seconds(90)) async throws {
    try await eventually(within: limit, "\(sql) is \(expected)") { try await count(sql) == expected }
  }
}
