@testable import Orchestrator

/// The steps of programs: their inputs say how they end.
enum ProgramSteps {
  struct Work: Codable, Sendable {
    let number: Int
    /// Attempts that fail.
    let failures: Int
  }

  private static func policy(_ attempts: Int32) -> RetryPolicy {
    RetryPolicy(initialInterval: .milliseconds(10), maximumInterval: .milliseconds(100), maximumAttempts: attempts, hasFullJitter: true)
  }

  static let local = Activity<Work, Int>("program-step", ActivityOptions(retryPolicy: policy(0)))
  static let remote = Activity<Work, Int>("program-remote", ActivityOptions(taskQueue: "remote", retryPolicy: policy(0)))
  static let inline = Activity<Int, Int>("program-inline", ActivityOptions(retryPolicy: policy(0)))

  /// - Parameters:
  ///   - givesUp: it never succeeds.
  ///   - isAwaited: whoever cancels it waits until it has stopped.
  static func options(isRemote: Bool, givesUp: Bool, isAwaited: Bool) -> ActivityOptions {
    ActivityOptions(
      taskQueue: isRemote ? "remote" : "default", retryPolicy: policy(givesUp ? 3 : 0),
      cancellationType: isAwaited ? .waitCancellationCompleted : .tryCancel)
  }

  static let all: Set<String> = [local.name, remote.name]
}

/// Carries out a random program by nothing but what workflow code may call.
struct Program: Workflow {
  struct State: WorkflowState {
    var confirmed: [Int] = []
  }

  struct Plan: Codable, Sendable {
    var rest: [Action]
    var total: Int
  }

  static let confirm = Update<Self, Int, Int>("confirm") { _, number in
    guard number >= 0 else { throw ApplicationFailure(type: "Refused", message: "\(number)") }
  } handle: { workflow, number in
    if number.isMultiple(of: 2) {
      _ = try await workflow.execute(ProgramSteps.local, ProgramSteps.Work(number: number, failures: 0))
    }
    workflow.state.confirmed.append(number)
    return Arithmetic.value(of: number)
  }
  static let handlers: [Handler<Self>] = [.update(confirm)]

  static func signal(_ number: Int) -> Signal<Self, Int> { Signal("s\(number)") }

  func run(_ workflow: Context<Self>, _ plan: Plan) async throws -> Int {
    var total = plan.total
    var rest = plan.rest[...]
    while let action = rest.popFirst() {
      do {
        total = Arithmetic.mix(total, try await perform(action, workflow))
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        throw ApplicationFailure(type: "Program", message: "\(Self.code(of: error))", isRetryable: false)
      }
      if action == .renew { throw workflow.continueAsNew(Plan(rest: Array(rest), total: total)) }
    }
    return total
  }

  private func perform(_ action: Action, _ workflow: Context<Self>) async throws -> Int {
    switch action {
    case .steps(let steps):
      var total = 0
      for step in steps { total = Arithmetic.mix(total, try await perform(step, workflow)) }
      return total
    case .together(let branches): return try await together(branches, workflow)
    case .activity(let number, let failures, let isRemote): return try await activity(number, failures, isRemote, workflow)
    case .inline(let number):
      _ = try await workflow.inline(ProgramSteps.inline, number)
      return Arithmetic.value(of: number)
    case .timer(let milliseconds):
      try await workflow.sleep(.milliseconds(milliseconds))
      return Arithmetic.value(of: milliseconds)
    case .hear(let number): return try await workflow.receive(Self.signal(number))
    case .confirm(let number):
      try await workflow.wait { $0.confirmed.contains(number) }
      return Arithmetic.value(of: number)
    case .child(let child): return try await run(child, workflow)
    case .scope(let body, let until):
      async let _ = ending(of: body, workflow)
      return try await ending(of: until, workflow).get()
    case .deadline(let milliseconds, let body):
      return try await workflow.withTimeout(.milliseconds(milliseconds)) { try await perform(body, workflow) }
    case .rescue(let body):
      do {
        return try await perform(body, workflow)
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        return Arithmetic.rescued(Self.code(of: error))
      }
    case .patch(let number): return workflow.patched("p\(number)") ? Arithmetic.value(of: number) : 0
    case .never: return try await workflow.receive(Signal<Self, Int>("never"))
    case .renew: return 0
    }
  }

  private func ending(of action: Action, _ workflow: Context<Self>) async -> Result<Int, any Error> {
    do { return .success(try await perform(action, workflow)) } catch { return .failure(error) }
  }

  private func together(_ branches: [Action], _ workflow: Context<Self>) async throws -> Int {
    let endings = await withTaskGroup(of: (Int, Result<Int, any Error>).self) { group in
      for (index, branch) in branches.enumerated() { group.addTask { (index, await ending(of: branch, workflow)) } }
      var endings = [Result<Int, any Error>](repeating: .success(0), count: branches.count)
      for await (index, ending) in group { endings[index] = ending }
      return endings
    }
    return try endings.reduce(0) { Arithmetic.mix($0, try $1.get()) }
  }

  private func activity(_ number: Int, _ failures: Int, _ isRemote: Bool, _ workflow: Context<Self>) async throws -> Int {
    let work = ProgramSteps.Work(number: number, failures: failures)
    let options = ProgramSteps.options(isRemote: isRemote, givesUp: failures >= Action.hopeless, isAwaited: number % 3 == 0)
    _ = try await workflow.execute(isRemote ? ProgramSteps.remote : ProgramSteps.local, work, options: options)
    return Arithmetic.value(of: number)
  }

  private func run(_ child: Action.Child, _ workflow: Context<Self>) async throws -> Int {
    let handle = try await workflow.startChild(
      Program.self, id: SimulatedSlots.childID(of: workflow.info.workflowID, child.number), Plan(rest: child.steps, total: 0),
      parentClosePolicy: child.policy)
    for number in child.heard {
      do {
        try await handle.signal(Self.signal(number), Arithmetic.value(of: number))
      } catch is OrchestratorError {
        // It failed before it came to wait for it.
      }
    }
    return child.isAwaited ? try await handle.result() : Arithmetic.value(of: child.number)
  }

  private static func code(of error: any Error) -> Int {
    switch error {
    case let error as ActivityFailure: Arithmetic.ofActivity(Int(error.failure.message) ?? 0)
    case let error as ChildWorkflowFailure: Arithmetic.ofChild(error.failure.flatMap { Int($0.message) } ?? 0)
    case is WorkflowTimeout: Arithmetic.timeout
    default: 0
    }
  }
}
