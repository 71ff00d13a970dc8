import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

private enum Steps {
  static let pack = Activity<String, String>("pack")
  static let insure = Activity<String, String>("insure")
  static let ship = Activity<String, String>("ship")
}

/// How an order ends, after `go`: it goes on as new, fails, or starts another of its kind.
private enum Ending: String, Codable, Sendable { case done, again, upgraded, failed, child }

private struct OrderInput: Codable, Sendable {
  var ending = Ending.done
}

/// Version 1: packs, waits, ships.
private struct OrderBefore: Workflow {
  static let name = "Order"
  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ input: OrderInput) async throws -> String {
    let packed = try await workflow.execute(Steps.pack, "1")
    _ = try await workflow.receive(Self.go)
    switch input.ending {
    case .again: throw workflow.continueAsNew(OrderInput())
    case .upgraded: throw workflow.continueAsNew(OrderInput(), upgrading: true)
    case .failed: throw ApplicationFailure(type: "NotToday", message: "attempt \(workflow.info.attempt)")
    case .child: return try await workflow.child(Self.self, id: "\(workflow.info.workflowID)/child", OrderInput())
    case .done: return try await workflow.execute(Steps.ship, packed)
    }
  }
}

/// Version 2: insures before it packs.
private struct Order: Workflow {
  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ input: OrderInput) async throws -> String {
    let insured = try await workflow.execute(Steps.insure, "2")
    let packed = try await workflow.execute(Steps.pack, insured)
    _ = try await workflow.receive(Self.go)
    return try await workflow.execute(Steps.ship, packed)
  }
}

/// Version 3: as the first, with one step more behind the place where open runs wait.
private struct OrderAfter: Workflow {
  static let name = "Order"
  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ input: OrderInput) async throws -> String {
    let packed = try await workflow.execute(Steps.pack, "1")
    _ = try await workflow.receive(Self.go)
    return try await workflow.execute(Steps.ship, try await workflow.execute(Steps.insure, packed))
  }
}

/// Versions of a workflow's code: which one a run begins with, which one it goes on with, and what follows it.
@Suite struct VersionSemanticsTests {
  init() { Log.setLevel(.none) }

  private static let steps: [any MockedActivity] = [
    MockActivity(Steps.pack) { "packed \($0)" }, MockActivity(Steps.insure) { "insured \($0)" },
    MockActivity(Steps.ship) { "\($0), shipped" },
  ]

  private func environment(_ behavior: VersioningBehavior = .pinned, forgetsRuns: Bool = true) async throws -> TestEnvironment {
    var registry = Registry()
    registry.register(OrderBefore.self, version: "1", behavior)
    registry.register(Order.self, version: "2", behavior)
    registry.register(OrderAfter.self, version: "3", behavior)
    return try await TestEnvironment(activities: Self.steps, registry: registry, forgetsRuns: forgetsRuns)
  }

  private static let first = "packed 1, shipped"
  private static let second = "packed insured 2, shipped"
  private static let third = "insured packed 1, shipped"

  private func finish(_ run: TestRun<Order>) async throws -> String {
    try await run.signal(Order.go, Nothing())
    return try await run.result()
  }

  @Test(arguments: [false, true])
  func `a pinned run stays with the version that began it when another becomes current, and new runs begin with that`(
    forgetsRuns: Bool
  ) async throws {
    let environment = try await environment(forgetsRuns: forgetsRuns)
    let before = try await environment.start(Order.self, OrderInput())
    try await environment.setCurrentVersion("2", of: Order.self)
    let after = try await environment.start(Order.self, OrderInput())
    #expect(try await finish(before) == Self.first)
    #expect(try await finish(after) == Self.second)
  }

  @Test(arguments: [false, true])
  func `an auto-upgraded run goes on with the current version, also when it never left memory`(forgetsRuns: Bool) async throws {
    let environment = try await environment(.autoUpgrade, forgetsRuns: forgetsRuns)
    let run = try await environment.start(Order.self, OrderInput())
    try await environment.setCurrentVersion("3", of: Order.self)
    #expect(try await finish(run) == Self.third)
  }

  @Test func `an auto-upgraded run that does not fit the current version is blocked with the place, and goes on when that is taken back`()
    async throws
  {
    let environment = try await environment(.autoUpgrade)
    let run = try await environment.start(Order.self, OrderInput())
    try await environment.setCurrentVersion("2", of: Order.self)
    try await run.signal(Order.go, Nothing())
    let error = await #expect(throws: OrchestratorError.self) { _ = try await run.result() }
    #expect(error?.code == .nonDeterminism && error?.message.contains("event 2") == true)
    try await environment.setCurrentVersion("3", of: Order.self)
    #expect(try await run.result() == Self.third)
  }

