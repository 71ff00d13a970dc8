import Orchestrator
import Synchronization

/// Counts what workflow code and activities of this process do; replays count nothing.
final class WorkMetrics: WorkflowInterceptor, ActivityInterceptor {
  private struct Ending: Hashable, Sendable {
    let type: String
    let outcome: String
  }

  private struct State: Sendable {
    var started: [String: Int] = [:]
    var ended: [Ending: Int] = [:]
    var attempts: [Ending: Histogram] = [:]
  }

  private let state = Mutex(State())

  func began(_ run: InterceptedRun) {
    guard !run.isReplaying else { return }
    state.withLock { $0.started[run.info.workflowType, default: 0] += 1 }
  }

  func ended(_ failure: Failure?, _ run: InterceptedRun) {
    guard !run.isReplaying else { return }
    let ending = Ending(type: run.info.workflowType, outcome: failure.map(\.kind.rawValue) ?? "completed")
    state.withLock { $0.ended[ending, default: 0] += 1 }
  }

  func execute(_ context: ActivityContext, next: @Sendable () async throws -> Payload) async throws -> Payload {
    let began = ContinuousClock.now
    var outcome = "failed"
    defer {
      let ending = Ending(type: context.info.activityType, outcome: outcome)
      let duration = ContinuousClock.now - began
      state.withLock { $0.attempts[ending, default: Histogram()].add(duration) }
    }
    let result = try await next()
    outcome = "completed"
    return result
  }

  func write(to text: inout MetricText) {
    let state = state.withLock { $0 }
    text.describe("orchestrator_workflow_runs_started_total", .counter, "Runs whose code began in this process.")
    for (type, count) in state.started.sorted(by: { $0.key < $1.key }) {
      text.sample("orchestrator_workflow_runs_started_total", [("type", type)], Double(count))
    }
    text.describe(
      "orchestrator_workflow_runs_ended_total", .counter, "Runs whose code ended in this process, also by going on as a new run.")
    for (ending, count) in state.ended.sorted(by: { ($0.key.type, $0.key.outcome) < ($1.key.type, $1.key.outcome) }) {
      text.sample("orchestrator_workflow_runs_ended_total", [("type", ending.type), ("outcome", ending.outcome)], Double(count))
    }
    text.describe("orchestrator_activity_attempt_seconds", .histogram, "Time that attempts of activities took in this process.")
    for (ending, histogram) in state.attempts.sorted(by: { ($0.key.type, $0.key.outcome) < ($1.key.type, $1.key.outcome) }) {
      text.samples("orchestrator_activity_attempt_seconds", [("type", ending.type), ("outcome", ending.outcome)], histogram)
    }
  }
}
