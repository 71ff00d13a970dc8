import PostgreSQL

enum OrderStatements {
  /// Events that hold a text in the clear.
  static let eventsWith = Statement(
    name: "events_with", sql: "select count(*) from orchestrator.history where position(convert_to($1, 'UTF8') in attributes) > 0",
    parameterTypes: [.text])
}
