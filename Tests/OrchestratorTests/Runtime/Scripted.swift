import Synchronization

@testable import Orchestrator

/// A workflow whose program is given by the test that starts it.
struct Scripted: Workflow {
  typealias Program = @Sendable (Context<Scripted>) async throws -> String

  struct State: WorkflowState {
    var count = 0
    var notes: [String] = []
  }

  /// The program of each instance that is being started. (Not a task local: a synchronous `withValue` crashes at -O with Swift 6.3.1.)
  private static let programs = Mutex<[ObjectIdentifier: Program]>([:])

  static let add = Signal<Self, Int>("add") { state, amount in state.count += amount }
  static let message = Signal<Self, String>("message")
  static let count = Query<Self, Int>("count") { state in state.count }
  static let handlers: [Handler<Self>] = [.signal(add), .signal(message), .query(count)]

  func run(_ workflow: Context<Self>, _ input: String) async throws -> String {
    guard let program = Self.programs.withLock({ $0[ObjectIdentifier(workflow.instance)] }) else {
      throw ApplicationFailure(type: "NoProgram", message: "started outside `with`")
    }
    return try await program(workflow)
  }

  /// Gives an instance its program while the body starts it.
  static func with<Result>(_ program: @escaping Program, for instance: WorkflowInstance, _ body: () throws -> Result) rethrows -> Result {
    programs.withLock { $0[ObjectIdentifier(instance)] = program }
    defer { programs.withLock { $0[ObjectIdentifier(instance)] = nil } }
    return try body()
  }
}

enum Steps {
  static let work = Activity<String, String>("work")
  static let other = Activity<String, String>("other")
  static let digest = Activity<String, String>("digest")
}
