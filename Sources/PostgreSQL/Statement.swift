/// One SQL statement, as a rule prepared on a connection the first time it is used there.
///
/// Declare each as a `static let`; parameters and results travel in PostgreSQL's binary format.
///
///     static let find = Statement(name: "run_find", sql: "select id from runs where name = $1", parameterTypes: [.text])
public struct Statement: Sendable {
  /// The server-side name of the prepared statement: unique in the program, 1 to 50 bytes of UTF-8, no `#`.
  public let name: String
  public let sql: String
  /// The types of `$1`, `$2`, ...; fixes what the SQL receives, so that no type has to be guessed.
  public let parameterTypes: [PostgresType]
  /// False for a statement that is composed for one use: parsed and planned for its values, and nothing of it stays on the server. Its name
  /// need not be unique.
  public let isPrepared: Bool

  public init(name: String, sql: String, parameterTypes: [PostgresType] = [], isPrepared: Bool = true) {
    precondition((1...50).contains(name.utf8.count) && !name.contains("#"), "a statement needs a name of 1 to 50 bytes without #")
    precondition(parameterTypes.count <= WireLimits.parameters, "a statement has at most \(WireLimits.parameters) parameters")
    self.name = name
    self.sql = sql
    self.parameterTypes = parameterTypes
    self.isPrepared = isPrepared
  }
}

/// A statement with the values it runs with.
public typealias BoundStatement = (statement: Statement, parameters: Parameters)
