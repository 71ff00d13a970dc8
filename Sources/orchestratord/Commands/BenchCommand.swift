import Foundation
import Orchestrator
import PostgreSQL
import Synchronization

/// `bench`: measures this build on a PostgreSQL, in databases of its own that are gone afterwards.
enum BenchCommand {
  /// Measures one workload, or all in small, and prints JSON lines or a table; progress goes to standard error.
  static func run(_ arguments: inout Arguments) async throws {
    let options = try BenchmarkOptions(&arguments)
    var configuration = try Configuration(&arguments)
    try arguments.finish()
    // A cluster of its own: a running `dev` is not disturbed, and nothing of its data is measured.
    configuration.dataFolder += "/bench"
    Log.setLevel(.warning)
    let shutdown = try ShutdownSignal()
    let (server, cluster) = try ConfiguredDatabase.open(configuration)
    let measurement = BenchmarkSession(server: server, migrations: Schema.migrations)
    measurement.end(at: shutdown, cluster)
    let result: Result<[BenchmarkReport], any Error>
    do {
      result = .success(try await measurement.measure(options))
    } catch {
      result = .failure(error)
    }
    try cluster?.stop()
    let reports = try result.get()
    if !options.isJSON { print(BenchmarkTable.text(reports)) }
  }
}

extension BenchmarkOptions {
  fileprivate init(_ arguments: inout Arguments) throws(UsageError) {
    if let name = try arguments.option("--workload") {
      guard let workload = Workload(rawValue: name) else {
        throw UsageError("the workloads are \(Workload.allCases.map(\.rawValue).joined(separator: ", ")), not '\(name)'")
      }
      self.workload = workload
    }
    count = try arguments.number("--count", in: 1...5_000_000)
    inFlight = try arguments.number("--in-flight", in: 1...100_000)
    isJSON = arguments.flag("--json")
  }
}

/// The workloads of one call, each on fresh databases.
final class BenchmarkSession: Sendable {
  private let server: ConnectionConfiguration
  private let migrations: [Migration]
  private let progress = BenchmarkProgress()
  private let current = Mutex<BenchmarkDatabase?>(nil)

  init(server: ConnectionConfiguration, migrations: [Migration]) {
    self.server = server
    self.migrations = migrations
  }

  func measure(_ options: BenchmarkOptions) async throws -> [BenchmarkReport] {
    var reports: [BenchmarkReport] = []
    for workload in options.workload.map({ [$0] }) ?? Workload.allCases {
      let report = try await measure(workload, options)
      reports.append(report)
      if options.isJSON { print(try report.json()) }
    }
    progress.say("done")
    return reports
  }

  private func measure(_ workload: Workload, _ options: BenchmarkOptions) async throws -> BenchmarkReport {
    let (server, migrations) = (server, migrations)
    let database = try await onOwnThread { try BenchmarkDatabase(server, migrations) }
    current.withLock { $0 = database }
    let run = BenchmarkRun(
      workload: workload, count: options.count ?? workload.smallCount, inFlight: options.inFlight ?? workload.smallInFlight,
      database: database, progress: progress)
    let result: Result<BenchmarkReport, any Error>
    do {
      result = .success(try await run.measure())
    } catch {
      result = .failure(error)
    }
    current.withLock { $0 = nil }
    try await onOwnThread { try database.drop() }
    return try result.get()
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

/// One line on standard error that says what is being done.
struct BenchmarkProgress: Sendable {
  func say(_ text: String) {
    FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
  }
}
