import Foundation
import Orchestrator

/// One seed, from the first event to the verdict.
struct Simulation: Sendable {
  struct Outcome: Sendable {
    let seed: UInt64
    let violations: [String]
    let hash: UInt64
    let steps: Int
    let acknowledgements: Int
    let runs: Int
    let events: Int
    /// By `Fault.rawValue`.
    let faults: [Int]
    let lines: [String]

    /// The promises that were broken.
    var kinds: String {
      var seen: [Substring] = []
      for violation in violations {
        let kind = violation.prefix { $0 != ":" }
        if !seen.contains(kind) { seen.append(kind) }
      }
      return seen.joined(separator: ", ")
    }

    var summary: String {
      let verdict = violations.isEmpty ? "no violation" : violations.joined(separator: "\n  ")
      return "seed \(seed): \(steps) steps, \(acknowledgements) acknowledgements, trace \(String(hash, radix: 16)): \(verdict)"
    }
  }

  let sabotage: Sabotage
  private let registry = simulatedRegistry()

  init(sabotage: Sabotage = .none) {
    self.sabotage = sabotage
  }

  func run(seed: UInt64, isTracing: Bool = false) -> Outcome {
    let world = World(seed: seed, sabotage: sabotage, registry: registry, isTracing: isTracing)
    let violations = world.run()
    return Outcome(
      seed: seed, violations: violations, hash: world.trace.hash, steps: world.steps, acknowledgements: world.checker.acknowledgements,
      runs: world.checker.runCount, events: world.checker.events, faults: world.faults, lines: world.trace.lines)
  }
}
