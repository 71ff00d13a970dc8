/// Brings a database to the schema of this program. Blocks; for the start of a program.
///
/// One process at a time (a session advisory lock), each migration in a transaction of its own together with its row in
/// `orchestrator.schema_migrations`; the schema `orchestrator` is made when missing.
public struct Migrator: Sendable {
  private let configuration: ConnectionConfiguration

  /// Any number that nobody else locks: "orchmigr" as bytes.
  private static let lockKey: Int64 = 0x6f72_6368_6d69_6772
  private static let lockTimeout = Duration.seconds(60)

  private static let setLockTimeout = Statement(
    name: "migrate_set_lock_timeout", sql: "select set_config('lock_timeout', $1, false)", parameterTypes: [.text])
  private static let lock = Statement(name: "migrate_lock", sql: "select pg_advisory_lock($1)", parameterTypes: [.int8])
  private static let unlock = Statement(name: "migrate_unlock", sql: "select pg_advisory_unlock($1)", parameterTypes: [.int8])
  private static let begin = Statement(name: "migrate_begin", sql: "begin")
  private static let commit = Statement(name: "migrate_commit", sql: "commit")
  private static let select = Statement(
    name: "migrate_select", sql: "select number, name, checksum from orchestrator.schema_migrations order by number")
  private static let exists = Statement(
    name: "migrate_exists", sql: "select to_regclass('orchestrator.schema_migrations') is not null")
  private static let insert = Statement(
    name: "migrate_insert", sql: "insert into orchestrator.schema_migrations (number, name, checksum) values ($1, $2, $3)",
    parameterTypes: [.int4, .text, .text])
  private static let table = """
    create schema if not exists orchestrator;
    create table if not exists orchestrator.schema_migrations (
      number integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    );
    comment on table orchestrator.schema_migrations is 'Schema changes applied to this database, in order; rows are never changed.';
    """

  public init(_ configuration: ConnectionConfiguration) {
    self.configuration = configuration
  }

  /// Applies what is missing and returns it, in order.
  ///
  /// Throws with code `migrationRefused` when an applied migration was changed, is unknown here or was skipped; nothing is applied then.
  /// - Parameter timeout: the longest run of one migration.
  public func apply(_ migrations: [Migration], timeout: Duration = .seconds(3_600)) throws -> [Migration] {
    let connection = try PipelineConnection(configuration)
    try Self.acquireLock(connection)
    try connection.run(script: Self.table, timeout: timeout)
    let plan = try MigrationPlan(migrations, applied: Self.applied(connection))
    for migration in plan.pending { try Self.apply(migration, on: connection, timeout) }
    _ = try connection.run((Self.unlock, Parameters(Self.lockKey)))
    return plan.pending
  }

  /// What `apply` would apply, in order; nothing is changed and nothing is locked.
  ///
  /// Throws with code `migrationRefused` as `apply` does.
  public func pending(_ migrations: [Migration]) throws -> [Migration] {
    let connection = try PipelineConnection(configuration)
    let exists = try connection.run((Self.exists, Parameters()))[0].bool(0, 0)
    return try MigrationPlan(migrations, applied: exists ? Self.applied(connection) : []).pending
  }

  private static func acquireLock(_ connection: PipelineConnection) throws {
    _ = try connection.run((setLockTimeout, Parameters("\(lockTimeout.wholeMilliseconds)ms")))
    do {
      _ = try connection.run((lock, Parameters(lockKey)), timeout: lockTimeout + .seconds(10))
    } catch let error as DatabaseError where error.sqlState == "55P03" {
      throw DatabaseError(
        .migrationRefused, "another process has been migrating this database for \(lockTimeout); try again when it is done")
    }
    _ = try connection.run((setLockTimeout, Parameters("0")))
  }

  private static func applied(_ connection: PipelineConnection) throws -> [MigrationPlan.Applied] {
    let rows = try connection.run((select, Parameters()))[0]
    return try (0..<rows.count).map { row in
      MigrationPlan.Applied(number: Int(try rows.int32(row, 0)), name: try rows.text(row, 1), checksum: try rows.text(row, 2))
    }
  }

  private static func apply(_ migration: Migration, on connection: PipelineConnection, _ timeout: Duration) throws {
    do {
      _ = try connection.run((begin, Parameters()))
      try connection.run(script: migration.sql, timeout: timeout)
    } catch let error as DatabaseError {
      throw error.prefixed("migration \(migration.number) \(migration.name) failed: ")
    }
    guard connection.isInsideTransaction else {
      throw DatabaseError(
        .migrationRefused, "migration \(migration.number) \(migration.name) ends its own transaction; remove commit and rollback from it")
    }
    _ = try connection.run((insert, Parameters(Int32(migration.number), migration.name, migration.checksum)))
    _ = try connection.run((commit, Parameters()), timeout: timeout)
  }
}
