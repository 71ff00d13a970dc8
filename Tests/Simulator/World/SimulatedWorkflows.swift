import Orchestrator

/// The steps of the simulated workflows; `ActivityRunner` says how they end. Every result is the number of an execution.
enum SimulatedSteps {
  static func policy(_ attempts: Int32) -> RetryPolicy {
    RetryPolicy(initialInterval: .milliseconds(20), maximumInterval: .milliseconds(400), maximumAttempts: attempts, hasFullJitter: true)
  }

  static let step = Activity<Int, Int>("step", ActivityOptions(retryPolicy: policy(0)))
  static let fragile = Activity<Int, Int>("fragile", ActivityOptions(retryPolicy: policy(3)))
  /// Waits for an operator when it failed twice.
  static let parking = Activity<Int, Int>("parking", ActivityOptions(retryPolicy: policy(2), onExhausted: .park))
  static let remote = Activity<Int, Int>("remote", ActivityOptions(taskQueue: "remote", retryPolicy: policy(0)))
}

/// A chain, branches side by side, an inline step, a timer and two signals.
struct Journey: Workflow {
  static let tick = Signal<Self, Int>("tick")
  static let searchAttributes: [String: SearchAttributeType] = ["Number": .int]

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    var total = 0
    if number % 3 == 0 { try workflow.upsertSearchAttributes(["Number": .int(Int64(number + 1))]) }
    for _ in 0..<(1 + number % 3) { total &+= try await workflow.execute(SimulatedSteps.step, number) }
    if workflow.patched("rest") { try await workflow.sleep(.milliseconds(1)) }
    async let first = workflow.execute(SimulatedSteps.step, 1)
    async let second = workflow.execute(SimulatedSteps.remote, 2)
    async let third = workflow.inline(SimulatedSteps.step, 3)
    total &+= try await first &+ second &+ third
    try await workflow.sleep(.milliseconds(number % 2 == 0 ? 5 : 1500))
    if number % 3 < 2 { try workflow.upsertSearchAttributes(["Number": .int(Int64(number + 2))]) }
    do {
      total &+= try await workflow.execute(SimulatedSteps.fragile, number)
    } catch is ActivityFailure {
      total &+= 1
    }
    for _ in 0..<2 { total &+= try await workflow.receive(Self.tick) }
    return total
  }
}

/// A decision within some time, requests that are answered meanwhile, and cleaning up when it is cancelled.
struct Decision: Workflow {
  struct State: WorkflowState {
    var verdict: Int?
  }

  static let decide = Signal<Self, Int>("tick") { state, verdict in state.verdict = verdict }
  static let adjust = Update<Self, Int, Int>("adjust") { _, number in
    guard number % 4 != 0 else { throw ApplicationFailure(type: "Refused", message: "\(number)") }
  } handle: { workflow, number in
    number % 3 == 0 ? number : try await workflow.execute(SimulatedSteps.step, number)
  }
  static let handlers: [Handler<Self>] = [.signal(decide), .update(adjust)]

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    do {
      _ = try await workflow.execute(SimulatedSteps.parking, number)
      let isDecided = try await workflow.wait(upTo: .milliseconds(500 + number % 3000)) { $0.verdict != nil }
      return isDecided ? workflow.state.verdict ?? 0 : try await workflow.execute(SimulatedSteps.remote, number)
    } catch is CancellationError {
      _ = try await workflow.shielded { try await workflow.execute(SimulatedSteps.step, 9) }
      throw CancellationError()
    }
  }
}

/// Ends at its first message, whatever else is on its way.
struct Brief: Workflow {
  static let go = Signal<Self, Int>("tick")

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    guard let first = try await workflow.receive(Self.go, within: .milliseconds(300 + number % 2000)) else { return 0 }
    return first
  }
}

/// The quicker one wins, the other is cancelled; every other time the contest waits until it has stopped.
struct Contest: Workflow {
  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    func options(_ step: Activity<Int, Int>) -> ActivityOptions {
      var options = step.options
      if number % 2 == 1 { options.cancellationType = .waitCancellationCompleted }
      return options
    }
    return try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask { try await workflow.execute(SimulatedSteps.remote, 1, options: options(SimulatedSteps.remote)) }
      group.addTask { try await workflow.execute(SimulatedSteps.step, 2, options: options(SimulatedSteps.step)) }
      group.addTask {
        try await workflow.sleep(.milliseconds(2 + number % 40))
        return 0
      }
      let winner = try await group.next() ?? 0
      group.cancelAll()
      return winner
    }
  }
}

