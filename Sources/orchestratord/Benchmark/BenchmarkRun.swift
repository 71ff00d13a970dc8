import Orchestrator
import PostgreSQL

/// One workload on one pair of fresh databases: a warm-up, then parts of the workload and measurements of the bound in turn.
struct BenchmarkRun: Sendable {
  let workload: Workload
  /// Workflows, or events, or steps: what the workload counts.
  let count: Int
  let inFlight: Int
  let database: BenchmarkDatabase
  let progress: BenchmarkProgress

  private static let boundTime = Duration.milliseconds(400)
  private static let sampleRows = 20_000

  /// What was counted while the clock ran.
  struct Tally: Sendable {
    var seconds = 0.0
    var units = 0
    /// User and system time of this process.
    var processorSeconds = 0.0
    var position = ServerPosition()
    var times: [Double] = []
    var details: [String: Double] = [:]
  }

  func measure() async throws -> BenchmarkReport {
    ResidentMemory.resetPeak()
    progress.say("\(workload.rawValue): warming up")
    try await withEngine { try await warmUp($0) }
    let sample = try await onOwnThread { [database] in try database.sample(Self.sampleRows) }
    let rowsBefore = try await onOwnThread { [database] in try database.historyRows() }
    let bound = BoundMeasurement(database: database, rows: sample)
    var bounds: [BoundMeasurement.Figures] = []
    var tally = Tally()
    try await onOwnThread { [database] in try database.checkpoint() }
    try await withEngine { client in
      for round in 0..<rounds {
        bounds.append(try await measureBound(bound))
        progress.say("\(workload.rawValue): part \(round + 1) of \(rounds)")
        try await drive(part(round), client, &tally)
      }
      bounds.append(try await measureBound(bound))
    }
    let rowsAfter = try await onOwnThread { [database] in try database.historyRows() }
    return report(tally, bounds, rows: rowsAfter.all - rowsBefore.all, stepRows: rowsAfter.steps - rowsBefore.steps)
  }

  private var rounds: Int { count >= 10 * inFlight ? workload.rounds : 1 }

  private func part(_ round: Int) -> Range<Int> { count * round / rounds..<count * (round + 1) / rounds }

  private func measureBound(_ bound: BoundMeasurement) async throws -> BoundMeasurement.Figures {
    progress.say("\(workload.rawValue): the bound")
    return try await onOwnThread { try bound.measure(for: Self.boundTime) }
  }

  private func warmUp(_ client: Client) async throws {
    let size = max(20, min(count, inFlight))
    let numbers = count..<count + size
    switch workload {
    case .replay: _ = try await LoadDriver(inFlight: 100).run(numbers) { try await WorkloadUnits(client).chain($0) }
    case .parked, .longRun: _ = try await LoadDriver(inFlight: inFlight).run(numbers) { try await WorkloadUnits(client).oneStep($0) }
    default: _ = try await LoadDriver(inFlight: inFlight).run(numbers, unit(client))
    }
  }

  private func unit(_ client: Client) -> @Sendable (Int) async throws -> Double {
    let units = WorkloadUnits(client)
    return switch workload {
    case .chain: units.chain
    case .inlineChain: units.inlineChain
    case .remoteActivities: units.remoteStep
    case .signalLatency: units.signal
    case .oneStep, .latency, .parked, .replay, .longRun: units.oneStep
    }
  }

  private func drive(_ numbers: Range<Int>, _ client: Client, _ tally: inout Tally) async throws {
    let before = try await onOwnThread { [database] in try database.position() }
    let cpuBefore = ProcessorTime.ofThisProcess()
    let begun = ContinuousClock.now
    switch workload {
    case .parked:
      try await ParkedRuns(count: count, inFlight: inFlight, database: database, progress: progress).drive(client, &tally)
    case .replay: try await ReplayedRuns(events: count, database: database).drive(&tally)
    case .longRun:
      let times = try await client.start(BenchmarkLongRun.self, id: "long-run", input: count).result()
      tally.seconds += (ContinuousClock.now - begun).seconds
      tally.times = [times.firstTenthMilliseconds, times.lastTenthMilliseconds]
      tally.details = [
        "first_tenth_step_ms": times.firstTenthMilliseconds, "last_tenth_step_ms": times.lastTenthMilliseconds,
      ]
      tally.units = count
    default:
      tally.times += try await LoadDriver(inFlight: inFlight).run(numbers, unit(client))
      tally.seconds += (ContinuousClock.now - begun).seconds
      tally.units += numbers.count * workload.unitsPerCount
    }
    tally.processorSeconds += ProcessorTime.ofThisProcess() - cpuBefore
    let after = try await onOwnThread { [database] in try database.position() }
    tally.position = tally.position + (after - before)
  }

  private func report(_ tally: Tally, _ bounds: [BoundMeasurement.Figures], rows: Int, stepRows: Int) -> BenchmarkReport {
    let units = Double(max(1, tally.units))
    var report = BenchmarkReport(
      workload: workload.rawValue, count: count, inFlight: inFlight, seconds: tally.seconds, perSecond: units / tally.seconds,
      unit: workload.unit)
    report.historyRowsPerUnit = Double(rows) / units
    report.stepRowsPerUnit = Double(stepRows) / units
    report.commitsPerUnit = Double(tally.position.transactions) / units
    report.walBytesPerUnit = Double(tally.position.wal) / units
    report.historyRowsPerSecond = Double(rows) / tally.seconds
    report.boundRowsPerSecond = bounds.map(\.rowsPerSecond).percentile(0.5)
    report.boundWalBytesPerRow = bounds.map(\.walBytesPerRow).percentile(0.5)
    report.boundRatio = report.historyRowsPerSecond / report.boundRowsPerSecond
    report.commitMs = bounds.flatMap(\.commitMilliseconds).percentile(0.5)
    report.p50Ms = tally.times.percentile(0.5)
    report.p99Ms = tally.times.percentile(0.99)
    report.processorMicroseconds = tally.processorSeconds * 1_000_000 / units
    report.peakRssBytes = ResidentMemory.peakBytes()
    report.details = tally.details
    return report
  }

  /// Runs the body with an engine, and for remote activities with a worker, that are shut down afterwards.
  private func withEngine(_ body: (Client) async throws -> Void) async throws {
    var configuration = EngineConfiguration(database: database.engine, build: "benchmark")
    configuration.localTaskQueues = ["default": max(50, inFlight)]
    let engine = try Engine(configuration, BenchmarkSteps.registry)
    engine.start()
    let worker = try workload == .remoteActivities ? makeWorker() : nil
    let working = Task { await worker?.run() }
    let result: Result<Void, any Error>
    do {
      try await engine.waitUntilReady()
      result = .success(try await body(engine.client))
    } catch {
      result = .failure(error)
    }
    worker?.stop()
    await working.value
    await engine.shutdown()
    try result.get()
  }

  private func makeWorker() throws -> ActivityWorker {
    try ActivityWorker(
      ActivityWorkerConfiguration(database: database.engine, taskQueues: [BenchmarkSteps.remoteQueue: max(50, inFlight)]),
      BenchmarkSteps.registry)
  }
}
