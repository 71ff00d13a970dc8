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

struct ChangedMyMind: Error {}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Onboarding.self)
    registry.implement(Steps.welcome) { name, _ in "welcome, \(name)" }
    try await withEngine(registry) { client, connection in
      let database = try Database(connection, maximumConnections: 2)
      _ = try await database.query(CustomerStatements.table)
      try await database.transaction { transaction in
        _ = try await transaction.query(CustomerStatements.insert, Parameters("ada"))
        _ = try await transaction.query(CustomerStatements.start, Parameters("ada"))
      }
      client.wake()  // else the owner finds it at its next look, a tenth of a second later
      try? await database.transaction { transaction in
        _ = try await transaction.query(CustomerStatements.insert, Parameters("bob"))
        _ = try await transaction.query(CustomerStatements.start, Parameters("bob"))
        throw ChangedMyMind()
      }
      print("ada:", try await result(of: "customer-ada", client))
      print("bob:", try await database.query(CustomerStatements.count, Parameters("bob")).int64(0, 0), "runs")
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
