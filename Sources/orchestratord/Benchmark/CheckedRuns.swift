import Orchestrator
import PostgreSQL

/// Open runs that have ten steps behind them, replayed against this build as before a deploy.
struct CheckedRuns: BenchmarkDriver {
  let inFlight: Int
  let database: BenchmarkDatabase
  let client: Client
  let progress: BenchmarkProgress

  /// - Parameter numbers: as many runs are started, and checked with all that earlier rounds left open.
  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    progress.say("check: starting \(numbers.count) runs")
    let parkedBefore = try await database.figure(BenchmarkStatements.parkedRuns)
    _ = try await LoadDriver(inFlight: inFlight).run(numbers) { number in
      try await client.start(BenchmarkOpenChain.self, id: "open-\(number)", input: BenchmarkPayload(number))
      return 0
    }
    _ = try await database.wait(for: BenchmarkStatements.parkedRuns, toReach: parkedBefore + numbers.count)
    progress.say("check: replaying all open runs")
    let begun = ContinuousClock.now
    let check = try await client.checkOpenRuns()
    let seconds = (ContinuousClock.now - begun).seconds
    guard check.groups.isEmpty else { throw BenchmarkError("the benchmark's own runs do not replay: \(check.groups)") }
    guard check.runs >= numbers.count else { throw BenchmarkError("only \(check.runs) of \(numbers.count) open runs were checked") }
    return BenchmarkTally(
      seconds: seconds, units: check.runs, details: ["check_seconds": seconds, "events_per_second": Double(check.events) / seconds])
  }
}
