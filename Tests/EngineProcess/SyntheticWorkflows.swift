import Foundation
import Orchestrator

/// Steps of the synthetic workflows; none of them touches anything but its own process.
enum SyntheticSteps {
  static let increment = Activity<Int, Int>("increment")
  /// Fails until its third attempt.
  static let unsteady = Activity<Int, Int>(
    "unsteady",
    ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(5), backoffCoefficient: 1, maximumAttempts: 0)))
  /// Runs in worker processes; takes so many milliseconds.
  static let remote = Activity<Int, Int>("remote", ActivityOptions(taskQueue: "remote"))
}

/// A bit of everything: a chain, a fan-out, an inline step, a timer, a retried step, two signals.
struct Journey: Workflow {
  static let tick = Signal<Self, Int>("tick")

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    var total = 0
    for _ in 0..<3 { total = try await workflow.execute(SyntheticSteps.increment, total) }
    async let first = workflow.execute(SyntheticSteps.increment, 10)
    async let second = workflow.execute(SyntheticSteps.increment, 20)
    async let third = workflow.inline(SyntheticSteps.increment, 30)
    total += try await first + second + third
    try await workflow.sleep(.milliseconds(10 + number % 50))
    total += try await workflow.execute(SyntheticSteps.unsteady, number)
    for _ in 0..<2 { total += try await workflow.receive(Self.tick) }
    return total
  }

  /// What it returns after the ticks 1 and 2.
  static func expected(_ number: Int) -> Int { 3 + 11 + 21 + 31 + number + 3 }
}

/// Waits for one signal and returns it.
struct Waiting: Workflow {
  static let wake = Signal<Self, Int>("wake")

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int { try await workflow.receive(Self.wake) + number }
}

/// So many activities one after the other.
struct Steps: Workflow {
  func run(_ workflow: Context<Self>, _ count: Int) async throws -> Int {
    var value = 0
    for _ in 0..<count { value = try await workflow.execute(SyntheticSteps.increment, value) }
    return value
  }
}

/// One activity in a worker process.
struct Remote: Workflow {
  func run(_ workflow: Context<Self>, _ milliseconds: Int) async throws -> Int {
    try await workflow.execute(SyntheticSteps.remote, milliseconds)
  }
}

/// - Parameter executor: who says every execution of an activity, before its result is known to anyone; nil for nobody.
func syntheticRegistry(executor: String? = nil) -> Registry {
  var registry = Registry()
  registry.register(Journey.self)
  registry.register(Waiting.self)
  registry.register(Steps.self)
  registry.register(Remote.self)
  registry.implement(SyntheticSteps.increment) { value, context in
    sayExecuted(context.info, by: executor)
    return value + 1
  }
  registry.implement(SyntheticSteps.unsteady) { value, context in
    sayExecuted(context.info, by: executor)
    guard context.info.attempt > 2 else { throw ApplicationFailure(type: "NotYet", message: "attempt \(context.info.attempt)") }
    return value
  }
  registry.implement(SyntheticSteps.remote) { milliseconds, context in
    sayExecuted(context.info, by: executor)
    say("running", context.info.workflowID, String(context.info.attempt))
    // The work itself: time is what it takes. A frozen process goes on where it stood.
    var left = milliseconds
    while left > 0 {
      try await Task.sleep(for: .milliseconds(10))
      left -= 10
    }
    say("worked", context.info.workflowID, String(context.info.attempt))
    return milliseconds
  }
  return registry
}

private func sayExecuted(_ info: ActivityInfo, by executor: String?) {
  guard let executor else { return }
  say("executed", info.runID.description, String(info.sequence), String(info.attempt), executor)
}
