import Orchestrator

/// Workflows whose histories are kept for good. Their code may change as any workflow's may whose runs are open: every history in `Histories` must
/// still replay.
enum RecordedSteps {
  static let work = Activity<Int, Int>("work", ActivityOptions(startToClose: .minutes(1), retryPolicy: RetryPolicy(maximumAttempts: 3)))
  static let slow = Activity<Int, Int>("slow", ActivityOptions(startToClose: .hours(1)))
  static let quick = Activity<Int, Int>("quick")
}

/// Steps one by one and side by side, with failures, a time limit and an inline step; and what the context draws.
struct RecordedActivities: Workflow {
  func run(_ workflow: Context<Self>, _ count: Int) async throws -> [Int] {
    var results: [Int] = [try await workflow.inline(RecordedSteps.quick, count)]
    for number in 0..<count {
      do {
        results.append(try await workflow.execute(RecordedSteps.work, number))
      } catch let failure as ActivityFailure {
        results.append(failure.failure.kind == .application ? -1 : -2)
      }
    }
    let width = workflow.random(in: 3...6)
    results += try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<width { group.addTask { try await workflow.execute(RecordedSteps.quick, number) } }
      return try await group.reduce(into: []) { $0.append($1) }.sorted()
    }
    if workflow.uuid().uuidString.count == 36 { try await workflow.sleep(.seconds(workflow.random(in: 1...9))) }
    return results
  }
}

/// Timers that fire and that are cancelled, limits around code, steps that are given up.
struct RecordedTimers: Workflow {
  func run(_ workflow: Context<Self>, _ days: Int) async throws -> String {
    try await workflow.sleep(.days(days))
    let kept = try await workflow.withTimeout(.hours(2)) { try await workflow.execute(RecordedSteps.slow, 1) }
    do {
      _ = try await workflow.withTimeout(.minutes(5)) { try await workflow.execute(RecordedSteps.slow, 2) }
    } catch is WorkflowTimeout {
      async let first: Void = workflow.sleep(.seconds(2))
      async let second: Void = workflow.sleep(.seconds(1))
      _ = try await (first, second)
    }
    return "kept \(kept)"
  }
}

/// Signals to the state and to whoever receives, updates that work, fail and are refused, attributes, and clean-up after a cancellation.
struct RecordedMessages: Workflow {
  struct State: WorkflowState {
    var total = 0
    init() {}
  }

  static let searchAttributes: [String: SearchAttributeType] = ["Total": .int]
  static let add = Signal<Self, Int>("add") { state, amount in state.total += amount }
  static let next = Signal<Self, Int>("next")
  static let total = Query<Self, Int>("total") { $0.total }
  static let multiply = Update<Self, Int, Int>("multiply") { _, factor in
    guard factor > 0 else { throw ApplicationFailure(type: "NotPositive", message: "\(factor)") }
  } handle: { workflow, factor in
    guard factor < 100 else { throw ApplicationFailure(type: "TooLarge", message: "\(factor)", isRetryable: false) }
    workflow.state.total *= try await workflow.execute(RecordedSteps.quick, factor)
    return workflow.state.total
  }
  static let handlers: [Handler<Self>] = [.signal(add), .signal(next), .query(total), .update(multiply)]

  func run(_ workflow: Context<Self>, _ begin: Int) async throws -> Int {
    workflow.state.total = begin
    do {
      for _ in 0..<2 { workflow.state.total += try await workflow.receive(Self.next) }
      try workflow.upsertSearchAttributes(["Total": .int(Int64(workflow.state.total))])
      guard try await workflow.wait(upTo: .days(1), until: { $0.total > 100 }) else { return -1 }
      return try await workflow.execute(RecordedSteps.work, workflow.state.total)
    } catch is CancellationError {
      _ = try await workflow.shielded { try await workflow.execute(RecordedSteps.quick, 0) }
      throw CancellationError()
    }
  }
}

/// Children of every end and policy, in runs that continue each other.
struct RecordedParent: Workflow {
  struct Plan: Codable, Sendable {
    var round: Int
    var total: Int
  }

  static let go = Signal<Self, Int>("go")

  func run(_ workflow: Context<Self>, _ plan: Plan) async throws -> Int {
    var total = plan.total
    if workflow.patched("children-first") { total += try await workflow.child(RecordedChild.self, 1) }
    async let failing = workflow.child(RecordedChild.self, -1)
    do { total += try await failing } catch is ChildWorkflowFailure { total += 1000 }
    let told = try await workflow.startChild(RecordedChild.self, id: "told-\(plan.round)", 0)
    try await told.signal(RecordedChild.go, 7)
    let cancelled = try await workflow.startChild(RecordedChild.self, 0)
    cancelled.cancel()
    do { total += try await cancelled.result() } catch is ChildWorkflowFailure { total += 2000 }
    _ = try await workflow.startChild(RecordedChild.self, id: "left-\(plan.round)", 0, parentClosePolicy: .requestCancel)
    total += try await told.result() + (try await workflow.receive(Self.go))
    guard plan.round >= 2 else { throw workflow.continueAsNew(Plan(round: plan.round + 1, total: total)) }
    return total
  }
}

struct RecordedChild: Workflow {
  static let go = Signal<Self, Int>("go")

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    guard number >= 0 else { throw ApplicationFailure(type: "Negative", message: "\(number)") }
    return number > 0 ? try await workflow.execute(RecordedSteps.work, number) : try await workflow.receive(Self.go)
  }
}

/// Waits for a child that somebody else ends.
struct RecordedGuardian: Workflow {
  func run(_ workflow: Context<Self>, _ name: String) async throws -> String {
    do {
      return "\(try await workflow.child(RecordedChild.self, id: name, 0))"
    } catch let failure as ChildWorkflowFailure {
      return failure.kind.rawValue
    }
  }
}

/// Speaks to whatever run of another workflow id is open.
struct RecordedSpeaker: Workflow {
  func run(_ workflow: Context<Self>, _ others: [String]) async throws -> [String] {
    var answers: [String] = []
    for other in others {
      do {
        try await workflow.external(RecordedChild.self, id: other).signal(RecordedChild.go, 3)
        answers.append("told \(other)")
      } catch let error as OrchestratorError {
        answers.append("\(other): \(error.code.name)")
      }
    }
    do {
      try await workflow.external(RecordedChild.self, id: others[0]).cancel()
    } catch let error as OrchestratorError {
      answers.append(error.code.name)
    }
    try await workflow.external(RecordedChild.self, id: "patient").cancel()
    return answers
  }
}
