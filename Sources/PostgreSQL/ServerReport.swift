import CPostgreSQL

/// Reads the fields of an error result.
enum ServerReport {
  static func error(of result: OpaquePointer, statement: String?) -> DatabaseError {
    var error = DatabaseError(.server, field(result, "M") ?? "the server gave no message")
    error.sqlState = field(result, "C")
    error.severity = field(result, "V")
    error.detail = field(result, "D")
    error.hint = field(result, "H")
    error.constraint = field(result, "n")
    error.table = field(result, "t")
    error.statement = statement
    error.isStalePlan = isStalePlan(result, sqlState: error.sqlState)
    return error
  }

  /// The last message of a connection, on one line; libpq puts no password into it.
  static func lastMessage(of connection: OpaquePointer) -> String {
    let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    return lines.isEmpty ? "no further information" : lines.joined(separator: " ")
  }

  /// PostgreSQL has no SQLSTATE of its own for a plan that a schema change made useless; the source function tells in every language.
  private static func isStalePlan(_ result: OpaquePointer, sqlState: String?) -> Bool {
    sqlState == "26000" || (sqlState == "0A000" && field(result, "R") == "RevalidateCachedQuery")
  }

  /// The field codes of the ErrorResponse message (PostgreSQL manual, "Error and Notice Message Fields").
  private static func field(_ result: OpaquePointer, _ code: Unicode.Scalar) -> String? {
    PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
  }
}
