import ExampleSupport
import Orchestrator

enum Steps {
  static let mix = Activity<String, String>("mix")
  static let rise = Activity<String, String>("rise")
  static let bake = Activity<String, String>("bake")
}

struct BakingState: WorkflowState {
  var isMixed = false
  var isOvenHot = false
  init() {}
}

/// The first version, as the build before wrote it.
struct BakeBefore: Workflow {
  typealias State = BakingState
  static let name = "Bake"
  static let ovenHot = Signal<Self, Bool>("oven-hot") { state, isHot in state.isOvenHot = isHot }
  static let isMixed = Query<Self, Bool>("is-mixed") { $0.isMixed }
  static let handlers: [Handler<Self>] = [.signal(ovenHot), .query(isMixed)]

  func run(_ workflow: Context<Self>, _ name: String) async throws -> String {
    let dough = try await workflow.execute(Steps.mix, name)
    workflow.state.isMixed = true
    try await workflow.wait { $0.isOvenHot }
    return try await workflow.execute(Steps.bake, dough)
  }
}

/// The same workflow with one step more. Runs that were past that place when it was deployed do without it.
struct Bake: Workflow {
  typealias State = BakingState
  static let ovenHot = Signal<Self, Bool>("oven-hot") { state, isHot in state.isOvenHot = isHot }
  static let handlers: [Handler<Self>] = [.signal(ovenHot)]

  func run(_ workflow: Context<Self>, _ name: String) async throws -> String {
    var dough = try await workflow.execute(Steps.mix, name)
    workflow.state.isMixed = true
    if workflow.patched("let-it-rise") { dough = try await workflow.execute(Steps.rise, dough) }
    try await workflow.wait { $0.isOvenHot }
    return try await workflow.execute(Steps.bake, dough)
  }
}

@main struct Main {
  static func main() async throws {
    try await withDatabase { database in
      try await withEngine(registry(BakeBefore.self), on: database) { client in
        let loaf = try await client.start(BakeBefore.self, id: "loaf-1", input: "rye")
        while try await loaf.query(BakeBefore.isMixed) == false { try await Task.sleep(for: .milliseconds(10)) }
      }
      try await withEngine(registry(Bake.self), on: database) { client in
        let second = try await client.start(Bake.self, id: "loaf-2", input: "wheat")
        for loaf in [client.handle(Bake.self, id: "loaf-1"), second] {
          try await loaf.signal(Bake.ovenHot, true)
          print(try await loaf.result())
        }
      }
    }
  }

  static func registry(_ workflow: any Workflow.Type) -> Registry {
    var registry = Registry()
    registry.register(workflow)
    for step in [Steps.mix, Steps.rise, Steps.bake] { registry.implement(step) { dough, _ in "\(dough), \(step.name)" } }
    return registry
  }
}
