import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Activities of the owner's own process: begun on a lane, gone on in the pool.
@Suite("Local activities") struct LocalDispatcherTests {
  private static let quick = Activity<Int, Int>("quick")
  private static let waiting = Activity<Int, Int>("waiting")
  private static let blocking = Activity<Int, Int>("blocking")
  private static let workflow = WorkflowKey(workflowID: "w")

  private let outcomes = Outcomes()
  private let gate = DispatchGate()

  private func dispatcher(concurrency: Int = 200) -> LocalDispatcher {
    var registry = Registry()
    registry.implement(Self.quick) { number, _ in number }
    registry.implement(Self.waiting) { number, _ in
      // Only its cancellation ends it.
      try await Task.sleep(for: .seconds(600))
      return number
    }
    let (gate, outcomes) = (gate, outcomes)
    registry.implement(Self.blocking) { number, _ in
      outcomes.began()
      gate.wait()
      try Task.checkCancellation()
      return number
    }
    return LocalDispatcher(
      registry: registry, concurrency: ["default": concurrency], identity: "here", ownQueue: OwnQueue(identity: "here"),
      clock: DatabaseClock()
    ) {
      outcomes.add($0)
    }
  }

  private func attempt(_ activity: Activity<Int, Int>, _ sequence: Int32) throws -> ActivityAttempt {
    ActivityAttempt(
      key: ActivityKey(runID: RunID.generate(), sequence: sequence), workflow: Self.workflow,
      task: ActivityTask(
        sequence: sequence, activityType: activity.name, input: try PayloadCodec.encode(Int(sequence)), options: .standard),
      attempt: 1, scheduledAt: 0, heartbeatDetails: nil)
  }

  @Test("More activities than a queue may run at a time all end, once each")
  func limited() async throws {
    let dispatcher = dispatcher(concurrency: 3)
    for sequence in 1...500 { dispatcher.start(try attempt(Self.quick, Int32(sequence))) }
    try await eventually("every activity ended") { outcomes.completed.count >= 500 }
    #expect(outcomes.completed.sorted() == Array(1...500))
    let load = try #require(dispatcher.load["default"])
    #expect(load.running == 0 && load.waiting == 0)
  }

  @Test("One that waits is cancelled where it waits, and its place is free")
  func cancelledWaiting() async throws {
    let dispatcher = dispatcher(concurrency: 1)
    let first = try attempt(Self.waiting, 1)
    dispatcher.start(first)
    dispatcher.start(try attempt(Self.quick, 2))
    dispatcher.cancel(first.key)
    try await eventually("the next one ended") { outcomes.completed == [2] }
  }

  @Test("One that was cancelled while it blocked its lane ends unheard, and the lane goes on")
  func cancelledBlocking() async throws {
    let dispatcher = dispatcher()
    let first = try attempt(Self.blocking, 1)
    dispatcher.start(first)
    try await eventually("it blocks") { outcomes.hasBegun }
    dispatcher.cancel(first.key)
    gate.open()
    dispatcher.start(try attempt(Self.quick, 2))
    try await eventually("the next one ended") { outcomes.completed == [2] }
  }

  @Test("A stop that came during the first part cancels what goes on after it")
  func stoppedBeforeItWaits() throws {
    let running = LocalAttempt(try attempt(Self.waiting, 1), startedAt: 0, startedTime: 0)
    running.stop()
    let task = Task<Void, Never> {}
    #expect(running.waits(task) == nil)
    #expect(task.isCancelled)
  }

  @Test("What is taken out of the middle of a list leaves the order of the rest")
  func order() {
    var list = FirstInFirstOut<Int>()
    for number in 1...200 { list.append(number) }
    #expect((1...100).allSatisfy { list.popFirst() == $0 })
    #expect(list.drop { $0.isMultiple(of: 2) } == (101...200).filter { $0.isMultiple(of: 2) })
    #expect(list.count == 50)
    #expect((101...200).filter { !$0.isMultiple(of: 2) }.allSatisfy { list.popFirst() == $0 })
    #expect(list.popFirst() == nil)
  }
}

/// What the dispatcher reported.
private final class Outcomes: Sendable {
  private let state = Mutex((completed: [Int](), hasBegun: false))

  var completed: [Int] { state.withLock { $0.completed } }
  var hasBegun: Bool { state.withLock { $0.hasBegun } }

  func began() { state.withLock { $0.hasBegun = true } }

  func add(_ message: OwnerMessage) {
    guard case .activityOutcome(let sequence, let report) = message.body, case .completed = report.outcome else { return }
    state.withLock { $0.completed.append(Int(sequence)) }
  }
}
