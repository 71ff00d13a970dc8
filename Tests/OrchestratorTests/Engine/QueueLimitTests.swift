import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Task queues' limits hold for all processes together, whichever way their activities run.
@Suite struct QueueLimitTests {
  private static func steps(_ count: Int, in queue: String = "shared") -> Spread.Input {
    Spread.Input(queue: queue, priorities: Array(repeating: nil, count: count))
  }

  @Test func `a queue's concurrency holds over two owners that serve it, a worker and polls`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    let registry = crowd.registry()
    let serves: (inout EngineConfiguration) -> Void = { $0.localTaskQueues = ["shared": 20] }
    try await fixture.script("select orchestrator.set_queue('shared', concurrency => 3)")
    try await fixture.withEngine(registry, serves) { first in
      try await fixture.withEngine(registry, serves) { _ in
        try await fixture.withWorker(["shared": 20], registry) { _ in
          let polled = try await RemoteTasks(first.client).poll(
            "shared", worker: "elsewhere", maximum: 10, lease: .seconds(10), wait: .zero)
          #expect(polled.isEmpty)
          let handles = try await (0..<6).asyncMap { try await first.client.start(Spread.self, id: "s\($0)", input: Self.steps(10)) }
          for handle in handles { #expect(try await handle.result() == 45) }
          let most = crowd.takeMost()
          #expect(most <= 3 && most >= 2, "\(most) at once")
        }
      }
    }
    #expect(try await fixture.count("select count(*) from orchestrator.activity_tasks") == 0)
  }

  @Test func `limits are set and taken away while processes run`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.withEngine(crowd.registry(), serving: ["shared": 20]) { engine in
      let batch = { (id: String) async throws -> Int in
        #expect(try await engine.client.start(Spread.self, id: id, input: Self.steps(8)).result() == 28)
        return crowd.takeMost()
      }
      #expect(try await batch("free") > 2)
      #expect(try await fixture.count("select count(*) from orchestrator.workers where task_queue = 'shared'") == 1)
      try await engine.client.setQueue("shared", QueueLimits(concurrency: 2))
      var number = 0
      try await eventually("the engine follows") {
        number += 1
        return try await batch("limited-\(number)") <= 2
      }
      for number in 0..<3 { #expect(try await batch("then-\(number)") <= 2) }
      try await engine.client.unsetQueue("shared")
      #expect(try await engine.client.limitedQueues().isEmpty)
      try await eventually("the limit is gone") {
        number += 1
        return try await batch("again-\(number)") > 2
      }
    }
  }

  @Test func `a queue begins no more attempts in a second than its rate`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.script("select orchestrator.set_queue('shared', rate => 20, burst => 2)")
    try await fixture.withEngine(crowd.registry(taking: .zero), serving: ["shared": 20]) { engine in
      let begun = ContinuousClock.now
      #expect(try await engine.client.start(Spread.self, id: "rate", input: Self.steps(12)).result() == 66)
      #expect(ContinuousClock.now - begun >= .milliseconds(500), "10 of 12 wait for a token each")
      let queue = try #require(try await engine.client.limitedQueues("shared").first)
      #expect(queue.limits == QueueLimits(rate: 20, burst: 2) && queue.running == 0 && queue.waiting == 0)
    }
  }

  @Test func `a queue of concurrency 0 stands still, and what its runs no longer want is gone`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.script("select orchestrator.set_queue('shared', concurrency => 0)")
    try await fixture.withEngine(crowd.registry(), serving: ["shared": 20]) { engine in
      let kept = try await engine.client.start(Spread.self, id: "kept", input: Self.steps(4))
      let unwanted = try await engine.client.start(Spread.self, id: "unwanted", input: Self.steps(5))
      try await eventually("all wait") { try await engine.client.limitedQueues("shared").first?.waiting == 9 }
      try await unwanted.cancel()
      try await eventually("what was cancelled is gone") { try await engine.client.limitedQueues("shared").first?.waiting == 4 }
      #expect(crowd.order == [])
      try await engine.client.setQueue("shared", QueueLimits())
      #expect(try await kept.result() == 6)
    }
  }

  @Test func `limits are of one namespace, and others share the queue without them`() async throws {
    let fixture = try EngineFixture()
    let crowd = Crowd()
    try await fixture.script("select orchestrator.set_queue('shared', concurrency => 0, namespace => 'stopped')")
    try await fixture.withEngine(crowd.registry(), serving: ["shared": 20]) { engine in
      let stopped = try await engine.client.start(Spread.self, id: "s", input: Self.steps(3), namespace: "stopped")
      #expect(try await engine.client.start(Spread.self, id: "s", input: Self.steps(3)).result() == 3)
      #expect(try await fixture.count("select waiting from orchestrator.queue_limits where namespace = 'stopped'") == 3)
      try await engine.client.setQueue("shared", QueueLimits(concurrency: 1), namespace: "stopped")
      #expect(try await stopped.result() == 3)
    }
  }

  @Test func `values that a queue cannot have are refused`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "test")
    for limits in [QueueLimits(concurrency: -1), QueueLimits(rate: 0), QueueLimits(rate: 1, burst: 0)] {
      await #expect(throws: OrchestratorError.self) { try await client.setQueue("shared", limits) }
    }
    await #expect(throws: OrchestratorError.self) { try await client.setQueue("", QueueLimits()) }
    #expect(try await client.limitedQueues().isEmpty)
  }

  @Test func `workers and owners are listed with their queues and what they hold`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(Crowd().registry(), serving: ["shared": 20]) { engine in
      try await fixture.addTasks(3, to: "elsewhere", nil)
      let polled = try await RemoteTasks(engine.client).poll(
        "elsewhere", worker: "python/1", maximum: 2, lease: .seconds(10), wait: .zero)
      #expect(polled.count == 2)
      try await eventually("both are known") { try await engine.client.workers().count == 2 }
      let workers = try await engine.client.workers()
      let python = try #require(workers.first { $0.worker == "python/1" })
      #expect(python.taskQueue == "elsewhere" && python.running == 2 && python.concurrency == nil)
      let owner = try #require(workers.first { $0.taskQueue == "shared" })
      #expect(owner.concurrency == 20 && owner.build == "test")
      let queue = try #require(try await engine.client.queues().first { $0.taskQueue == "elsewhere" })
      #expect(queue.ready == 1 && queue.leased == 2 && queue.pollers == 1)
    }
  }
}
