/// What can be measured; the raw value is the name on the command line.
enum Workload: String, CaseIterable, Sendable {
  case chain
  case inlineChain = "inline-chain"
  case oneStep = "one-step"
  case oneStepHTTP = "one-step-http"
  case oneStepSQL = "one-step-sql"
  case latency
  case signalLatency = "signal-latency"
  case children
  case signals
  case updates
  case parked
  case schedules
  case replay
  case check
  case remoteActivities = "remote-activities"
  case longRun = "long-run"
  case takeover
  case streams
  case uploads
  case steady

  /// What `--count` counts, one workflow, has so many of the units that figures are given for.
  var unitsPerCount: Int {
    switch self {
    case .chain, .inlineChain, .steady: BenchmarkSteps.stepsPerChain
    case .children: BenchmarkParent.children
    case .signals, .updates: BenchmarkConversation.messages
    default: 1
    }
  }

  var unit: String {
    switch self {
    case .chain, .inlineChain, .longRun, .steady: "step"
    case .oneStep, .oneStepHTTP, .oneStepSQL, .latency, .signalLatency, .parked, .schedules, .remoteActivities: "workflow"
    case .children: "child"
    case .signals: "signal"
    case .updates: "update"
    case .replay: "event"
    case .takeover, .check: "run"
    case .streams: "stream"
    case .uploads: "MiB"
    }
  }

  /// How much one round does when nothing is said.
  var standardCount: Int {
    switch self {
    case .chain, .inlineChain: 5_000
    case .oneStep: 20_000
    case .oneStepHTTP, .oneStepSQL: 5_000
    case .latency, .signalLatency: 500
    case .children, .signals: 2_000
    case .updates: 1_000
    case .parked: 100_000
    case .schedules: 60_000
    case .replay: 400_000
    case .remoteActivities: 8_000
    // With start and end a history of 49,980 events; the limit is 50,000.
    case .longRun: 24_989
    case .takeover: 1_000
    case .check: 10_000
    case .streams: 2_000
    case .uploads: 5 << 10
    // For the measurement of the maximum before it.
    case .steady: 20_000
    }
  }

  var standardInFlight: Int {
    switch self {
    case .chain, .inlineChain, .oneStep, .parked, .remoteActivities, .check, .steady: 500
    case .children, .signals, .updates: 200
    case .oneStepHTTP, .oneStepSQL: 64
    case .latency, .signalLatency, .schedules, .replay, .longRun, .takeover, .streams, .uploads: 1
    }
  }

  /// Whether its rows are compared with a bare insert of the same rows.
  var hasBound: Bool { ![.takeover, .check, .streams, .uploads, .steady].contains(self) }

  /// Whether a long run of it is nothing but its small parts one after the other: then `--count` is shared by the rounds.
  var isDivisible: Bool {
    switch self {
    case .parked, .schedules, .replay, .check, .longRun, .takeover, .streams, .uploads, .steady: false
    default: true
    }
  }
}

/// What to measure and how to show it.
struct BenchmarkOptions: Sendable {
  /// Nil for all that have a target, but `steady`.
  var workload: Workload?
  /// Workflows, for `replay` events, for `long-run` steps, for `takeover` and `check` runs, for `uploads` MiB; nil for the workload's own. A divisible workload shares it
  /// out among its rounds.
  var count: Int?
  /// Workflows at a time; nil for the workload's own.
  var inFlight: Int?
  /// Rounds of bound and workload in turn; nil for 5 of everything, 1 of a single workload.
  var rounds: Int?
  /// Worker processes of `remote-activities`; nil for two, and for 1, 2 and 4
  /// where all workloads are measured.
  var workers: Int?
  /// Minutes of `steady`, and half as many with somebody's snapshot open.
  var minutes = 10
  /// A tenth of everything, two rounds: shows that it works, not how fast.
  var isQuick = false
  /// One JSON object a line instead of a table.
  var isJSON = false
}
