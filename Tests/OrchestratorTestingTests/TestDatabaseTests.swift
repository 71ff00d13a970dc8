import Foundation
import Orchestrator
import OrchestratorTesting
import TestSupport
import Testing

/// The same calls on PostgreSQL.
@Suite struct TestDatabaseTests {
  init() { Log.setLevel(.none) }

  @Test func `The same test runs on PostgreSQL when it is given a connection`() async throws {
    let charge = MockActivity(CheckoutSteps.charge) { cents in "receipt for \(cents)" }
    let environment = try await TestEnvironment(
      workflows: [Checkout.self], activities: [MockActivity(CheckoutSteps.reserve, returns: "seat 1"), charge],
      database: try TestCluster.createDatabase().connectionString)
    #expect(!environment.isTimeVirtual)
    let order = try await environment.start(Checkout.self, 500)
    #expect(try await order.wait(until: Checkout.reminders) { $0 == 0 } == 0)
    #expect(try await order.update(Checkout.raise, 20) == 520)
    try await order.signal(Checkout.confirm, true)
    #expect(try await order.result() == "receipt for 520")
    #expect(try await order.history().activities == ["reserve", "charge"])
    #expect(try await environment.run(Checkout.self, id: order.workflowID).runID == order.runID)
    #expect(charge.inputs == [520])
  }
}
