import Orchestrator
import PostgreSQL

/// What was seen of a steady load within one interval.
struct SteadySample: Sendable {
  var stepsPerSecond: Double
  /// Milliseconds of a chain, from when it should have begun to its result.
  var p50: Double
  var p99: Double
  var residentBytes: Double
  var deadRows: Double
  var tableBytes: Double
  var indexBytes: Double

  static func take(_ load: OpenLoad, seconds: Double, _ database: BenchmarkDatabase) async throws -> SteadySample {
    let times = load.take()
    let bloat = try await onOwnThread {
      let rows = try PipelineConnection(database.engine).run((BenchmarkStatements.bloat, Parameters()))[0]
      return try (0..<3).map { Double(try rows.int64(0, $0)) }
    }
    return SteadySample(
      stepsPerSecond: Double(times.count * BenchmarkSteps.stepsPerChain) / seconds, p50: times.percentile(0.5),
      p99: times.percentile(0.99), residentBytes: Double(ResidentMemory.bytes()), deadRows: bloat[0], tableBytes: bloat[1],
      indexBytes: bloat[2])
  }

  /// As a line of the raw figures.
  func report(_ number: Int, _ part: String) -> BenchmarkReport {
    var report = BenchmarkReport(
      workload: "steady, \(part)", count: 0, inFlight: 0, seconds: 0, perSecond: stepsPerSecond, unit: Workload.steady.unit)
    report.round = number
    report.p50Ms = p50
    report.p99Ms = p99
    report.details = [
      "rss_bytes": residentBytes, "dead_rows": deadRows, "table_bytes": tableBytes, "index_bytes": indexBytes,
    ]
    return report
  }
}

/// What the samples say: the means of the last third beside those of the first, once the beginning is over.
struct SteadyVerdict {
  /// The load alone, then with a foreign snapshot open.
  let before: [SteadySample]
  let beside: [SteadySample]
  /// Chains begun a second.
  let offered: Double

  /// Twice the retention: until then there is nothing to remove, and everything grows.
  private var settled: ArraySlice<SteadySample> { before.dropFirst(before.count / 5) }

  var stepsPerSecond: Double { mean(settled, \.stepsPerSecond) }
  var p50: Double { settled.map(\.p50).percentile(0.5) }
  var p99: Double { settled.map(\.p99).percentile(0.5) }

  var details: [String: Double] {
    [
      "offered_per_second": offered * Double(BenchmarkSteps.stepsPerChain),
      "done_to_offered": stepsPerSecond / (offered * Double(BenchmarkSteps.stepsPerChain)),
      "rss_growth": growth(\.residentBytes), "dead_rows_growth": growth(\.deadRows), "table_bytes_growth": growth(\.tableBytes),
      "index_bytes_growth": growth(\.indexBytes), "p50_growth": growth(\.p50), "p99_growth": growth(\.p99),
      "snapshot_to_before": mean(beside.suffix(max(1, beside.count / 2)), \.stepsPerSecond) / stepsPerSecond,
      "snapshot_p50_ms": beside.suffix(max(1, beside.count / 2)).map(\.p50).percentile(0.5),
    ]
  }

  private func growth(_ figure: (SteadySample) -> Double) -> Double {
    let third = max(1, settled.count / 3)
    // One more of each: from nothing to nothing is no growth.
    return (mean(settled.suffix(third), figure) + 1) / (mean(settled.prefix(third), figure) + 1)
  }

  private func mean(_ samples: some Collection<SteadySample>, _ figure: (SteadySample) -> Double) -> Double {
    samples.isEmpty ? 0 : samples.reduce(0) { $0 + figure($1) } / Double(samples.count)
  }
}
