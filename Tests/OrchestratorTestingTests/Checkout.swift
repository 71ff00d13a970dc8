import Foundation
import Orchestrator
import OrchestratorTesting

enum CheckoutSteps {
  static let reserve = Activity<Int, String>("reserve")
  static let charge = Activity<Int, String>(
    "charge", ActivityOptions(startToClose: .minutes(2), retryPolicy: RetryPolicy(initialInterval: .minutes(1), maximumAttempts: 4)))
  static let remind = Activity<String, Nothing>("remind")
  static let rate = Activity<Int, Int>("rate")
}

/// An order that reminds its customer every three days, and ends after two weeks.
struct Checkout: Workflow {
  struct State: WorkflowState {
    var reminders = 0
    var isConfirmed = false
    var cents = 0
    init() {}
  }

  static let confirm = Signal<Self, Bool>("confirm") { state, isConfirmed in state.isConfirmed = isConfirmed }
  static let reminders = Query<Self, Int>("reminders") { $0.reminders }
  static let raise = Update<Self, Int, Int>("raise") { _, cents in
    guard cents > 0 else { throw ApplicationFailure(type: "NotPositive", message: "\(cents) is not positive") }
  } handle: { workflow, cents in
    workflow.state.cents += cents
    return workflow.state.cents
  }
  static let handlers: [Handler<Self>] = [.signal(confirm), .query(reminders), .update(raise)]

  func run(_ workflow: Context<Self>, _ cents: Int) async throws -> String {
    workflow.state.cents = cents
    let place = try await workflow.execute(CheckoutSteps.reserve, cents)
    let end = workflow.now.addingTimeInterval(14 * 86_400)
    while workflow.now < end {
      if try await workflow.wait(upTo: .days(3), until: { $0.isConfirmed }) {
        return try await workflow.execute(CheckoutSteps.charge, workflow.state.cents)
      }
      workflow.state.reminders += 1
      _ = try await workflow.execute(CheckoutSteps.remind, place)
    }
    throw ApplicationFailure(type: "Expired", message: "nobody confirmed \(place)")
  }
}

/// Two children side by side, then the next run of the chain.
struct Batch: Workflow {
  struct Plan: Codable, Sendable {
    var rounds: Int
    var total: Int
  }

  func run(_ workflow: Context<Self>, _ plan: Plan) async throws -> Int {
    async let first = workflow.child(Part.self, plan.rounds)
    async let second = workflow.child(Part.self, plan.rounds * 10)
    let total = plan.total + (try await first) + (try await second)
    guard plan.rounds > 1 else { return total }
    throw workflow.continueAsNew(Plan(rounds: plan.rounds - 1, total: total))
  }
}

struct Part: Workflow {
  func run(_ workflow: Context<Self>, _ value: Int) async throws -> Int {
    try await workflow.sleep(.days(value))
    return try await workflow.inline(CheckoutSteps.rate, value)
  }
}

/// Another build of it: asks for a timer where the first one asks for an activity.
struct ChangedCheckout: Workflow {
  static let name = "Checkout"

  func run(_ workflow: Context<Self>, _ cents: Int) async throws -> String {
    try await workflow.sleep(.seconds(1))
    return ""
  }
}

/// Commands something that depends on how often it runs.
struct Moody: Workflow {
  static let mood = Moods()

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.sleep(.days(1))
    if Self.mood.next().isMultiple(of: 2) { try await workflow.sleep(.hours(1)) }
    return try await workflow.execute(CheckoutSteps.rate, input)
  }
}
