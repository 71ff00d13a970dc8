import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// One instance without a harness around it, so that a test can see whether it is freed.
final class WatchedRun {
  private var instance: WorkflowInstance?
  private weak var watched: WorkflowInstance?
  private let program: Scripted.Program
  private let foreignJobs = ForeignJobs()

  private final class ForeignJobs: Sendable {
    let count = Atomic<Int>(0)
  }

  init(_ program: @escaping Scripted.Program) {
    self.program = program
    instance = WorkflowDefinition(Scripted.self).makeInstance(RuntimeHarness.info(seed: 7)) { [foreignJobs] in
      foreignJobs.count.add(1, ordering: .relaxed)
    }
    watched = instance
  }

  var isFreed: Bool { watched == nil }
  var isFinished: Bool { watched?.isFinished ?? false }

  /// Starts it; when the start looked fine, waits until a foreign thread showed itself and sends a signal. Nil when the run just ended.
  func firstProblem(afterStart: () -> Void = {}) async throws -> WorkflowProblem? {
    let problem = try start()
    afterStart()
    if let problem { return problem }
    if instance?.isFinished == true { return nil }
    try await eventually("a foreign thread shows itself") { foreignJobs.count.load(ordering: .relaxed) > 0 }
    return try activate(.signaled(SignaledAttributes(name: "unknown", input: .null, identity: "test", requestID: "")))
  }

  private func start() throws -> WorkflowProblem? {
    guard let instance else { return nil }
    let input = Payload(json: Array(#""in""#.utf8))
    return try Scripted.with(program, for: instance) {
      try activate(
        .started(
          StartedAttributes(
            workflowType: Scripted.name, namespace: "default", workflowID: "w", input: input, identity: "test", build: "test")))
    }
  }

  func evict() {
    instance?.evict()
    instance = nil
  }

  private func activate(_ event: IncomingEvent) throws -> WorkflowProblem? {
    do {
      _ = try instance?.activate(event, at: 1, replaying: false)
      return nil
    } catch let problem as WorkflowProblem {
      return problem
    }
  }
}
