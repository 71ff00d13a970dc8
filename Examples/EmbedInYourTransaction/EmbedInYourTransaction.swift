import ExampleSupport
import Orchestrator
import PostgreSQL

enum Steps {
  static let welcome = Activity<String, String>("welcome")
}

struct Onboarding: Workflow {
  func run(_ workflow: Context<Self>, _ name: String) async throws -> String {
    try await workflow.execute(Steps.welcome, name)
  }
}

/// Your own table and the start of a workflow, in one transaction of yours: both or neither, without an outbox.
enum SQL {
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

struct ChangedMyMind: Error {}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Onboarding.self)
    registry.implement(Steps.welcome) { name, _ in "welcome, \(name)" }
    try await withEngine(registry) { client, connection in
      let database = try Database(connection, maximumConnections: 2)
      _ = try await database.query(SQL.table)
      try await database.transaction { transaction in
        _ = try await transaction.query(SQL.insert, Parameters("ada"))
        _ = try await transaction.query(SQL.start, Parameters("ada"))
      }
      client.wake()  // else the owner finds it at its next look, a tenth of a second later
      try? await database.transaction { transaction in
        _ = try await transaction.query(SQL.insert, Parameters("bob"))
        _ = try await transaction.query(SQL.start, Parameters("bob"))
        throw ChangedMyMind()
      }
      print("ada:", try await result(of: "customer-ada", client))
      print("bob:", try await database.query(SQL.count, Parameters("bob")).int64(0, 0), "runs")
      await database.shutdown()
    }
  }

  /// The run appears when its owner has taken it from the inbox.
  private static func result(of id: String, _ client: Client) async throws -> String {
    while true {
      do {
        return try await client.handle(Onboarding.self, id: id).result()
      } catch let error as OrchestratorError where error.code == .workflowNotFound {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
