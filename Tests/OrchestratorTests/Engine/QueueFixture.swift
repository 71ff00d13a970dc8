import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Starts many steps at once, in one queue, and waits for all of them.
struct Spread: Workflow {
  struct Input: Codable, Sendable {
    var queue: String
    /// One step each.
    var priorities: [Priority?]
  }
  static let step = Activity<Int, Int>("spread-step")

  func run(_ workflow: Context<Self>, _ input: Input) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for (index, priority) in input.priorities.enumerated() {
        let options = ActivityOptions(taskQueue: input.queue, priority: priority)
        group.addTask { try await workflow.execute(Self.step, index, options: options) }
      }
      return try await group.reduce(0, +)
    }
  }
}

/// Sees every step of a test, whichever engine or worker runs it.
final class Crowd: Sendable {
  private struct State {
    var running = 0
    var most = 0
    var order: [Int] = []
  }
  private let state = Mutex(State())

  /// The most steps that ran at once since the last call.
  func takeMost() -> Int {
    state.withLock { state in
      defer { state.most = state.running }
      return state.most
    }
  }

  /// Inputs of steps in the order in which they began.
  var order: [Int] { state.withLock { $0.order } }

  func registry(taking time: Duration = .milliseconds(10)) -> Registry {
    var registry = Registry()
    registry.register(Spread.self)
    registry.implement(Spread.step) { input, _ in
      self.state.withLock { state in
        state.running += 1
        state.most = max(state.most, state.running)
        state.order.append(input)
      }
      defer { self.state.withLock { $0.running -= 1 } }
      // Steps that take a while are what a limit of those at once is about.
      try await Task.sleep(for: time)
      return input
    }
    return registry
  }
}

extension EngineFixture {
  func withEngine<Result>(
    _ registry: Registry, serving queues: [String: Int], _ body: (Engine) async throws -> Result
  ) async throws -> Result {
    let serves: (inout EngineConfiguration) -> Void = { $0.localTaskQueues = queues }
    return try await withEngine(registry, serves, body)
  }

  /// Runs the body while a worker serves these queues.
  func withWorker<Result>(
    _ queues: [String: Int], _ registry: Registry, _ body: (ActivityWorker) async throws -> Result
  ) async throws -> Result {
    var configuration = ActivityWorkerConfiguration(database: database, taskQueues: queues)
    configuration.lease = .seconds(2)
    configuration.drainTime = .milliseconds(500)
    let worker = try ActivityWorker(configuration, registry)
    let running = Task { await worker.run() }
    do {
      let result = try await body(worker)
      worker.stop()
      await running.value
      return result
    } catch {
      worker.stop()
      await running.value
      throw error
    }
  }

  func script(_ sql: String) async throws {
    let connection = try PipelineConnection(database)
    _ = try connection.run((Statement(name: "script_\(UUID().uuidString.prefix(8))", sql: sql), Parameters()))
  }

  /// Puts tasks of no run into a queue, as owners would.
  func addTasks(_ count: Int, to queue: String, _ priority: Priority?, secondsAgo: Int = 0) async throws {
    let options = try PayloadCodec.encode(ActivityOptions(taskQueue: queue, priority: priority)).text
    try await script(
      """
      insert into orchestrator.activity_tasks
        (run_id, sequence, slot, namespace, workflow_id, task_queue, activity_type, input, options, scheduled_at, visible_at)
      select gen_random_uuid(), n, 0, 'default', 'none', '\(queue)', 'spread-step', '1', '\(options)', now(), now() - interval '\(secondsAgo) seconds'
      from generate_series(1, \(count)) n
      """)
  }

  /// Puts what waits in queues with an order into its places.
  func orderTasks() async throws {
    while try await TaskSweeper(pool, WakeUp(pool)).orderOnce() > 0 {}
  }
}
