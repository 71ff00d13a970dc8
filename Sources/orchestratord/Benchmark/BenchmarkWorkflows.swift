import Orchestrator
import PostgreSQL

/// What travels through every step: a typical small value, 100 bytes as JSON.
struct BenchmarkPayload: Codable, Sendable, Equatable {
  var position: Int
  var title: String
  var trackId: Int

  /// - Parameter index: below 9 million, so that every sample has the same width.
  init(_ index: Int) {
    position = 1
    title = Self.title
    trackId = 1_000_000 + index
  }

  private static let title = String("A song that is long enough to look like a real title, take 7".prefix(57))
}

/// Steps that do nothing: what is measured is the engine around them.
enum BenchmarkSteps {
  static let echo = Activity<BenchmarkPayload, BenchmarkPayload>("echo")
  /// The same, in a queue that only activity workers serve.
  static let remoteEcho = Activity<BenchmarkPayload, BenchmarkPayload>("remote-echo", ActivityOptions(taskQueue: remoteQueue))
  static let remoteQueue = "benchmark-remote"
  /// Activities at a time of a worker process.
  static let workerConcurrency = 250
  /// Takes 20 to 180 ms, by its input.
  static let pause = Activity<Int, Int>("pause")
  static let stepsPerChain = 10

  static var registry: Registry {
    var registry = Registry()
    registry.register(BenchmarkChain.self)
    registry.register(BenchmarkInlineChain.self)
    registry.register(BenchmarkOneStep.self)
    registry.register(BenchmarkSignalled.self)
    registry.register(BenchmarkRemoteStep.self)
    registry.register(BenchmarkLongRun.self)
    registry.register(BenchmarkEndless.self)
    registry.register(BenchmarkParent.self)
    registry.register(BenchmarkConversation.self)
    registry.register(BenchmarkOpenChain.self)
    registry.implement(echo) { payload, _ in payload }
    registry.implement(remoteEcho) { payload, _ in payload }
    registry.implement(pause) { number, _ in
      try await Task.sleep(for: .milliseconds(20 * (1 + number % 9)))
      return number
    }
    return registry
  }

  /// How an engine of the benchmark takes part, in whichever process.
  static func configuration(_ database: ConnectionConfiguration) -> EngineConfiguration {
    var configuration = EngineConfiguration(database: database, build: "benchmark")
    configuration.localTaskQueues = ["default": localConcurrency]
    configuration.drainTime = .seconds(1)
    return configuration
  }

  private static let localConcurrency = 1000
}

/// Ten activities, one after the other.
struct BenchmarkChain: Workflow {
  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    var payload = input
    for step in 0..<BenchmarkSteps.stepsPerChain {
      payload.position = step
      payload = try await workflow.execute(BenchmarkSteps.echo, payload)
    }
    return payload
  }
}

/// Ten inline steps, one after the other: one row each.
struct BenchmarkInlineChain: Workflow {
  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    var payload = input
    for step in 0..<BenchmarkSteps.stepsPerChain {
      payload.position = step
      payload = try await workflow.inline(BenchmarkSteps.echo, payload)
    }
    return payload
  }
}

struct BenchmarkOneStep: Workflow {
  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    try await workflow.execute(BenchmarkSteps.echo, input)
  }
}

/// Waits for one signal and ends with what it brought.
struct BenchmarkSignalled: Workflow {
  static let go = Signal<Self, BenchmarkPayload>("go")
  static var handlers: [Handler<Self>] { [.signal(go)] }

  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    try await workflow.receive(Self.go)
  }
}

struct BenchmarkRemoteStep: Workflow {
  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    try await workflow.execute(BenchmarkSteps.remoteEcho, input)
  }
}

/// One run with as many sequential activities as its input says; its result is how long the last tenth took, in units of the first.
struct BenchmarkLongRun: Workflow {
  func run(_ workflow: Context<Self>, _ steps: Int) async throws -> LongRunTimes {
    let tenth = max(1, steps / 10)
    let begun = workflow.now
    var firstTenthEnded = begun
    var lastTenthBegan = begun
    let payload = BenchmarkPayload(0)
    for step in 0..<steps {
      if step == tenth { firstTenthEnded = workflow.now }
      if step == steps - tenth { lastTenthBegan = workflow.now }
      _ = try await workflow.execute(BenchmarkSteps.echo, payload)
    }
    return LongRunTimes(
      firstTenthMilliseconds: firstTenthEnded.timeIntervalSince(begun) * 1000 / Double(tenth),
      lastTenthMilliseconds: workflow.now.timeIntervalSince(lastTenthBegan) * 1000 / Double(tenth))
  }
}

/// Milliseconds per step at both ends of a long run.
struct LongRunTimes: Codable, Sendable {
  let firstTenthMilliseconds: Double
  let lastTenthMilliseconds: Double
}

/// Pauses one after the other, far more than anybody waits for.
struct BenchmarkEndless: Workflow {
  private static let steps = 10_000

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    for step in 0..<Self.steps { _ = try await workflow.execute(BenchmarkSteps.pause, number + step) }
    return number
  }
}
