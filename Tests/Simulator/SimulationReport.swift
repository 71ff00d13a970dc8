import Orchestrator

/// What many seeds came to.
struct SimulationReport {
  private var seeds = 0
  private var steps = 0
  private var acknowledgements = 0
  private var runs = 0
  private var events = 0
  private var faults = [Int](repeating: 0, count: Fault.allCases.count)
  private(set) var violations: [Simulation.Outcome] = []
  /// The target of `make` that repeats a seed.
  private let target: String
  /// Beyond that many, only their number is kept.
  private static let listed = 200
  private var unlisted = 0

  init(_ kind: Simulation.Kind) {
    target = kind == .program ? "soak" : "simulate"
  }

  mutating func add(_ outcome: Simulation.Outcome) {
    seeds += 1
    steps += outcome.steps
    acknowledgements += outcome.acknowledgements
    runs += outcome.runs
    events += outcome.events
    for index in faults.indices { faults[index] += outcome.faults[index] }
    if !outcome.violations.isEmpty { list(outcome) }
  }

  mutating func add(_ other: SimulationReport) {
    seeds += other.seeds
    steps += other.steps
    acknowledgements += other.acknowledgements
    runs += other.runs
    events += other.events
    for index in faults.indices { faults[index] += other.faults[index] }
    unlisted += other.unlisted
    for outcome in other.violations { list(outcome) }
  }

  private mutating func list(_ outcome: Simulation.Outcome) {
    if violations.count < Self.listed { violations.append(outcome) } else { unlisted += 1 }
  }

  private var violatingSeeds: Int { violations.count + unlisted }

  private func perMinute(_ time: Duration) -> Int { Int(Double(seeds) * 60_000 / Double(max(1, time.milliseconds))) }

  func progressLine(of wanted: UInt64, after time: Duration) -> String {
    "\(seeds) of \(wanted) seeds, \(perMinute(time)) seeds a minute, \(violatingSeeds) with violations"
  }

  func lines(after time: Duration) -> [String] {
    let happened = Fault.allCases.map { "\($0) \(faults[$0.rawValue])" }.joined(separator: ", ")
    var lines = [
      "faults: \(happened)",
      "checked: \(acknowledgements) acknowledgements, \(runs) runs, \(events) events",
      "\(seeds) seeds, \(steps) steps in \(Double(time.milliseconds) / 1000) s: \(perMinute(time)) seeds a minute",
    ]
    for outcome in violations.sorted(by: { $0.seed < $1.seed }) { lines.append("seed \(outcome.seed): \(outcome.kinds)") }
    lines.append(
      violations.isEmpty
        ? "no violation" : "\(violatingSeeds) seeds broke a promise; replay one: make \(target) SEED=\(violations.map(\.seed).min() ?? 0)")
    return lines
  }
}
