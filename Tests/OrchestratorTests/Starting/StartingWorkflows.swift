import TestSupport

@testable import Orchestrator

/// Waits for a word, which it returns or fails by.
struct Patient: Workflow {
  static let word = Signal<Self, String>("word")

  func run(_ workflow: Context<Self>, _ greeting: String) async throws -> String {
    let word = try await workflow.receive(Self.word)
    if word == "fail" { throw ApplicationFailure(type: "Offended", message: greeting) }
    return "\(greeting) \(word)"
  }
}

/// Fails until its try has the number that it was given, and says which it was.
struct Stumbling: Workflow {
  struct Input: Codable, Sendable {
    var succeedsAt: Int
    var failure = "Stumbled"
    var isRetryable = true
    var nextRetryDelayMilliseconds: Int?
  }

  func run(_ workflow: Context<Self>, _ input: Input) async throws -> Int {
    let attempt = workflow.info.attempt
    guard attempt >= input.succeedsAt else {
      throw ApplicationFailure(
        type: input.failure, message: "try \(attempt)", isRetryable: input.isRetryable,
        nextRetryDelay: input.nextRetryDelayMilliseconds.map { .milliseconds($0) })
    }
    return attempt
  }
}

/// Never ends by itself.
struct Sleeper: Workflow {
  func run(_ workflow: Context<Self>, _ hours: Int) async throws -> Int {
    try await workflow.sleep(.hours(hours))
    return hours
  }
}

/// Continues as new after each nap, for ever.
struct Napper: Workflow {
  func run(_ workflow: Context<Self>, _ naps: Int) async throws -> Int {
    try await workflow.sleep(.milliseconds(100))
    throw workflow.continueAsNew(naps + 1)
  }
}

func startingRegistry() -> Registry {
  var registry = testRegistry()
  registry.register(Patient.self)
  registry.register(Stumbling.self)
  registry.register(Sleeper.self)
  registry.register(Napper.self)
  return registry
}

extension EngineFixture {
  func status(of runID: RunID?) async throws -> String {
    guard let runID else { return "no run" }
    return try await text("select status from orchestrator.workflows where run_id = '\(runID)'")
  }

  /// Runs of a workflow id, oldest first, with their status.
  func statuses(of id: String) async throws -> String {
    try await text("select string_agg(status, ' ' order by run_id) from orchestrator.workflows where workflow_id = '\(id)'")
  }
}
