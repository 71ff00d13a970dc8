import PostgreSQL

enum HealthStatements {
  static let ready = Statement(name: "ready", sql: "select count(*) from orchestrator.slots")
}
