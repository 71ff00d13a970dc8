import Foundation
import Orchestrator
import PostgreSQL
import Synchronization

/// Half of what the machine can do, for minutes, with retention on: what grows? Then with somebody's snapshot open as well.
struct SteadyRun: Sendable {
  /// Chains for the measurement of the maximum.
  let count: Int
  let inFlight: Int
  /// Of the first part; the second takes half of it.
  let duration: Duration
  let database: BenchmarkDatabase
  let progress: BenchmarkProgress

  private static let samples = 60

  /// - Parameter sampled: told of every sample as soon as it is taken.
  func measure(_ sampled: @escaping (BenchmarkReport) throws -> Void = { _ in }) async throws -> BenchmarkRounds {
    ResidentMemory.resetPeak()
    var configuration = BenchmarkSteps.configuration(database.engine)
    configuration.retention = duration / 10
    let engine = try Engine(configuration, BenchmarkSteps.registry)
    engine.start()
    let result: Result<BenchmarkReport, any Error>
    do {
      try await engine.waitUntilReady()
      result = .success(try await measure(engine.client, sampled))
    } catch {
      result = .failure(error)
    }
    await engine.shutdown()
    return BenchmarkRounds(workload: .steady, rounds: [try result.get()])
  }

  private func measure(_ client: Client, _ sampled: @escaping (BenchmarkReport) throws -> Void) async throws -> BenchmarkReport {
    progress.say("steady: looking for the maximum")
    let units = WorkloadUnits(client)
    let maximum = try await UnitDriver(inFlight, .steady, units.chain).measure(0..<count)
    let chainsPerSecond = Double(count) / maximum.seconds / 2
    let load = OpenLoad(perSecond: chainsPerSecond, first: count, unit: units.chain)
    let running = Task { try await load.run() }
    let before: [SteadySample]
    let beside: [SteadySample]
    do {
      before = try await sample(load, for: duration, "alone", sampled)
      let foreign = try Database(database.engine, maximumConnections: 1)
      beside = try await foreign.transaction(isolation: .repeatableRead) { transaction in
        _ = try await transaction.query(BenchmarkStatements.holdSnapshot)
        return try await sample(load, for: duration / 2, "beside a snapshot", sampled)
      }
      await foreign.shutdown()
    } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    running.cancel()
    _ = await running.result
    return report(SteadyVerdict(before: before, beside: beside, offered: chainsPerSecond), maximum)
  }

  private func sample(
    _ load: OpenLoad, for duration: Duration, _ part: String, _ sampled: (BenchmarkReport) throws -> Void
  ) async throws -> [SteadySample] {
    let clock = ContinuousClock()
    let (begun, interval) = (clock.now, self.duration / Self.samples)
    var samples: [SteadySample] = []
    var last = begun
    _ = load.take()
    while last - begun < duration {
      try await clock.sleep(until: last + interval)
      let now = clock.now
      let sample = try await SteadySample.take(load, seconds: (now - last).seconds, database)
      last = now
      samples.append(sample)
      try sampled(sample.report(samples.count, part))
      let megabytes = sample.residentBytes / 1_000_000
      progress.say(
        "steady, \(part): \(Int((now - begun).seconds)) of \(Int(duration.seconds)) s, \(Int(sample.stepsPerSecond)) steps/s, "
          + String(format: "p50 %.1f ms, %.0f MB, %.0f dead rows", sample.p50, megabytes, sample.deadRows))
      if let failure = load.failure { throw failure }
    }
    return samples
  }

  private func report(_ verdict: SteadyVerdict, _ maximum: BenchmarkTally) -> BenchmarkReport {
    var report = BenchmarkReport(
      workload: Workload.steady.rawValue, count: count, inFlight: inFlight, seconds: duration.seconds,
      perSecond: verdict.stepsPerSecond, unit: Workload.steady.unit)
    report.p50Ms = verdict.p50
    report.p99Ms = verdict.p99
    report.peakRssBytes = ResidentMemory.peakBytes()
    report.details = verdict.details
    report.details["maximum_per_second"] = Double(maximum.units) / maximum.seconds
    return report
  }
}

/// Begins so many units a second, whether those before have ended or not; times count from when a unit should have begun.
final class OpenLoad: Sendable {
  private struct State {
    var times: [Double] = []
    var running = 0
    var failure: (any Error)?
  }

  private static let mostRunning = 20_000
  private let perSecond: Double
  private let first: Int
  private let unit: @Sendable (Int) async throws -> Double
  private let state = Mutex(State())

  init(perSecond: Double, first: Int, unit: @escaping @Sendable (Int) async throws -> Double) {
    (self.perSecond, self.first, self.unit) = (perSecond, first, unit)
  }

  /// Until the task is cancelled; what is under way then is not waited for.
  func run() async throws {
    let begun = ContinuousClock.now
    var started = 0
    try await withThrowingDiscardingTaskGroup { group in
      while !Task.isCancelled {
        let due = Int((ContinuousClock.now - begun).seconds * perSecond)
        while started < due {
          let shouldBegin = begun + .seconds(Double(started) / perSecond)
          let number = first + started
          started += 1
          guard admit() else { continue }
          group.addTask { await self.perform(number, since: shouldBegin) }
        }
        try await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  /// What is not begun because too much is under way counts as not done.
  private func admit() -> Bool {
    state.withLock { state in
      guard state.running < Self.mostRunning else { return false }
      state.running += 1
      return true
    }
  }

  private func perform(_ number: Int, since begun: ContinuousClock.Instant) async {
    do {
      _ = try await unit(number)
      let milliseconds = (ContinuousClock.now - begun).seconds * 1000
      state.withLock { state in
        state.running -= 1
        state.times.append(milliseconds)
      }
    } catch {
      state.withLock { state in
        state.running -= 1
        if !(error is CancellationError) { state.failure = state.failure ?? error }
      }
    }
  }

  /// The times of the units that ended since the last call.
  func take() -> [Double] {
    state.withLock { state in
      defer { state.times = [] }
      return state.times
    }
  }

  /// Of the first unit that failed.
  var failure: (any Error)? { state.withLock { $0.failure } }
}
