import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// A step leaves something on its machine; the next must find it there.
private struct Fetching: Workflow {
  struct State: WorkflowState {
    var isReleased = false
    var fetched = 0
    var timeouts = 0
  }
  struct Fetched: Codable, Sendable {
    let machine: String
    let queue: WorkerQueue
  }
  static let fetch = Activity<Int, Fetched>("fetch", ActivityOptions(taskQueue: "machines"))
  static let probe = Activity<String, String>("probe", ActivityOptions(taskQueue: "machines"))
  static let release = Signal<Self, Bool>("release") { state, value in state.isReleased = value }
  static let handlers: [Handler<Self>] = [.signal(release), .query(Query<Self, Int>("fetched") { $0.fetched })]

  /// How many times it began again because the machine was gone.
  func run(_ workflow: Context<Self>, _ isGated: Bool) async throws -> Int {
    while true {
      let fetched = try await workflow.execute(Self.fetch, 1)
      workflow.state.fetched += 1
      if isGated { try await workflow.wait { $0.isReleased } }
      do {
        let probed = try await workflow.execute(Self.probe, fetched.machine, on: fetched.queue, scheduleToStart: .milliseconds(300))
        guard probed == fetched.machine else { throw ApplicationFailure(type: "WrongMachine", message: probed) }
        return workflow.state.timeouts
      } catch let error as ActivityFailure where error.failure.kind == .scheduleToStartTimeout {
        workflow.state.timeouts += 1
      }
    }
  }
}

@Suite struct WorkerQueueTests {
  private static func registry(_ machine: String) -> Registry {
    var registry = Registry()
    registry.register(Fetching.self)
    registry.implement(Fetching.fetch) { _, context in Fetching.Fetched(machine: machine, queue: context.workerQueue) }
    registry.implement(Fetching.probe) { _, _ in machine }
    return registry
  }

  private static let withoutActivities: @Sendable (inout EngineConfiguration) -> Void = { $0.localTaskQueues = [:] }

  @Test func `following steps run on the machine of the first, of several that share a queue`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("owner"), Self.withoutActivities) { engine in
      try await fixture.withWorker(["machines": 4], Self.registry("a")) { _ in
        try await fixture.withWorker(["machines": 4], Self.registry("b")) { _ in
          let handles = try await (0..<20).asyncMap { try await engine.client.start(Fetching.self, id: "f\($0)", input: false) }
          for handle in handles { #expect(try await handle.result() == 0) }
        }
      }
    }
  }

  @Test func `following steps run in the owner's process when the first did`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("owner"), serving: ["machines": 4]) { engine in
      let timeouts = try await engine.client.start(Fetching.self, id: "local", input: false).result()
      let rows = try await fixture.count("select count(*) from orchestrator.activity_tasks")
      #expect(timeouts == 0 && rows == 0)
    }
  }

  @Test func `a workflow whose machine is gone is told by a schedule-to-start timeout, and begins again on another`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Self.registry("owner"), Self.withoutActivities) { engine in
      let run = try await engine.client.start(Fetching.self, id: "moved", input: true)
      try await fixture.withWorker(["machines": 4], Self.registry("a")) { _ in
        try await eventually("the first step is done") {
          try await fixture.count("select count(*) from orchestrator.events where type = 'ActivityTaskCompleted'") == 1
        }
      }
      try await fixture.withWorker(["machines": 4], Self.registry("b")) { _ in
        try await run.signal(Fetching.release, true)
        #expect(try await run.result() == 1)
      }
    }
  }
}
