import Foundation
import Orchestrator
import PostgreSQL

/// `orchestratord migrate [--dry-run]`: brings a database to the schema that this build carries.
enum MigrateCommand {
  static func run(_ arguments: inout Arguments) async throws {
    let isDryRun = arguments.flag("--dry-run")
    let folder = try arguments.option("--migrations")
    let configuration = try Configuration(&arguments)
    try arguments.finish()
    let migrations = try folder.map { try Migration.load(from: $0) } ?? Schema.migrations
    let embedded = EmbeddedPostgreSQL(folder: ConfiguredDatabase.absolute(configuration.dataFolder) + "/postgres")
    let wasRunning = embedded.processIdentifier != nil
    let (connection, cluster) = try ConfiguredDatabase.open(configuration)
    defer { if !wasRunning { try? cluster?.stop() } }
    try run(migrations, on: connection, isDryRun: isDryRun, output: .standard)
  }

  static func run(_ migrations: [Migration], on connection: ConnectionConfiguration, isDryRun: Bool, output: TerminalOutput) throws {
    let migrator = Migrator(connection)
    let changed = isDryRun ? try migrator.pending(migrations) : try migrator.apply(migrations)
    for migration in changed { output.line("\(isDryRun ? "would apply" : "applied") \(migration.number) \(migration.name)") }
    if changed.isEmpty { output.line("nothing to do: the database has all \(migrations.count) migrations") }
  }
}
