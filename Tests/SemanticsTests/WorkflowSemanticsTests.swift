import Foundation
import Orchestrator
import OrchestratorTesting
import Testing

private enum Steps {
  static let work = Activity<String, String>("work", ActivityOptions(startToClose: .days(1), retryPolicy: RetryPolicy(maximumAttempts: 1)))
  static let undo = Activity<String, String>("undo")
  static let draw = Activity<Int, Int>("draw")
}

/// Runs what its input names.
private struct Errand: Workflow {
  enum Kind: String, Codable, Sendable { case race, cleanUp, draw, forever, swallow }

  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ kind: Kind) async throws -> String {
    switch kind {
    case .race:
      do {
        return try await workflow.withTimeout(.hours(1)) { try await workflow.execute(Steps.work, "slow") }
      } catch is WorkflowTimeout {
        return "out of time"
      }
    case .cleanUp:
      do {
        try await workflow.sleep(.days(30))
      } catch {
        let undone = try await workflow.shielded { try await workflow.execute(Steps.undo, "all") }
        if undone != "undone" { return undone }
        throw error
      }
      return "slept"
    case .draw:
      let first = try await workflow.inline(Steps.draw, 6)
      _ = try await workflow.receive(Self.go)
      return "\(first), \(workflow.random(in: 1...1000)), \(workflow.uuid())"
    case .forever:
      try await workflow.sleep(.days(3650))
      return "slept"
    case .swallow:
      try? await workflow.sleep(.days(30))
      return "cancelled: \(workflow.isCancelRequested)"
    }
  }
}

/// Timers, scopes, side effects and the ends of runs, a sentence each.
@Suite struct WorkflowSemanticsTests {
  init() { Log.setLevel(.none) }

  private let undo = MockActivity(Steps.undo, returns: "undone")
  private let draw = MockActivity(Steps.draw) { sides in Int.random(in: 1...sides) }

  private func begin(
    _ kind: Errand.Kind, work: MockActivity<String, String>? = nil, forgetsRuns: Bool = false
  ) async throws -> TestRun<Errand> {
    let work = work ?? MockActivity(Steps.work, returns: "done")
    let environment = try await TestEnvironment(workflows: [Errand.self], activities: [work, undo, draw], forgetsRuns: forgetsRuns)
    return try await environment.start(Errand.self, kind)
  }

  @Test("Timers: fire at their time, not before, and also when the run was out of memory", arguments: [false, true])
  func timers(forgetsRuns: Bool) async throws {
    let run = try await begin(.forever, forgetsRuns: forgetsRuns)
    let begin = run.environment.now
    #expect(try await run.result() == "slept")
    #expect(run.environment.now.timeIntervalSince(begin) == 3650 * 86_400)
    #expect(try await run.history().events.suffix(2) == ["TimerFired", "WorkflowExecutionCompleted"])
  }

  @Test func `Cancellation scopes: when the time of a piece of code is up its steps are cancelled, and the rest goes on`() async throws {
    let run = try await begin(.race, work: MockActivity(Steps.work, taking: .hours(9), returns: "done"))
    let begin = run.environment.now
    #expect(try await run.result() == "out of time")
    #expect(run.environment.now.timeIntervalSince(begin) == 3600)
    #expect(try await run.history().count(of: "ActivityTaskCancelRequested") == 1)
  }

  @Test func `Cancellation scopes: what ends in time takes its timer back`() async throws {
    let run = try await begin(.race, work: MockActivity(Steps.work, taking: .minutes(9), returns: "done"))
    #expect(try await run.result() == "done")
    #expect(try await run.history().count(of: "TimerCanceled") == 1)
  }

  @Test func `Cancellation scopes: a shielded piece cleans up after the run was cancelled`() async throws {
    let run = try await begin(.cleanUp)
    try await run.cancel(reason: "no longer wanted")
    let failure = await #expect(throws: WorkflowFailure.self) { try await run.result() }
    #expect(failure?.status == .canceled && undo.inputs == ["all"])
  }

  @Test func `Cancel: code that goes on all the same completes`() async throws {
    let run = try await begin(.swallow)
    try await run.cancel()
    #expect(try await run.result() == "cancelled: true")
  }

  @Test func `Terminate: the run ends at once and none of its code runs`() async throws {
    let run = try await begin(.cleanUp)
    try await run.terminate(reason: "now")
    let failure = await #expect(throws: WorkflowFailure.self) { try await run.result() }
    #expect(failure?.status == .terminated && undo.callCount == 0)
    #expect(try await run.history().events.last == "WorkflowExecutionTerminated")
  }

  @Test func `Side effects: an inline step runs once, its value and all that is random come again at every replay`() async throws {
    let run = try await begin(.draw, forgetsRuns: true)
    try await run.signal(Errand.go, Nothing())
    let first = try await run.result()
    #expect(try await run.result() == first && draw.callCount == 1)
    #expect(try await run.history().inlineSteps == ["draw"])
  }
}
