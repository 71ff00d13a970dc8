import CPostgreSQL

/// A script that runs on a connection by the simple protocol: its results are dropped, its first failure kept.
struct ScriptExecution {
  private(set) var failure: DatabaseError?

  /// Takes the results that have arrived; true when the script has ended.
  mutating func takeResults(of connection: OpaquePointer) throws -> Bool {
    while PQisBusy(connection) == 0 {
      guard let result = PQgetResult(connection) else {
        guard PQstatus(connection) == CONNECTION_OK else {
          throw DatabaseError(.connectionLost, "the connection to PostgreSQL ended: \(ServerReport.lastMessage(of: connection))")
        }
        return true
      }
      defer { PQclear(result) }
      try take(result)
    }
    return false
  }

  private mutating func take(_ result: OpaquePointer) throws {
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      // The data would have to come from here: the connection cannot be used for anything else any more.
      throw DatabaseError(.invalidStatement, "a script cannot contain copy from stdin or to stdout")
    default:
      if failure == nil { failure = ServerReport.error(of: result, statement: nil) }
    }
  }
}
