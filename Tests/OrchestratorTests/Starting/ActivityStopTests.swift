import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Cancels a step after a word, and says what it saw.
private struct Halting: Workflow {
  struct Plan: Codable, Sendable {
    var taskQueue = "default"
    var parks = false
  }

  static let stop = Signal<Self, Nothing>("stop")
  static let step = "stubborn-step"

  func run(_ workflow: Context<Self>, _ plan: Plan) async throws -> String {
    let options = ActivityOptions(
      taskQueue: plan.taskQueue,
      retryPolicy: RetryPolicy(initialInterval: .hours(1), maximumInterval: .hours(1), maximumAttempts: plan.parks ? 1 : 0),
      onExhausted: plan.parks ? .park : .fail, cancellationType: .waitCancellationCompleted)
    return await withTaskGroup(of: String?.self) { group in
      group.addTask {
        do {
          return try await workflow.execute(Activity<Int, String>(Self.step, options), 1)
        } catch is CancellationError {
          return "cancelled"
        } catch {
          return "failed"
        }
      }
      group.addTask {
        _ = try? await workflow.receive(Self.stop)
        return nil
      }
      var seen = "nothing"
      for await ending in group {
        if let ending { seen = ending } else { group.cancelAll() }
      }
      return seen
    }
  }
}

/// How the step ends, and what became of it.
private final class Step: Sendable {
  enum Ending { case cleansUp, insists, fails }

  private struct State {
    var begun = 0
    var cleaned = 0
  }
  private let ending: Ending
  private let state = Mutex(State())

  var begun: Int { state.withLock { $0.begun } }
  var cleaned: Int { state.withLock { $0.cleaned } }

  init(_ ending: Ending) {
    self.ending = ending
  }

  func registry() -> Registry {
    var registry = Registry()
    registry.register(Halting.self)
    registry.implement(Activity<Int, String>(Halting.step)) { _, _ in
      self.state.withLock { $0.begun += 1 }
      if self.ending == .fails { throw ApplicationFailure(type: "NotYet", message: "later") }
      while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
      if self.ending == .insists { return "done" }
      // What cleaning up takes is not cut short.
      try await Task { try await Task.sleep(for: .milliseconds(200)) }.value
      self.state.withLock { $0.cleaned += 1 }
      throw CancellationError()
    }
    return registry
  }
}

/// Semantics "activity cancellation types: waitCancellationCompleted".
@Suite struct ActivityStopTests {
  private let wanted = ["ActivityTaskScheduled", "ActivityTaskCancelRequested", "ActivityTaskCanceled"]

  private func activityEvents(_ fixture: EngineFixture, _ runID: RunID?) async throws -> [String] {
    try await fixture.events(of: runID).filter { $0.hasPrefix("ActivityTask") }
  }

  @Test(arguments: [true, false])
  func `a cancelled activity is waited for until it has cleaned up, here and on a worker`(isLocal: Bool) async throws {
    let fixture = try EngineFixture()
    let step = Step(.cleansUp)
    let serves = isLocal ? ["default": 2] : [:]
    try await fixture.withEngine(step.registry(), serving: serves) { engine in
      try await fixture.withWorker(isLocal ? ["other": 1] : ["default": 2], step.registry()) { _ in
        let handle = try await engine.client.start(Halting.self, id: "it", input: .init())
        try await eventually("it has begun") { step.begun == 1 }
        try await handle.signal(Halting.stop, Nothing())
        #expect(try await handle.result() == "cancelled")
        #expect(step.cleaned == 1)
        #expect(try await activityEvents(fixture, handle.runID) == wanted)
        try await engine.replayAll(fixture, step.registry())
      }
    }
  }

  @Test(arguments: [true, false])
  func `a cancelled activity that has a result all the same has it`(isLocal: Bool) async throws {
    let fixture = try EngineFixture()
    let step = Step(.insists)
    try await fixture.withEngine(step.registry(), serving: isLocal ? ["default": 2] : [:]) { engine in
      try await fixture.withWorker(isLocal ? ["other": 1] : ["default": 2], step.registry()) { _ in
        let handle = try await engine.client.start(Halting.self, id: "it", input: .init())
        try await eventually("it has begun") { step.begun == 1 }
        try await handle.signal(Halting.stop, Nothing())
        #expect(try await handle.result() == "done")
        try await engine.replayAll(fixture, step.registry())
      }
    }
  }

  @Test func `a cancelled activity that nobody works on ends at once: in a queue without workers, between two attempts, parked`()
    async throws
  {
    let fixture = try EngineFixture()
    let step = Step(.fails)
    let plans: [(String, Halting.Plan, String)] = [
      ("queued", .init(taskQueue: "nowhere"), "activity_tasks"), ("delayed", .init(), "timers"),
      ("parked", .init(parks: true), "parked_activities"),
    ]
    try await fixture.withEngine(step.registry()) { engine in
      for (id, plan, table) in plans {
        let handle = try await engine.client.start(Halting.self, id: id, input: plan)
        try await eventually("\(id): it waits") { try await fixture.count("select count(*) from orchestrator.\(table)") == 1 }
        try await handle.signal(Halting.stop, Nothing())
        #expect(try await handle.result() == "cancelled", "\(id)")
        #expect(try await activityEvents(fixture, handle.runID) == wanted, "\(id)")
        #expect(try await fixture.count("select count(*) from orchestrator.\(table)") == 0, "\(id)")
      }
      try await engine.replayAll(fixture, step.registry())
    }
  }

  @Test func `the end of a cancelled activity is not waited for in vain when its process dies`() async throws {
    let fixture = try EngineFixture()
    let step = Step(.insists)
    try await fixture.withEngine(step.registry(), serving: [:]) { engine in
      // A worker that holds the lease and says nothing more.
      let tasks = RemoteTasks(engine.client)
      let handle = try await engine.client.start(Halting.self, id: "it", input: .init())
      let leased = try await tasks.poll("default", worker: "silent", maximum: 1, lease: .seconds(1), wait: .seconds(30))
      #expect(leased.count == 1)
      try await handle.signal(Halting.stop, Nothing())
      #expect(try await handle.result() == "cancelled")
      #expect(try await activityEvents(fixture, handle.runID) == wanted)
    }
  }
}
