import Foundation
import Orchestrator
import PostgreSQL

/// `orchestratord bench`: measures this build on a PostgreSQL, in databases of its own that are gone afterwards.
enum BenchCommand {
  /// Measures one workload, or all in small, and prints JSON lines or a table; progress goes to standard error.
  /// - Parameter database: a server on which this user may create databases.
  /// - Returns: the exit status.
  static func run(_ options: BenchmarkOptions, database: ConnectionConfiguration, migrations: [Migration]) async throws -> Int32 {
    let progress = BenchmarkProgress()
    var reports: [BenchmarkReport] = []
    for workload in options.workload.map({ [$0] }) ?? Workload.allCases {
      let report = try await measure(workload, options, database, migrations, progress)
      reports.append(report)
      if options.isJSON { print(try report.json()) }
    }
    progress.end()
    if !options.isJSON { print(BenchmarkTable.text(reports)) }
    return 0
  }

  private static func measure(
    _ workload: Workload, _ options: BenchmarkOptions, _ server: ConnectionConfiguration, _ migrations: [Migration],
    _ progress: BenchmarkProgress
  ) async throws -> BenchmarkReport {
    let database = try await onOwnThread { try BenchmarkDatabase(server, migrations) }
    let run = BenchmarkRun(
      workload: workload, count: max(1, options.count ?? workload.smallCount), inFlight: max(1, options.inFlight ?? workload.smallInFlight),
      database: database, progress: progress)
    let result: Result<BenchmarkReport, any Error>
    do {
      result = .success(try await run.measure())
    } catch {
      result = .failure(error)
    }
    try await onOwnThread { try database.drop() }
    return try result.get()
  }
}

/// One line on standard error that says what is being done.
struct BenchmarkProgress: Sendable {
  func say(_ text: String) {
    FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
  }

  func end() {
    say("done")
  }
}
