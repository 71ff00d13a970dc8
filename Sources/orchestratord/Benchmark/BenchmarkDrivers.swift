import Orchestrator
import PostgreSQL

/// Puts up what a workload needs around it (an engine in this process, or processes of their own) and takes it down again.
struct BenchmarkDrivers: Sendable {
  let run: BenchmarkRun

  /// Runs the body with the workload ready to be done.
  func with(_ workload: Workload, _ body: (any BenchmarkDriver) async throws -> Void) async throws {
    switch workload {
    case .oneStepHTTP, .oneStepSQL, .streams: try await withServer(workload, body)
    case .takeover: try await body(Takeover(run: run))
    case .uploads: try await body(ResumedUpload(run: run))
    case .replay: try await body(ReplayedRuns(database: run.database))
    default: try await withEngine(run.database.engine) { try await body(driver(workload, $0)) }
    }
  }

  private func driver(_ workload: Workload, _ client: Client) -> any BenchmarkDriver {
    let units = WorkloadUnits(client)
    return switch workload {
    case .parked: ParkedRuns(inFlight: run.inFlight, database: run.database, client: client, progress: run.progress)
    case .schedules: ScheduledStarts(database: run.database)
    case .check: CheckedRuns(inFlight: run.inFlight, database: run.database, client: client, progress: run.progress)
    case .longRun: LongRun(database: run.database, client: client)
    case .remoteActivities: WorkerScaling(run: run, client: client)
    case .chain: UnitDriver(run.inFlight, workload, units.chain)
    case .inlineChain: UnitDriver(run.inFlight, workload, units.inlineChain)
    case .signalLatency: UnitDriver(run.inFlight, workload, units.signal)
    case .children: UnitDriver(run.inFlight, workload, units.children)
    case .signals: UnitDriver(run.inFlight, workload, units.signals)
    case .updates: UnitDriver(run.inFlight, workload, units.updates)
    default: UnitDriver(run.inFlight, workload, units.oneStep)
    }
  }

  /// Runs the body with an engine that is shut down afterwards.
  private func withEngine(_ database: ConnectionConfiguration, _ body: (Client) async throws -> Void) async throws {
    let engine = try Engine(BenchmarkSteps.configuration(database), BenchmarkSteps.registry)
    engine.start()
    let result: Result<Void, any Error>
    do {
      try await engine.waitUntilReady()
      try await body(engine.client)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    await engine.shutdown()
    try result.get()
  }

  /// Runs the body with a serving process; this process owns no slots.
  private func withServer(_ workload: Workload, _ body: (any BenchmarkDriver) async throws -> Void) async throws {
    let server = try await BenchmarkProcess.start(.server, run.program, run.database.engine)
    let result: Result<Void, any Error>
    do {
      switch workload {
      case .streams: try await body(IdleStreams(server: server, database: run.database, progress: run.progress))
      case .oneStepHTTP: try await body(HTTPStarts(url: server.word, inFlight: run.inFlight, database: run.database))
      default: try await body(try SQLStarts(inFlight: run.inFlight, database: run.database))
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    await server.stop()
    try result.get()
  }
}

/// A workload of many equal units, so many in flight.
struct UnitDriver: BenchmarkDriver {
  private let inFlight: Int
  private let workload: Workload
  private let unit: @Sendable (Int) async throws -> Double

  init(_ inFlight: Int, _ workload: Workload, _ unit: @escaping @Sendable (Int) async throws -> Double) {
    (self.inFlight, self.workload, self.unit) = (inFlight, workload, unit)
  }

  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let begun = ContinuousClock.now
    let times = try await LoadDriver(inFlight: inFlight).run(numbers, unit)
    return BenchmarkTally(
      seconds: (ContinuousClock.now - begun).seconds, units: numbers.count * workload.unitsPerCount, times: times)
  }
}
