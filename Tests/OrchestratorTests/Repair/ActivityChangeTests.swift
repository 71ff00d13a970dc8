import Foundation
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import Orchestrator

/// Semantics "reset, update-options" of activities, of Temporal.
@Suite("Changes of pending activities") struct ActivityChangeTests {
  private let key = WorkflowKey(workflowID: "it")

  @Test func `activity options: other options hold from the next attempt on, also in another process, until they are restored`()
    async throws
  {
    let fixture = try EngineFixture()
    let trials = Trials()
    try await fixture.withEngine(trials.registry()) { engine in
      try await engine.client.start(Trying.self, id: "it", input: 1)
      try await eventually("it waits for an hour") { try await fixture.count("select count(*) from orchestrator.timers") == 1 }
      #expect(trials.queues.count == 1)
      let policy = RetryPolicy(initialInterval: .milliseconds(10), backoffCoefficient: 1, maximumAttempts: 4)
      let change = try ActivityOptionsChange(taskQueue: "elsewhere", heartbeat: .after(.seconds(30)), retryPolicy: policy)
      try await engine.client.commandActivity(key, sequence: 1, .updateOptions(change))
      try await eventually("they are stored") { try await fixture.count("select count(*) from orchestrator.activity_options") == 1 }
      await #expect(throws: OrchestratorError.self) {
        try await engine.client.commandActivity(key, sequence: 9, .updateOptions(change))
      }
    }
    try await fixture.withEngine(trials.registry(), serving: ["elsewhere": 2]) { engine in
      try await engine.client.commandActivity(key, sequence: 1, .retry)
      let failure = await #expect(throws: WorkflowFailure.self) {
        try await engine.client.handle(Trying.self, id: "it").result()
      }
      #expect(failure?.failure?.cause.first?.type == "NotYet")
      // Four in all, where the code had asked for ten.
      #expect(trials.queues == ["default", "elsewhere", "elsewhere", "elsewhere"])
      #expect(try await fixture.count("select count(*) from orchestrator.activity_options") == 0)
    }
  }

  @Test func `activity options: a task that waits in a queue moves to another, and its deadline is the new one`() async throws {
    let fixture = try EngineFixture()
    let trials = Trials()
    trials.isMended = true
    try await fixture.withEngine(trials.registry(), serving: ["other": 2]) { engine in
      let handle = try await engine.client.start(Trying.self, id: "it", input: 5)
      try await eventually("its row waits") { try await fixture.count("select count(*) from orchestrator.activity_tasks") == 1 }
      let limited = try ActivityOptionsChange(scheduleToClose: .after(.seconds(3600)))
      try await engine.client.commandActivity(key, sequence: 1, .updateOptions(limited))
      try await eventually("it has a deadline") {
        try await fixture.count("select count(*) from orchestrator.activity_tasks where close_by is not null and due_at = close_by") == 1
      }
      try await engine.client.commandActivity(key, sequence: 1, .updateOptions(nil))
      try await eventually("it has none") {
        try await fixture.count("select count(*) from orchestrator.activity_tasks where close_by is null") == 1
      }
      try await engine.client.commandActivity(key, sequence: 1, .updateOptions(try ActivityOptionsChange(taskQueue: "other")))
      #expect(try await handle.result() == 5)
      #expect(trials.queues == ["other"])
    }
  }

  @Test func `activity reset: failures no longer count, the backoff is over, the heartbeat is kept or cleared`() async throws {
    let fixture = try EngineFixture()
    let trials = Trials()
    try await fixture.withEngine(trials.registry()) { engine in
      let handle = try await engine.client.start(Trying.self, id: "it", input: 1)
      for attempt in 1...3 {
        try await eventually("attempt \(attempt) has failed") {
          try await fixture.count("select count(*) from orchestrator.activity_attempts") == attempt
        }
        try await engine.client.commandActivity(key, sequence: 1, .reset(ActivityReset(keepHeartbeat: attempt != 2)))
      }
      try await eventually("none counts but the last") {
        try await fixture.count("select count(*) from orchestrator.activity_attempts where not forgiven") == 1
          && trials.heartbeats.count == 4
      }
      #expect(trials.heartbeats == [nil, 1, nil, 3])
      trials.isMended = true
      try await engine.client.commandActivity(key, sequence: 1, .reset(ActivityReset(restoreOptions: true)))
      #expect(try await handle.result() == 1)
    }
  }

  @Test func `activity options: what cannot be is refused, and says why`() throws {
    for text in ["[]", "{}", #"{"taskQueue":""}"#, #"{"speed":1}"#, #"{"startToCloseMilliseconds":0}"#, #"{"heartbeatMilliseconds":"x"}"#] {
      let error = #expect(throws: OrchestratorError.self, "\(text)") {
        _ = try ActivityOptionsChange(Payload(json: Array(text.utf8)))
      }
      #expect(error?.code == .invalidArgument)
    }
    let change = try ActivityOptionsChange(Payload(json: Array(#"{"heartbeatMilliseconds":null,"startToCloseMilliseconds":7}"#.utf8)))
    let options = try change.applied(to: ActivityOptions(taskQueue: "q", heartbeat: .seconds(1)))
    #expect(options == ActivityOptions(taskQueue: "q", startToClose: .milliseconds(7)))
  }
}

/// What attempts of a step saw.
private final class Trials: Sendable {
  private struct State {
    var queues: [String] = []
    var heartbeats: [Int?] = []
    var isMended = false
  }
  private let state = Mutex(State())

  var queues: [String] { state.withLock { $0.queues } }
  var heartbeats: [Int?] { state.withLock { $0.heartbeats } }
  var isMended: Bool {
    get { state.withLock { $0.isMended } }
    set { state.withLock { $0.isMended = newValue } }
  }

  func registry() -> Registry {
    var registry = Registry()
    registry.register(Trying.self)
    registry.implement(Trying.step) { value, context in
      let count = self.state.withLock { state in
        state.queues.append(context.info.taskQueue)
        state.heartbeats.append(context.heartbeatDetails(Int.self))
        return state.queues.count
      }
      guard !self.isMended else { return value }
      try context.heartbeat(count)
      throw ApplicationFailure(type: "NotYet", message: "attempt \(count)")
    }
    return registry
  }
}

private struct Trying: Workflow {
  static let step = Activity<Int, Int>(
    "trying-step",
    ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .seconds(3600), maximumInterval: .seconds(3600), maximumAttempts: 10)))

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int { try await workflow.execute(Self.step, input) }
}
