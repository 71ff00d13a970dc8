import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

@Suite struct TestEnvironmentTests {
  init() { Log.setLevel(.none) }

  private let reserve = MockActivity(CheckoutSteps.reserve, returns: "seat 1")
  private let charge = MockActivity(CheckoutSteps.charge) { cents in "receipt for \(cents)" }
  private let remind = MockActivity(CheckoutSteps.remind)

  private func environment(_ charge: MockActivity<Int, String>? = nil, forgetsRuns: Bool = false) async throws -> TestEnvironment {
    try await TestEnvironment(
      workflows: [Checkout.self], activities: [reserve, charge ?? self.charge, remind], forgetsRuns: forgetsRuns)
  }

  @Test("Two weeks pass in a moment", arguments: [false, true])
  func expires(forgetsRuns: Bool) async throws {
    let environment = try await environment(forgetsRuns: forgetsRuns)
    let begin = environment.now
    let order = try await environment.start(Checkout.self, 500)
    let failure = await #expect(throws: WorkflowFailure.self) { try await order.result() }
    #expect(failure?.failure?.type == "Expired")
    #expect(remind.inputs == Array(repeating: "seat 1", count: 5))
    #expect(environment.now.timeIntervalSince(begin) == 15 * 86_400)
    let history = try await order.history()
    #expect(history.activities == ["reserve"] + Array(repeating: "remind", count: 5))
    #expect(history.timers == Array(repeating: .days(3), count: 5))
    #expect(charge.callCount == 0)
  }

  @Test func `Time stands still until somebody waits or advances it`() async throws {
    let environment = try await environment()
    let begin = environment.now
    let order = try await environment.start(Checkout.self, 500)
    #expect(try await order.query(Checkout.reminders) == 0)
    #expect(environment.now == begin)
    try await environment.advance(by: .days(7))
    #expect(environment.now == begin.addingTimeInterval(7 * 86_400))
    #expect(try await order.query(Checkout.reminders) == 2)
    try await order.signal(Checkout.confirm, true)
    #expect(try await order.result() == "receipt for 500")
    #expect(environment.now == begin.addingTimeInterval(7 * 86_400))
  }

  @Test func `Without skipping a waiting caller sees time only as it is advanced`() async throws {
    let environment = try await environment()
    environment.skipTime(false)
    let order = try await environment.start(Checkout.self, 500)
    async let result = order.result()
    try await environment.advance(by: .days(4))
    #expect(try await order.query(Checkout.reminders) == 1)
    try await order.signal(Checkout.confirm, true)
    #expect(try await result == "receipt for 500")
  }

  @Test func `A scripted activity fails and runs into its time limit before it answers`() async throws {
    let charge = MockActivity(
      CheckoutSteps.charge, script: [.fails(ApplicationFailure(type: "Busy", message: "later")), .timesOut]
    ) { cents in "receipt for \(cents)" }
    let environment = try await environment(charge)
    let order = try await environment.start(Checkout.self, 500)
    try await order.signal(Checkout.confirm, true)
    let begin = environment.now
    #expect(try await order.result() == "receipt for 500")
    #expect(charge.inputs == [500, 500, 500])
    // A minute, the attempt's two minutes, and the longest interval of a policy that names none.
    #expect(environment.now.timeIntervalSince(begin) == 60 + 120 + 100)
  }

  @Test func `An activity that takes time lets it pass for everybody`() async throws {
    let slow = MockActivity(CheckoutSteps.charge, taking: .seconds(90), returns: "slow")
    let environment = try await environment(slow)
    let order = try await environment.start(Checkout.self, 500)
    try await order.signal(Checkout.confirm, true)
    let begin = environment.now
    #expect(try await order.result() == "slow")
    #expect(environment.now.timeIntervalSince(begin) == 90)
  }

  @Test func `Updates are answered, or rejected without a trace`() async throws {
    let environment = try await environment()
    let order = try await environment.start(Checkout.self, 500)
    #expect(try await order.update(Checkout.raise, 20) == 520)
    let rejection = await #expect(throws: UpdateFailure.self) { try await order.update(Checkout.raise, -1) }
    #expect(rejection?.isRejected == true)
    #expect(try await order.history().count(of: "WorkflowExecutionUpdateAccepted") == 1)
    try await order.signal(Checkout.confirm, true)
    #expect(try await order.result() == "receipt for 520")
  }

