import Foundation
import Orchestrator
import PostgreSQL

/// `bench`: measures this build on a PostgreSQL, in databases of its own that are gone afterwards.
enum BenchCommand {
  /// Measures one workload, or all that have targets, and prints JSON lines or the targets with what was measured; progress goes to standard
  /// error, every round's figures to a file.
  static func run(_ arguments: inout Arguments) async throws {
    let options = try BenchmarkOptions(&arguments)
    var configuration = try Configuration(&arguments)
    try arguments.finish()
    // A cluster of its own: a running `dev` is not disturbed, and nothing of its data is measured.
    configuration.dataFolder += "/bench"
    Log.setLevel(.warning)
    let shutdown = try ShutdownSignal()
    let results = try BenchmarkResults(folder: ConfiguredDatabase.absolute(configuration.dataFolder))
    let (server, cluster) = try ConfiguredDatabase.open(configuration)
    let session = BenchmarkSession(
      server: server, migrations: Schema.migrations, program: try BenchmarkProgram.running(), results: results)
    session.end(at: shutdown, cluster)
    let result: Result<[BenchmarkRounds], any Error>
    do {
      result = .success(try await session.measure(options))
    } catch {
      result = .failure(error)
    }
    try cluster?.stop()
    let measured = try result.get()
    session.progress.say("every round's figures are in \(results.path)")
    if !options.isJSON { print(measured, options) }
  }

  private static func print(_ measured: [BenchmarkRounds], _ options: BenchmarkOptions) {
    let output = TerminalOutput.standard
    let medians = measured.map(\.median)
    let bound = medians.map(\.boundRowsPerSecond).filter { $0 > 0 }.percentile(0.5)
    let commit = medians.map(\.commitMs).filter { $0 > 0 }.percentile(0.5)
    output.write(BenchmarkVerdict.table(BenchmarkVerdict.rows(measured), hasColour: output.hasColour) + "\n")
    if bound > 0 {
      output.write(
        String(
          format: "A bare insert of history rows makes %.0f rows/s, a bare commit of one row takes %.3f ms (medians).\n", bound, commit))
    }
    if options.isQuick { output.write("Quick: this shows that everything works, not how fast it is.\n") }
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
    rounds = try arguments.number("--rounds", in: 1...1000)
    workers = try arguments.number("--workers", in: 1...64)
    minutes = try arguments.number("--minutes", in: 1...10_000) ?? minutes
    isQuick = arguments.flag("--quick")
    isJSON = arguments.flag("--json")
  }
}
