import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import orchestratord

/// The benchmark measures what it says; how fast is not a matter of tests.
@Suite(.serialized) struct BenchmarkTests {
  private func measure(_ workload: Workload, count: Int, inFlight: Int) async throws -> BenchmarkReport {
    let session = BenchmarkSession(server: try TestCluster.createDatabase(), migrations: Schema.migrations)
    var options = BenchmarkOptions()
    options.workload = workload
    options.count = count
    options.inFlight = inFlight
    return try #require(try await session.measure(options).first)
  }

  @Test("A sequential step is two rows and, alone, one commit")
  func chain() async throws {
    let report = try await measure(.chain, count: 5, inFlight: 1)
    #expect(report.stepRowsPerUnit == 2)
    #expect(report.historyRowsPerUnit == 2.2)
    // One for each step, one to start, and what the process writes of itself meanwhile; never less than one a step.
    #expect(report.commitsPerUnit >= 1)
    #expect(report.boundRowsPerSecond > 0 && report.commitMs > 0 && report.walBytesPerUnit > 0)
  }

  @Test("Every workload comes to its end", arguments: Workload.allCases)
  func all(_ workload: Workload) async throws {
    let report = try await measure(workload, count: workload == .replay ? 1_000 : 30, inFlight: 10)
    #expect(report.perSecond > 0)
    #expect(report.unit == workload.unit)
  }

  @Test("A report is one line of JSON with every figure by its name")
  func json() throws {
    var report = BenchmarkReport(workload: "chain", count: 3, inFlight: 2, seconds: 1.5, perSecond: 20.123456, unit: "step")
    report.details = ["start_seconds": 0.25]
    let line = try report.json()
    #expect(!line.contains("\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    let names = [
      "workload", "count", "in_flight", "seconds", "per_second", "unit", "history_rows_per_unit", "commits_per_unit", "wal_bytes_per_unit",
      "bound_rows_per_second", "bound_ratio", "commit_ms", "p50_ms", "p99_ms", "peak_rss_bytes", "start_seconds",
    ]
    for name in names { #expect(object[name] != nil, "\(name) is missing") }
    #expect(object["per_second"] as? Double == 20.123)
  }

  @Test("Percentiles are values that were measured")
  func percentiles() {
    let values = (1...100).map(Double.init).shuffled()
    #expect(values.percentile(0.5) == 51)
    #expect(values.percentile(0.99) == 100)
    #expect([Double]().percentile(0.5) == 0)
  }
}
