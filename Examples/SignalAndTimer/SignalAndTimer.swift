import ExampleSupport
import Orchestrator

/// An order that is paid in time, or not.
struct Order: Workflow {
  struct State: WorkflowState {
    var paidCents = 0
    var isExpired = false
    init() {}
  }

  /// Changes the state as it comes; it cannot await, so it needs no lock.
  static let payment = Signal<Self, Int>("payment") { state, cents in state.paidCents += cents }
  /// Answered from the stored state: no code of the run is woken for it, also after the run has ended.
  static let balance = Query<Self, Int>("balance") { state in state.paidCents }
  static let handlers: [Handler<Self>] = [.signal(payment), .query(balance)]

  func run(_ workflow: Context<Self>, _ price: Price) async throws -> String {
    let patience = Duration.milliseconds(price.patienceMilliseconds)
    guard try await workflow.wait(upTo: patience, until: { $0.paidCents >= price.cents }) else {
      workflow.state.isExpired = true
      return "expired with \(workflow.state.paidCents) of \(price.cents) cents"
    }
    return "paid with \(workflow.state.paidCents) cents"
  }
}

struct Price: Codable, Sendable {
  var cents: Int
  var patienceMilliseconds: Int
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Order.self)
    try await withEngine(registry) { client, _ in
      let prompt = try await client.start(Order.self, id: "order-1", input: Price(cents: 500, patienceMilliseconds: 60_000))
      try await prompt.signal(Order.payment, 200)
      // A caller that got no answer sends again: the same request id counts once.
      try await prompt.signal(Order.payment, 300, requestID: "transfer-17")
      try? await prompt.signal(Order.payment, 300, requestID: "transfer-17")
      print("order-1:", try await prompt.result())
      print("order-1 balance:", try await prompt.query(Order.balance))

      let late = try await client.start(Order.self, id: "order-2", input: Price(cents: 500, patienceMilliseconds: 300))
      try await late.signal(Order.payment, 100)
      print("order-2:", try await late.result())
      do {
        try await late.signal(Order.payment, 400)
      } catch let error as OrchestratorError {
        print("order-2 refused:", error.code)
      }
    }
  }
}
