import Orchestrator
import OrchestratorTesting

@testable import ExternalJob
@testable import FanOut
@testable import FindingRuns
@testable import Greeting
@testable import HumanApproval
@testable import ParentAndChildren
@testable import Saga
@testable import SignalAndTimer
@testable import Subscription
@testable import VersionedChange

// Their steps are named here once more: each example calls its own `Steps`.
extension Scenario {
  private static func text(_ name: String) -> MockActivity<String, String> {
    MockActivity(Activity<String, String>(name)) { $0.uppercased() }
  }

  static let examples: [Scenario] = [
    .run("example-greeting") {
      try await TestEnvironment(
        workflows: [Greeting.self],
        activities: [text("translate"), MockActivity(Activity<String, Int>("deliver")) { $0.utf8.count }]
      ).start(Greeting.self, "world")
    },
    .run("example-order") {
      let order = try await TestEnvironment(workflows: [Order.self]).start(Order.self, Price(cents: 500, patienceMilliseconds: 60_000))
      try await order.signal(Order.payment, 200)
      try await order.signal(Order.payment, 300)
      return order
    },
    .run("example-order-expired") {
      try await TestEnvironment(workflows: [Order.self]).start(Order.self, Price(cents: 500, patienceMilliseconds: 300))
    },
    .run("example-saga") {
      let book = MockActivity(Activity<String, String>("book")) { part in
        if part == "car" { throw ApplicationFailure(type: "SoldOut", message: "no car is left", isRetryable: false) }
        return part
      }
      return try await TestEnvironment(workflows: [BookTrip.self], activities: [book, text("cancel")])
        .start(BookTrip.self, ["flight", "hotel", "car"])
    },
    .run("example-baked-before") {
      let loaf = try await TestEnvironment(workflows: [BakeBefore.self], activities: [text("mix"), text("bake")])
        .start(BakeBefore.self, "rye")
      try await loaf.signal(BakeBefore.ovenHot, true)
      return loaf
    },
    .run("example-baked") {
      let loaf = try await TestEnvironment(workflows: [Bake.self], activities: [text("mix"), text("rise"), text("bake")])
        .start(Bake.self, "wheat")
      try await loaf.signal(Bake.ovenHot, true)
      return loaf
    },
    .run("example-refund") {
      let refund = try await TestEnvironment(workflows: [Refund.self]).start(Refund.self, 500)
      try await refund.signal(Refund.decide, true)
      return refund
    },
    .run("example-subscription") {
      let charge = MockActivity(Activity<Account, Int>("charge")) { $0.monthlyCents }
      let subscription = try await TestEnvironment(workflows: [Subscription.self], activities: [charge])
        .start(Subscription.self, Account(customer: "ann", monthlyCents: 999))
      try await subscription.signal(Subscription.leave, 7)
      return subscription
    },
    .run("example-album") {
      let encode = MockActivity(Activity<String, Int>("encode")) { $0.utf8.count }
      return try await TestEnvironment(workflows: [Album.self, Encode.self], activities: [encode])
        .start(Album.self, id: "album-1", ["Overture", "Silence", "Finale"])
    },
    .run("example-pictures") {
      let resize = MockActivity(Activity<Int, Int>("resize")) { $0 }
      return try await TestEnvironment(workflows: [ResizeAll.self], activities: [resize]).start(ResizeAll.self, 130)
    },
    .run("example-approval") {
      let notify = MockActivity(Activity<Notice, Nothing>("notify"))
      return try await TestEnvironment(workflows: [Approve.self], activities: [notify])
        .start(Approve.self, Expense(what: "a piano", approvers: ["ann", "bob"]))
    },
    .run("example-rendering") {
      try await TestEnvironment(workflows: [Render.self], activities: [text("submit"), text("collect")]).start(Render.self, "sunrise")
    },
  ]
}
