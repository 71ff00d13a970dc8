import PostgreSQL

/// The database schema that this build works on.
///
///     try Schema.migrate(connection)
///     let engine = try Engine(EngineConfiguration(database: connection), registry)
public enum Schema {
  /// All migrations, in order; the same text as `Migrations/*.sql`.
  public static var migrations: [Migration] { EmbeddedMigrations.all }

  /// Brings a database to this schema and returns what was applied; blocks. Any number of processes may call it at once.
  /// - Throws: `DatabaseError`; with code `migrationRefused` when the database is newer than this build.
  @discardableResult
  public static func migrate(_ connection: ConnectionConfiguration) throws -> [Migration] {
    try Migrator(connection).apply(migrations)
  }
}
