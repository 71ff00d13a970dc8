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
    /// What else is to be known of a violation.
    var remark: String?

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
      let verdict = violations.isEmpty ? "no violation" : violations.joined(separator: "\n  ") + (remark.map { "\n  \($0)" } ?? "")
      return "seed \(seed): \(steps) steps, \(acknowledgements) acknowledgements, trace \(String(hash, radix: 16)): \(verdict)"
    }
  }

  /// What the clients of a world want.
  enum Kind: Sendable {
    case mixture
    /// One random program, whose end is foretold.
    case program
  }

  let sabotage: Sabotage
  private let kind: Kind
  private let registry = simulatedRegistry()

  init(_ kind: Kind = .mixture, sabotage: Sabotage = .none) {
    self.kind = kind
    self.sabotage = sabotage
  }

  func run(seed: UInt64, isTracing: Bool = false) -> Outcome {
    guard kind == .program else { return run(seed, nil, isTracing) }
    var generator = ProgramGenerator(seed: seed)
    var steps = generator.program()
    var outcome = run(seed, Errand(steps: steps), isTracing)
    guard !outcome.violations.isEmpty else { return outcome }
    steps = ProgramShrinker(broken: steps) { !run(seed, Errand(steps: $0), false).violations.isEmpty }.smallest()
    outcome.remark = "the program, made small:\n\(Errand(steps: steps).text)"
    return outcome
  }

  private func run(_ seed: UInt64, _ errand: Errand?, _ isTracing: Bool) -> Outcome {
    let world = World(seed: seed, sabotage: sabotage, registry: registry, isTracing: isTracing, errand: errand)
    let violations = world.run()
    return Outcome(
      seed: seed, violations: violations, hash: world.trace.hash, steps: world.steps, acknowledgements: world.checker.acknowledgements,
      runs: world.checker.runCount, events: world.checker.events, faults: world.faults, lines: world.trace.lines)
  }
}
