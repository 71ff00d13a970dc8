import Orchestrator
import PostgreSQL

/// What one round of a workload did while the clock ran.
struct BenchmarkTally: Sendable {
  var seconds: Double
  var units: Int
  /// Milliseconds of single units.
  var times: [Double] = []
  /// What only this workload has, by name.
  var details: [String: Double] = [:]
}

/// A workload that is ready to be done in rounds.
protocol BenchmarkDriver: Sendable {
  /// Does units with these numbers; no number comes twice, for they become workflow ids.
  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally
}

/// One workload on one pair of fresh databases: a warm-up, then the bound, a round, the bound, a round and so on, so that what the machine does
/// besides hits both.
struct BenchmarkRun: Sendable {
  let workload: Workload
  /// Workflows, or events, or steps of each round: what the workload counts.
  let count: Int
  let rounds: Int
  let inFlight: Int
  /// Numbers of worker processes to measure with, in turn.
  let workers: [Int]
  let database: BenchmarkDatabase
  let program: BenchmarkProgram
  let progress: BenchmarkProgress

  private static let boundTime = Duration.milliseconds(400)
  private static let sampleRows = 20_000

  /// - Parameter finished: told of every round as soon as it is done.
  func measure(_ finished: (BenchmarkReport) throws -> Void = { _ in }) async throws -> BenchmarkRounds {
    ResidentMemory.resetPeak()
    progress.say("\(workload.rawValue): warming up")
    let driver = BenchmarkDrivers(run: self)
    if let warmUp = workload.warmUp {
      let size = max(20, min(count, inFlight))
      let first = (rounds + 1) * count
      try await driver.with(warmUp) { _ = try await $0.measure(first..<first + size) }
    }
    let bound = try await makeBound()
    try await onOwnThread { [database] in try database.checkpoint() }
    var reports: [BenchmarkReport] = []
    try await driver.with(workload) { driver in
      var before = try await measure(bound)
      for round in 1...rounds {
        progress.say("\(workload.rawValue): round \(round) of \(rounds)")
        let done = try await self.round(driver, (round - 1) * count..<round * count)
        let after = try await measure(bound)
        let report = report(done, before, after, round)
        try finished(report)
        reports.append(report)
        before = after
      }
    }
    return BenchmarkRounds(workload: workload, rounds: reports)
  }

  private func makeBound() async throws -> BoundMeasurement? {
    guard workload.hasBound else { return nil }
    let sample = try await onOwnThread { [database] in try database.sample(Self.sampleRows) }
    return BoundMeasurement(database: database, rows: sample)
  }

  private func measure(_ bound: BoundMeasurement?) async throws -> BoundMeasurement.Figures? {
    guard let bound else { return nil }
    return try await onOwnThread { try bound.measure(for: Self.boundTime) }
  }

  /// What a round did, and what the server wrote for it.
  private struct Round {
    let tally: BenchmarkTally
    /// User and system time of this process.
    let processorSeconds: Double
    let written: ServerPosition
    let rows: (all: Int, steps: Int)
  }

  private func round(_ driver: any BenchmarkDriver, _ numbers: Range<Int>) async throws -> Round {
    let rows = try await onOwnThread { [database] in try database.historyRows() }
    let position = try await onOwnThread { [database] in try database.position() }
    let processor = ProcessorTime.ofThisProcess()
    let tally = try await driver.measure(numbers)
    let processorSeconds = ProcessorTime.ofThisProcess() - processor
    let written = try await onOwnThread { [database] in try database.position() } - position
    let after = try await onOwnThread { [database] in try database.historyRows() }
    return Round(
      tally: tally, processorSeconds: processorSeconds, written: written, rows: (after.all - rows.all, after.steps - rows.steps))
  }

  private func report(
    _ round: Round, _ before: BoundMeasurement.Figures?, _ after: BoundMeasurement.Figures?, _ number: Int
  ) -> BenchmarkReport {
    let tally = round.tally
    let units = Double(max(1, tally.units))
    var report = BenchmarkReport(
      workload: workload.rawValue, count: count, inFlight: inFlight, seconds: tally.seconds, perSecond: units / tally.seconds,
      unit: workload.unit)
    report.round = number
    report.historyRowsPerUnit = Double(round.rows.all) / units
    report.stepRowsPerUnit = Double(round.rows.steps) / units
    report.commitsPerUnit = Double(round.written.transactions) / units
    report.walBytesPerUnit = Double(round.written.wal) / units
    report.historyRowsPerSecond = Double(round.rows.all) / tally.seconds
    if let before, let after {
      report.boundRowsPerSecond = [before.rowsPerSecond, after.rowsPerSecond].sorted().median
      report.boundWalBytesPerRow = [before.walBytesPerRow, after.walBytesPerRow].sorted().median
      report.boundRatio = report.historyRowsPerSecond / report.boundRowsPerSecond
      report.commitMs = (before.commitMilliseconds + after.commitMilliseconds).percentile(0.5)
    }
    report.p50Ms = tally.times.percentile(0.5)
    report.p99Ms = tally.times.percentile(0.99)
    report.processorMicroseconds = round.processorSeconds * 1_000_000 / units
    report.peakRssBytes = ResidentMemory.peakBytes()
    report.details = tally.details
    return report
  }
}

extension Workload {
  /// What writes the first rows: the sample of the bound is made of them.
  fileprivate var warmUp: Workload? {
    switch self {
    case .replay: .chain
    case .parked, .schedules, .longRun: .oneStep
    case .takeover, .check, .streams, .uploads, .steady: nil
    default: self
    }
  }
}
