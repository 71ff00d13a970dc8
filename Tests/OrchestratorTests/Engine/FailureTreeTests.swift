import TestSupport
import Testing

@testable import Orchestrator

private struct Card: Codable, Equatable, Sendable {
  let last: Int
}

private struct BankError: Error {}

/// Fails by an activity of its child, and wraps what it catches.
private struct Purchase: Workflow {
  static let charge = Activity<Bool, Nothing>(
    "charge", ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(1), maximumAttempts: 2)))
  static let remote = Activity<Bool, Nothing>("remote-charge", ActivityOptions(taskQueue: "elsewhere"))

  struct Input: Codable, Sendable {
    var isChild = false
    var isRemote = false
  }

  func run(_ workflow: Context<Self>, _ input: Input) async throws -> String {
    if input.isChild {
      _ = try await workflow.execute(input.isRemote ? Self.remote : Self.charge, true)
      return "charged"
    }
    do {
      return try await workflow.child(Purchase.self, Input(isChild: true, isRemote: input.isRemote))
    } catch let error as ChildWorkflowFailure {
      // Code reads the tree where it catches it.
      let card = error.failure?.cause.first?.details(as: Card.self)
      throw ApplicationFailure(
        type: "PurchaseFailed", message: "card ending in \(card?.last ?? 0)", details: ["card": card], isRetryable: false, cause: error)
    }
  }
}

@Suite struct FailureTreeTests {
  private static var registry: Registry {
    var registry = Registry()
    registry.register(Purchase.self)
    registry.implement(Purchase.charge) { _, _ in
      throw ApplicationFailure(
        type: "CardDeclined", message: "no credit", details: Card(last: 4242), isRetryable: false, nextRetryDelay: .seconds(7),
        cause: BankError())
    }
    return registry
  }

  /// Types from the outermost to the innermost cause.
  private static func types(_ failure: Failure?) -> [String] {
    guard let failure else { return [] }
    return [failure.type] + types(failure.cause.first)
  }

  private static func leaf(_ failure: Failure, _ type: String) -> Failure? {
    failure.type == type ? failure : failure.cause.first.flatMap { leaf($0, type) }
  }

  private static func check(_ failure: Failure, _ innermost: String) throws {
    #expect(types(failure) == ["PurchaseFailed", "ChildWorkflowFailure", "ActivityFailure", "CardDeclined", innermost])
    #expect(failure.details(as: [String: Card].self) == ["card": Card(last: 4242)])
    let declined = try #require(leaf(failure, "CardDeclined"))
    #expect(declined.message == "no credit" && !declined.isRetryable && declined.nextRetryDelayMilliseconds == 7000)
    #expect(declined.details(as: Card.self) == Card(last: 4242))
  }

  @Test func `One failure tree survives activity, child, parent, history and caller`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let run = try await engine.client.start(Purchase.self, id: "purchase", input: Purchase.Input())
      let error = await #expect(throws: WorkflowFailure.self) { try await run.result() }
      try Self.check(try #require(error?.failure), "BankError")
      let outcome = try #require(try await engine.client.describe(run.key).details.outcome)
      try Self.check(try PayloadCodec.decode(Failure.self, from: outcome), "BankError")
      // An activity that asks for another run's result hands its failure on.
      let thrown = try #require(error)
      try Self.check(try #require(Failure(thrown).cause.first), "BankError")
    }
    // Replayed from the history, it is the same.
    try await fixture.withEngine(Self.registry) { engine in
      let run = engine.client.handle(Purchase.self, id: "purchase")
      let export = try await engine.client.export(try await engine.client.newestRun(of: run.key))
      #expect(try Replayer(Self.registry).replay(export).divergence == nil)
      let failed = try #require(export.events.last { $0.type == "WorkflowExecutionFailed" })
      let failure = try #require(try AttributesReader(failed.attributes.bytes).payload("failure"))
      try Self.check(try PayloadCodec.decode(Failure.self, from: failure), "BankError")
    }
  }

  @Test func `A tree that a worker in another language sends is the same tree to its workflow`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry) { engine in
      let run = try await engine.client.start(Purchase.self, id: "purchase", input: Purchase.Input(isRemote: true))
      let tasks = RemoteTasks(engine.client)
      let leased = try await tasks.poll("elsewhere", worker: "python", maximum: 1, lease: .seconds(10), wait: .seconds(20))
      let token = try #require(leased.first?.taskToken)
      let sent = """
        {"type":"CardDeclined","message":"no credit","retryable":false,"nextRetryDelayMilliseconds":7000,"details":{"last":4242},
        "stackTrace":"  File \\"bank.py\\", line 3","cause":[{"type":"ConnectionError","message":"no route"}]}
        """
      let failure = try PayloadCodec.decode(Failure.self, from: Payload(checking: Array(sent.utf8)))
      #expect(try await tasks.fail(token, failure, worker: "python"))
      let error = await #expect(throws: WorkflowFailure.self) { try await run.result() }
      let found = try #require(error?.failure)
      try Self.check(found, "ConnectionError")
      #expect(Self.leaf(found, "CardDeclined")?.stackTrace?.contains("bank.py") == true)
    }
  }
}
