import Orchestrator

/// Ten children at once, each with one step; ends when all have ended.
struct BenchmarkParent: Workflow {
  static let children = 10

  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    var children: [ChildHandle<BenchmarkOneStep>] = []
    for _ in 0..<Self.children { children.append(try await workflow.startChild(BenchmarkOneStep.self, input)) }
    for child in children { _ = try await child.result() }
    return input
  }
}

/// Ends with the tenth message that it was sent.
struct BenchmarkConversation: Workflow {
  struct State: WorkflowState {
    var messages = 0
    init() {}
  }

  static let messages = 10
  static let say = Signal<Self, BenchmarkPayload>("say") { state, _ in state.messages += 1 }
  static let ask = Update<Self, BenchmarkPayload, BenchmarkPayload>("ask") { workflow, payload in
    workflow.state.messages += 1
    return payload
  }
  static var handlers: [Handler<Self>] { [.signal(say), .update(ask)] }

  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    try await workflow.wait { $0.messages >= Self.messages }
    return input
  }
}

/// Ten activities like `BenchmarkChain`, and then a long wait for a signal: a run that is open when a new build is to be deployed.
struct BenchmarkOpenChain: Workflow {
  static let go = Signal<Self, BenchmarkPayload>("go")
  static var handlers: [Handler<Self>] { [.signal(go)] }

  func run(_ workflow: Context<Self>, _ input: BenchmarkPayload) async throws -> BenchmarkPayload {
    for _ in 0..<BenchmarkSteps.stepsPerChain { _ = try await workflow.execute(BenchmarkSteps.echo, input) }
    return try await workflow.receive(Self.go)
  }
}
