import Foundation
import Orchestrator
import PostgreSQL
import Synchronization

/// The workloads of one call, each on fresh databases.
final class BenchmarkSession: Sendable {
  let progress = BenchmarkProgress()
  private let server: ConnectionConfiguration
  private let migrations: [Migration]
  private let program: BenchmarkProgram
  private let results: BenchmarkResults?
  private let current = Mutex<BenchmarkDatabase?>(nil)

  /// - Parameter results: where every round's figures go; nil keeps none.
  init(server: ConnectionConfiguration, migrations: [Migration], program: BenchmarkProgram, results: BenchmarkResults? = nil) {
    self.server = server
    self.migrations = migrations
    self.program = program
    self.results = results
  }

  func measure(_ options: BenchmarkOptions) async throws -> [BenchmarkRounds] {
    var measured: [BenchmarkRounds] = []
    let workloads = options.workload.map { [$0] } ?? Workload.allCases.filter { $0 != .steady }
    for (index, workload) in workloads.enumerated() {
      progress.say("\(workload.rawValue), \(index + 1) of \(workloads.count)")
      let rounds = try await measure(workload, options)
      measured.append(rounds)
      if options.isJSON { print(try rounds.median.json()) }
    }
    progress.say("done")
    return measured
  }

  private func measure(_ workload: Workload, _ options: BenchmarkOptions) async throws -> BenchmarkRounds {
    let (server, migrations) = (server, migrations)
    let database = try await onOwnThread { try BenchmarkDatabase(server, migrations) }
    current.withLock { $0 = database }
    let result: Result<BenchmarkRounds, any Error>
    do {
      result = .success(try await measure(workload, options, database))
    } catch {
      result = .failure(error)
    }
    current.withLock { $0 = nil }
    try await onOwnThread { try database.drop() }
    return try result.get()
  }

  private func measure(
    _ workload: Workload, _ options: BenchmarkOptions, _ database: BenchmarkDatabase
  ) async throws -> BenchmarkRounds {
    let plan = BenchmarkPlan(workload, options)
    if workload == .steady {
      let steady = SteadyRun(
        count: plan.count, inFlight: plan.inFlight, duration: plan.duration, database: database, progress: progress)
      return try await steady.measure { [results] in try results?.add($0) }
    }
    let run = BenchmarkRun(
      workload: workload, count: plan.count, rounds: plan.rounds, inFlight: plan.inFlight, workers: plan.workers, database: database,
      program: program, progress: progress)
    return try await run.measure { [results] in try results?.add($0) }
  }

  /// Leaves nothing behind when a person interrupts it.
  func end(at shutdown: ShutdownSignal, _ cluster: EmbeddedPostgreSQL?) {
    Task.detached {
      await shutdown.wait()
      try? self.current.withLock { $0 }?.drop()
      try? cluster?.stop()
      exit(130)
    }
  }
}

/// What the options and the workload's own numbers come to. Pure.
struct BenchmarkPlan {
  /// Of one round.
  let count: Int
  let rounds: Int
  let inFlight: Int
  let workers: [Int]
  let duration: Duration

  private static let standardRounds = 5
  private static let quickRounds = 2

  init(_ workload: Workload, _ options: BenchmarkOptions) {
    // Uploads show what survives, once.
    let standardRounds = options.workload == nil && workload != .uploads ? Self.standardRounds : 1
    rounds = options.rounds ?? (options.isQuick && workload != .uploads ? Self.quickRounds : standardRounds)
    inFlight = options.inFlight ?? workload.standardInFlight
    if let asked = options.count {
      count = workload.isDivisible ? max(1, asked / rounds) : asked
    } else {
      count = options.isQuick ? max(1, workload.standardCount / 10) : workload.standardCount
    }
    workers = options.workers.map { [$0] } ?? (options.workload == nil ? [1, 2, 4] : [2])
    duration = options.isQuick ? .seconds(6) : .minutes(options.minutes)
  }
}

/// One line on standard error that says what is being done.
struct BenchmarkProgress: Sendable {
  func say(_ text: String) {
    FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
  }
}
