import Foundation
import Synchronization

@testable import Orchestrator

enum RepairSteps {
  static let count = Activity<String, Int>("count", ActivityOptions(retryPolicy: .init(maximumAttempts: 1)))
  static let gated = Activity<Int, Int>("gated", ActivityOptions(retryPolicy: .init(maximumAttempts: 1)))
}

/// How often each step ran, and whether steps behind the gate succeed.
final class StepCounter: Sendable {
  private struct Counts {
    var runs: [String: Int] = [:]
    var isOpen = false
  }

  private let counts = Mutex(Counts())

  func ran(_ step: String) -> Int {
    counts.withLock {
      $0.runs[step, default: 0] += 1
      return $0.runs[step] ?? 0
    }
  }

  subscript(_ step: String) -> Int { counts.withLock { $0.runs[step] ?? 0 } }

  var isOpen: Bool {
    get { counts.withLock { $0.isOpen } }
    set { counts.withLock { $0.isOpen = newValue } }
  }

  func registry() -> Registry {
    var registry = Registry()
    registry.register(Delivery.self)
    registry.register(Listening.self)
    registry.register(Draws.self)
    registry.register(Household.self)
    registry.register(Guest.self)
    registry.implement(RepairSteps.count) { name, _ in self.ran(name) }
    registry.implement(RepairSteps.gated) { value, _ in
      _ = self.ran("gated")
      guard self.isOpen else { throw ApplicationFailure(type: "Closed", message: "the gate is closed") }
      return value
    }
    return registry
  }
}

/// Packs, then sends through a gate that may be closed.
struct Delivery: Workflow {
  func run(_ workflow: Context<Self>, _ input: Int) async throws -> String {
    let packed = try await workflow.execute(RepairSteps.count, "pack")
    let sent = try await workflow.execute(RepairSteps.gated, input)
    let told = try await workflow.execute(RepairSteps.count, "tell")
    return "\(packed) \(sent) \(told)"
  }
}

/// Collects words and answers sums until it hears "end".
struct Listening: Workflow {
  struct State: WorkflowState {
    var words: [String] = []
    var sum = 0
  }

  static let word = Signal<Self, String>("word") { $0.words.append($1) }
  static let add = Update<Self, Int, Int>("add") { _, _ in
  } handle: { workflow, number in
    workflow.state.sum += number
    return workflow.state.sum
  }
  static let handlers: [Handler<Self>] = [.signal(word), .update(add)]

  func run(_ workflow: Context<Self>, _ start: String) async throws -> String {
    _ = try await workflow.execute(RepairSteps.count, "begin")
    try await workflow.wait { $0.words.last == "end" }
    return "\(start): \(workflow.state.words.joined(separator: " ")), \(workflow.state.sum)"
  }
}

/// Draws a number before and after a step.
struct Draws: Workflow {
  static let go = Signal<Self, Nothing>("go")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> [String] {
    let before = workflow.uuid().uuidString
    _ = try await workflow.receive(Self.go)
    let between = workflow.uuid().uuidString
    _ = try await workflow.receive(Self.go)
    return [before, between, workflow.uuid().uuidString]
  }
}

struct Guest: Workflow {
  static let leave = Signal<Self, String>("leave")

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> String { try await workflow.receive(Self.leave) }
}

/// Waits for a child, then for a word.
struct Household: Workflow {
  static let word = Signal<Self, String>("word")

  func run(_ workflow: Context<Self>, _ policy: ParentClosePolicy) async throws -> String {
    let guest = try await workflow.startChild(Guest.self, id: "guest", 0, parentClosePolicy: policy)
    let said = try await guest.result()
    return "\(said) \(try await workflow.receive(Self.word))"
  }
}
