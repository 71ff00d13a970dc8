import Foundation
import Orchestrator
import PostgreSQL

/// `dev`, `serve` and `worker`: the processes that stay.
enum ServeCommand {
  /// Everything in one process, with nothing to configure.
  static func dev(_ arguments: inout Arguments) async throws {
    let configuration = try Configuration(&arguments)
    try arguments.finish()
    try await run(configuration, Service.Parts()) { service, connection in
      print("orchestratord dev")
      print("  API        http://\(configuration.address):\(service.server?.port ?? 0)/api/v1")
      print("  database   \(configuration.databaseURL == nil ? "psql \"\(connection.connectionString)\"" : "DATABASE_URL")")
      print("  files      \(configuration.storage.bucket?.description ?? configuration.storeFolder ?? configuration.dataFolder + "/store")")
      print("  lyrics     \(configuration.lyricsURL ?? "offline stand-in (PocketSphinx)")")
      if configuration.isOpenDevelopment {
        print("  tokens     \(Authentication.developmentTokens.map(\.token).joined(separator: ", "))")
        print("             requests from this machine without a token may do everything")
      }
      print("  stop       Ctrl-C")
    }
  }

  /// The API and a slot owner. Activities run here too unless `--queues none` leaves them to workers.
  static func serve(_ arguments: inout Arguments) async throws {
    let configuration = try Configuration(&arguments)
    try arguments.finish()
    try await run(configuration, Service.Parts()) { service, _ in
      print("orchestratord serve: http://\(configuration.address):\(service.server?.port ?? 0)/api/v1")
    }
  }

  /// Activities only: any number of these, on any host.
  static func worker(_ arguments: inout Arguments) async throws {
    let configuration = try Configuration(&arguments)
    try arguments.finish()
    let parts = Service.Parts(ownsSlots: false, servesHTTP: false, worksOnQueues: true)
    try await run(configuration, parts) { _, _ in
      print("orchestratord worker: queues \(Settings.queueText(configuration.taskQueues))")
    }
  }

  /// Opens the database, migrates it, runs the parts until a signal comes, and stops what was started.
  private static func run(
    _ configuration: Configuration, _ parts: Service.Parts, announce: (Service, ConnectionConfiguration) -> Void
  ) async throws {
    let shutdown = try ShutdownSignal()
    try ConfigurationChecks.isReachable(configuration)
    let (connection, cluster) = try ConfiguredDatabase.open(configuration)
    let result: Result<Void, any Error>
    do {
      try await run(configuration, parts, connection, shutdown, announce)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    // Also after an error: what was started is stopped.
    try cluster?.stop()
    try result.get()
  }

  private static func run(
    _ configuration: Configuration, _ parts: Service.Parts, _ connection: ConnectionConfiguration, _ shutdown: ShutdownSignal,
    _ announce: (Service, ConnectionConfiguration) -> Void
  ) async throws {
    for migration in try Schema.migrate(connection) { print("migrated: \(migration.number) \(migration.name)") }
    let service = try await Service(configuration, connection, parts)
    let running = Task { await service.run() }
    try await service.engine?.waitUntilReady()
    announce(service, connection)
    fflush(nil)
    await shutdown.wait()
    print("stopping")
    fflush(nil)
    running.cancel()
    await running.value
  }
}
