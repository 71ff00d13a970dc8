import Orchestrator

/// A workflow whose program is given by the test that starts it.
struct Scripted: Workflow {
  typealias Program = @Sendable (Context<Scripted>) async throws -> String

  struct State: WorkflowState {
    var count = 0
    var notes: [String] = []
  }

  @TaskLocal static var program: Program = { _ in "" }

  static let add = Signal<Self, Int>("add") { state, amount in state.count += amount }
  static let message = Signal<Self, String>("message")
  static let count = Query<Self, Int>("count") { state in state.count }
  static let handlers: [Handler<Self>] = [.signal(add), .signal(message), .query(count)]

  func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
    try await Self.program(workflow)
  }
}

enum Steps {
  static let work = Activity<String, String>("work")
  static let other = Activity<String, String>("other")
  static let digest = Activity<String, String>("digest")
}
