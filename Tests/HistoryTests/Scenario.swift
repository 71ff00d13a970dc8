import Orchestrator
import OrchestratorTesting

/// One way through a workflow, whose histories are recorded by `make histories` and replayed by every build from then on.
struct Scenario: Sendable {
  let name: String
  /// By the names of their files.
  let record: @Sendable () async throws -> [(name: String, history: RecordedHistory)]

  init(_ name: String, _ record: @escaping @Sendable (String) async throws -> [(name: String, history: RecordedHistory)]) {
    self.name = name
    self.record = { try await record(name) }
  }

  /// A scenario of one run, whatever its end; the histories of its chain.
  static func run<W: Workflow>(_ name: String, _ run: @escaping @Sendable () async throws -> TestRun<W>) -> Scenario {
    Scenario(name) { name in try await ended(name, try await run()) }
  }

  static func ended<W: Workflow>(_ name: String, _ run: TestRun<W>) async throws -> [(name: String, history: RecordedHistory)] {
    do { _ = try await run.result() } catch is WorkflowFailure {
      // An end like any other.
    }
    let chain = try await run.chain()
    return chain.enumerated().map { (name: chain.count == 1 ? name : "\(name)-\($0 + 1)", history: $1) }
  }

  /// All of them, of features, examples and the pipeline.
  static let all: [Scenario] = features + examples + tracks
}
