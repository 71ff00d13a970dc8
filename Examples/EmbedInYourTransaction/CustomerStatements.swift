import PostgreSQL

/// Your own table and the start of a workflow, in one transaction of yours: both or neither, without an outbox.
enum CustomerStatements {
  static let table = Statement(name: "customers", sql: "create table if not exists customers (name text primary key)")
  static let insert = Statement(
    name: "customer_insert", sql: "insert into customers (name) values ($1) on conflict do nothing", parameterTypes: [.text])
  static let start = Statement(
    name: "customer_start", sql: "select orchestrator.start_workflow('Onboarding', 'customer-' || $1, to_jsonb($1::text))",
    parameterTypes: [.text])
  static let count = Statement(
    name: "customer_runs", sql: "select count(*) from orchestrator.workflows where workflow_id = 'customer-' || $1",
    parameterTypes: [.text])
}
