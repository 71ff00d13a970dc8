import ExampleSupport
import Orchestrator

enum Steps {
  static let charge = Activity<Account, Int>("charge")
}

struct Account: Codable, Sendable {
  var customer: String
  var monthlyCents: Int
  var paidCents = 0
  var months = 0
  /// The month after which the customer leaves, once that is known.
  var lastMonth: Int?
}

/// Charges a customer month after month. Each run ends after a few of them and the next one begins with what it must know: the subscription
/// may live for decades, no history does.
struct Subscription: Workflow {
  static let leave = Signal<Self, Int>("leave")
  static let monthsPerRun = 3

  func run(_ workflow: Context<Self>, _ account: Account) async throws -> Account {
    var account = account
    for _ in 0..<Self.monthsPerRun {
      account.paidCents += try await workflow.execute(Steps.charge, account)
      account.months += 1
      // A month here takes 20 ms.
      if let month = try await workflow.receive(Self.leave, within: .milliseconds(20)) { account.lastMonth = month }
      if let lastMonth = account.lastMonth, account.months >= lastMonth { return account }
    }
    // Or less often: `if workflow.isContinueAsNewSuggested`.
    throw workflow.continueAsNew(account)
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(Subscription.self)
    registry.implement(Steps.charge) { account, _ in account.monthlyCents }
    try await withEngine(registry) { client, _ in
      let subscription = try await client.start(
        Subscription.self, id: "subscription-ann", input: Account(customer: "ann", monthlyCents: 999))
      // Which run of the chain it reaches does not matter: what no code has received goes on with the chain.
      try await subscription.signal(Subscription.leave, 7)
      let account = try await subscription.result()
      print("\(account.customer) paid \(account.paidCents) cents in \(account.months) months")
      let runs = try await client.listWorkflows(WorkflowFilter(workflowID: "subscription-ann")).items
      for run in runs.reversed() { print(run.status.rawValue) }
    }
  }
}
