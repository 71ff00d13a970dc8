import Orchestrator
import OrchestratorTesting
import Testing

/// Collects what comes, and does what it is told by name.
private struct Anything: Workflow {
  struct State: WorkflowState {
    var heard: [String] = []
    init() {}
  }

  static let known = Signal<Self, Int>("known") { state, number in state.heard.append("known \(number)") }
  static let go = Signal<Self, String>("go")
  static let handlers: [Handler<Self>] = [
    .signal(known), .signal(go), .anySignal { state, name, input in state.heard.append("\(name) \(input.text)") },
  ]

  func run(_ workflow: Context<Self>, _ input: Nothing) async throws -> String {
    let step = try await workflow.receive(Self.go)
    let done = try await workflow.execute(Activity<[String], String>(step), workflow.state.heard)
    return try await workflow.inline(Activity<String, String>("\(step) inline"), done)
  }
}

/// Handlers for all that has none of its own.
@Suite struct DynamicHandlerTests {
  @Test(arguments: [false, true])
  func `dynamic handlers: signals and activities without an own handler come to the one for all, with their names`(
    forgetsRuns: Bool
  ) async throws {
    var registry = Registry()
    registry.register(Anything.self)
    registry.implement(Activity<String, String>("own")) { _, _ in "" }
    registry.implementAny { name, input, _ in
      Payload(json: Array("\"\(name) of \(input.text.replacing("\"", with: "'"))\"".utf8))
    }
    let environment = try await TestEnvironment(registry: registry, forgetsRuns: forgetsRuns)
    let run = try await environment.start(Anything.self, Nothing())
    try await run.signal(Signal<Anything, Int>("unknown"), 1)
    try await run.signal(Anything.known, 2)
    try await run.signal(Signal<Anything, Int>("other"), 3)
    try await run.signal(Anything.go, "work")
    #expect(try await run.result() == "work inline of 'work of ['unknown 1','known 2','other 3']'")
  }
}
