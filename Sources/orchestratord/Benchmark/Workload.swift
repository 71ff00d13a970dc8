/// What can be measured; the raw value is the name on the command line.
enum Workload: String, CaseIterable, Sendable {
  case chain
  case inlineChain = "inline-chain"
  case oneStep = "one-step"
  case latency
  case signalLatency = "signal-latency"
  case parked
  case replay
  case remoteActivities = "remote-activities"
  case longRun = "long-run"

  /// What `--count` counts, one workflow, has so many of the units that figures are given for.
  var unitsPerCount: Int {
    switch self {
    case .chain, .inlineChain: BenchmarkSteps.stepsPerChain
    default: 1
    }
  }

  var unit: String {
    switch self {
    case .chain, .inlineChain, .longRun: "step"
    case .oneStep, .latency, .signalLatency, .parked, .remoteActivities: "workflow"
    case .replay: "event"
    }
  }

  /// How much is done when nothing is said: a second or two on two cores.
  var smallCount: Int {
    switch self {
    case .chain, .inlineChain: 5_000
    case .oneStep: 20_000
    case .latency, .signalLatency: 500
    case .parked: 10_000
    case .replay: 400_000
    case .remoteActivities: 4_000
    case .longRun: 5_000
    }
  }

  var smallInFlight: Int {
    switch self {
    case .chain, .inlineChain, .oneStep, .parked: 500
    case .remoteActivities: 200
    case .latency, .signalLatency, .replay, .longRun: 1
    }
  }

  /// In how many parts it is done, with the bound measured before, between and after them.
  var rounds: Int {
    switch self {
    case .chain, .inlineChain, .oneStep, .remoteActivities: 3
    case .latency, .signalLatency, .parked, .replay, .longRun: 1
    }
  }
}

/// What to measure and how to show it.
struct BenchmarkOptions: Sendable {
  /// Nil for all of them, each in small.
  var workload: Workload?
  /// Workflows, for `replay` events, for `long-run` steps; nil for the workload's small count.
  var count: Int?
  /// Workflows at a time; nil for the workload's own.
  var inFlight: Int?
  /// One JSON object a line instead of a table.
  var isJSON = false
}