  @Test func `Children and the runs of a chain are waited for to the last`() async throws {
    let rate = MockActivity(CheckoutSteps.rate) { $0 }
    let environment = try await TestEnvironment(workflows: [Batch.self, Part.self], activities: [rate])
    let batch = try await environment.start(Batch.self, id: "batch", Batch.Plan(rounds: 3, total: 0))
    #expect(try await batch.result() == 66)
    let chain = try await batch.chain()
    #expect(
      chain.map(\.events.last) == ["WorkflowExecutionContinuedAsNew", "WorkflowExecutionContinuedAsNew", "WorkflowExecutionCompleted"])
    #expect(chain.map(\.children) == Array(repeating: ["Part", "Part"], count: 3))
    let part = try await environment.run(Part.self, id: "batch/1").history()
    #expect(part.inlineSteps == ["rate"])
    #expect(rate.inputs.sorted() == [1, 2, 3, 10, 20, 30])
  }

  @Test func `A run that is cancelled tells how it ended`() async throws {
    let environment = try await environment()
    let order = try await environment.start(Checkout.self, 500)
    try await order.cancel()
    let failure = await #expect(throws: WorkflowFailure.self) { try await order.result() }
    #expect(failure?.status == .canceled)
  }

  @Test func `Code that does not repeat its history is found by its first result`() async throws {
    let environment = try await TestEnvironment(workflows: [Moody.self], activities: [MockActivity(CheckoutSteps.rate, returns: 1)])
    let run = try await environment.start(Moody.self, 1)
    let divergence = await #expect(throws: HistoryDiverged.self) { try await run.result() }
    #expect(divergence?.divergence.code == "non-determinism")
  }

  @Test func `A recorded history is replayed from its file, and one that differs is named`() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let environment = try await environment()
    let order = try await environment.start(Checkout.self, 500)
    try await order.signal(Checkout.confirm, true)
    _ = try await order.result()
    try await order.history().write(to: file)
    try environment.replay(contentsOf: file)
    let changed = try await TestEnvironment(workflows: [ChangedCheckout.self])
    let divergence = #expect(throws: HistoryDiverged.self) { try changed.replay(contentsOf: file) }
    #expect(divergence?.divergence.recorded?.contains("reserve") == true)
  }

  @Test func `An activity that nobody mocked is named at once`() async throws {
    let environment = try await TestEnvironment(workflows: [Checkout.self])
    let order = try await environment.start(Checkout.self, 500)
    let error = await #expect(throws: OrchestratorError.self) { try await order.result() }
    #expect(error?.message.contains("'reserve'") == true)
  }

  @Test func `A run that waits for something that does not come says what it is`() async throws {
    let environment = try await TestEnvironment(
      workflows: [Waiter.self], activities: [], patience: .milliseconds(20))
    let run = try await environment.start(Waiter.self, 1)
    let error = await #expect(throws: OrchestratorError.self) { try await run.result() }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("messages") == true)
  }

  @Test func `The same seed gives the same runs`() async throws {
    func history() async throws -> [String] {
      let environment = try await environment()
      let order = try await environment.start(Checkout.self, 500)
      try await order.signal(Checkout.confirm, true, requestID: "1")
      _ = try await order.result()
      return try await order.history().export.events.map { "\($0.at) \($0.attributes.text)" } + ["\(order.runID)"]
    }
    #expect(try await history() == history())
  }

  @Test func `A hundred environments run at once`() async throws {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<100 {
        group.addTask {
          let rate = MockActivity(CheckoutSteps.rate) { $0 }
          let environment = try await TestEnvironment(workflows: [Batch.self, Part.self], activities: [rate])
          return try await environment.start(Batch.self, Batch.Plan(rounds: 2, total: 0)).result()
        }
      }
      for try await total in group { #expect(total == 33) }
    }
  }
}

struct Waiter: Workflow {
  static let go = Signal<Self, Int>("go")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.receive(Self.go) }
}