  @Test func `a ramping version gets its share of workflow ids, always the same ones, and more of them with a larger share`() async throws {
    var chosen: [Double: Set<String>] = [:]
    for percent in [0.0, 10, 50, 100] {
      let environment = try await environment()
      try await environment.setCurrentVersion("1", of: Order.self, ramping: "2", percent: percent)
      for number in 0..<200 {
        let run = try await environment.start(Order.self, id: "order-\(number)", OrderInput())
        if try await run.history().activities.contains("insure") { chosen[percent, default: []].insert(run.workflowID) }
      }
    }
    #expect(chosen[0] == nil && chosen[100]?.count == 200)
    let (few, half) = (try #require(chosen[10]), try #require(chosen[50]))
    #expect((8...35).contains(few.count) && (75...125).contains(half.count) && few.isSubset(of: half))
  }

  @Test func `a run that continues a pinned one as new has its version, unless it asks for the current one`() async throws {
    let environment = try await environment()
    let stays = try await environment.start(Order.self, OrderInput(ending: .again))
    let moves = try await environment.start(Order.self, OrderInput(ending: .upgraded))
    try await environment.setCurrentVersion("2", of: Order.self)
    for run in [stays, moves] { try await run.signal(Order.go, Nothing()) }
    #expect(try await finish(stays) == Self.first)
    #expect(try await finish(moves) == Self.second)
  }

  @Test func `a pinned run that fails is tried again with its version, one that is upgraded with the current one`() async throws {
    for (behavior, result) in [(VersioningBehavior.pinned, "NotToday"), (.autoUpgrade, Self.second)] {
      let environment = try await environment(behavior)
      let options = StartOptions(retryPolicy: RetryPolicy(initialInterval: .seconds(10), maximumAttempts: 2))
      let run = try await environment.start(Order.self, OrderInput(ending: .failed), options: options)
      try await run.signal(Order.go, Nothing())
      try await environment.advance(by: .seconds(1))
      try await environment.setCurrentVersion("2", of: Order.self)
      try await run.signal(Order.go, Nothing())
      do {
        #expect(try await run.result() == result)
      } catch let failure as WorkflowFailure {
        #expect(failure.failure?.type == result && failure.failure?.message == "attempt 2")
      }
    }
  }

  @Test func `a child of its parent's own type has the version that the parent is pinned to`() async throws {
    let environment = try await environment()
    let parent = try await environment.start(Order.self, id: "tree", OrderInput(ending: .child))
    try await environment.setCurrentVersion("2", of: Order.self)
    try await parent.signal(Order.go, Nothing())
    try await environment.advance(by: .seconds(1))
    #expect(try await finish(try await environment.run(Order.self, id: "tree/child")) == Self.first)
    #expect(try await parent.result() == Self.first)
  }

  @Test func `a start may ask for a version, or for the current one, whatever the registration says`() async throws {
    let environment = try await environment()
    try await environment.setCurrentVersion("2", of: Order.self)
    let pinned = try await environment.start(Order.self, OrderInput(), options: StartOptions(versioning: .pinned("1")))
    #expect(try await finish(pinned) == Self.first)
    try await environment.setCurrentVersion("1", of: Order.self)
    let upgrading = try await environment.start(Order.self, OrderInput(), options: StartOptions(versioning: .autoUpgrade))
    try await environment.setCurrentVersion("3", of: Order.self)
    #expect(try await finish(upgrading) == Self.third)
  }

  @Test(arguments: [false, true])
  func `an open run is moved to another version, which replays what it did so far`(forgetsRuns: Bool) async throws {
    let environment = try await environment(forgetsRuns: forgetsRuns)
    let run = try await environment.start(Order.self, OrderInput())
    try await run.move(to: .pinned("3"))
    #expect(try await finish(run) == Self.third)
    #expect(try await run.history().events.contains("WorkflowExecutionOptionsUpdated"))
  }

  @Test func `a run is moved that its version's code could not even begin`() async throws {
    let environment = try await environment()
    let run = try await environment.start(Order.self, OrderInput(), options: StartOptions(versioning: .pinned("4")))
    let error = await #expect(throws: OrchestratorError.self) { _ = try await run.result() }
    #expect(error?.code == .unknownWorkflowVersion && error?.message.contains("'4'") == true)
    try await run.move(to: .pinned("2"))
    #expect(try await finish(run) == Self.second)
  }

  @Test
  func `a history without a version goes on with the code without one, beside versions, and with the current one where there is none`()
    async throws
  {
    let recorded = try await TestEnvironment(workflows: [OrderBefore.self], activities: Self.steps)
    let run = try await recorded.start(OrderBefore.self, OrderInput())
    try await run.signal(OrderBefore.go, Nothing())
    _ = try await run.result()
    let history = try await run.history().export
    var beside = Registry()
    beside.register(OrderBefore.self)
    beside.register(Order.self, version: "2")
    #expect(try Replayer(beside).replay(history).divergence == nil)
    var alone = Registry()
    alone.register(OrderBefore.self, version: "1")
    alone.register(Order.self, version: "2")
    #expect(try Replayer(alone).replay(history).divergence == nil)
    var other = Registry()
    other.register(Order.self, version: "2")
    #expect(try Replayer(other).replay(history).divergence?.code == ErrorCode.nonDeterminism.name)
  }
}