/// Goes on as a new run after a message or two, until it had enough of them or waited too often.
struct Relay: Workflow {
  struct Leg: Codable, Sendable {
    var number: Int
    var legs: Int
    /// Signals that the chain's code received: the checker compares it with what was recorded.
    var received: Int
  }

  static let tick = Signal<Self, Int>("tick")

  func run(_ workflow: Context<Self>, _ leg: Leg) async throws -> Int {
    var next = leg
    next.legs += 1
    for _ in 0...(leg.number % 2) {
      guard try await workflow.receive(Self.tick, within: .milliseconds(20 + leg.number % 700)) != nil else { break }
      next.received += 1
    }
    if leg.number % 3 == 0 { _ = try await workflow.execute(SimulatedSteps.remote, leg.number) }
    guard next.legs <= 2 + leg.number % 4 else { return next.received }
    throw workflow.continueAsNew(next)
  }
}

/// A child that works a little, for a while.
struct Offspring: Workflow {
  static let tick = Signal<Self, Int>("tick")

  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    let result = try await workflow.execute(number % 2 == 0 ? SimulatedSteps.step : SimulatedSteps.remote, number)
    _ = try await workflow.receive(Self.tick, within: .milliseconds(number % 1200))
    if number % 7 == 0, workflow.info.attempt < 2 + number % 3 { throw ApplicationFailure(type: "Unlucky", message: "seven") }
    return result
  }
}

/// Children side by side: some are waited for, some cancelled, some left behind, some want one workflow id.
struct Family: Workflow {
  func run(_ workflow: Context<Self>, _ number: Int) async throws -> Int {
    var children: [ChildHandle<Offspring>] = []
    for index in 0..<(1 + number % 3) {
      let policy = ParentClosePolicy.allCases[(number + index) % 3]
      let id = SimulatedSlots.childID(of: workflow.info.workflowID, number % 5 == 0 ? 0 : index)
      let options = StartOptions(
        startDelay: number % 11 == 3 ? .milliseconds(200) : nil, runTimeout: number % 8 == 5 ? .milliseconds(700) : nil,
        retryPolicy: number % 2 == 1 ? SimulatedSteps.policy(3) : nil)
      children.append(try await workflow.startChild(Offspring.self, id: id, number + index, parentClosePolicy: policy, options: options))
    }
    let leg = Relay.Leg(number: number, legs: 0, received: 0)
    async let relay = number % 2 == 0 ? workflow.child(Relay.self, id: SimulatedSlots.childID(of: workflow.info.workflowID, 9), leg) : 0
    if number % 4 == 1 { try await children[0].signal(Offspring.tick, number) }
    if number % 2 == 1, let last = children.last {
      do {
        let external = workflow.external(Offspring.self, id: last.workflowID)
        if number % 9 == 1 { try await external.cancel() } else { try await external.signal(Offspring.tick, number) }
      } catch is OrchestratorError {
        // It has ended.
      }
    }
    if number % 4 == 2 { children[0].cancel() }
    if number % 4 == 3 { try await workflow.sleep(.milliseconds(number % 300)) }
    var total = 0
    for child in children.dropLast(number % 3 == 2 ? 1 : 0) {
      do {
        total &+= try await child.result()
      } catch let failure as ChildWorkflowFailure {
        total &+= failure.kind == .failed ? 1 : 2
      }
    }
    if number % 6 == 4 { return total }
    return total &+ (try await relay)
  }
}

func simulatedRegistry() -> Registry {
  var registry = Registry()
  registry.register(Journey.self)
  registry.register(Decision.self)
  registry.register(Brief.self)
  registry.register(Contest.self)
  registry.register(Relay.self)
  registry.register(Family.self)
  registry.register(Offspring.self)
  registry.register(Program.self)
  // Owners look here whether they can run a step; the bodies are never called.
  registry.implement(SimulatedSteps.step) { value, _ in value }
  registry.implement(SimulatedSteps.fragile) { value, _ in value }
  registry.implement(SimulatedSteps.parking) { value, _ in value }
  registry.implement(SimulatedSteps.remote) { value, _ in value }
  registry.implement(ProgramSteps.local) { work, _ in work.number }
  registry.implement(ProgramSteps.remote) { work, _ in work.number }
  registry.implement(ProgramSteps.inline) { value, _ in value }
  return registry
}
