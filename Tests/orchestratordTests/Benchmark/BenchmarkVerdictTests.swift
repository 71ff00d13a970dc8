import Foundation
import Testing

@testable import orchestratord

/// What the benchmark makes of its figures, without measuring any.
@Suite struct BenchmarkVerdictTests {
  private func report(perSecond: Double = 1, boundRatio: Double = 0, round: Int? = nil) -> BenchmarkReport {
    var report = BenchmarkReport(workload: "chain", count: 3, inFlight: 2, seconds: 1.5, perSecond: perSecond, unit: "step")
    report.boundRatio = boundRatio
    report.round = round
    return report
  }

  @Test("A report is one line of JSON with every figure by its name")
  func json() throws {
    var report = report(perSecond: 20.123456)
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
    #expect(object["round"] == nil)
  }

  @Test("A figure passes or falls short by its median, whatever single rounds say")
  func words() throws {
    func word(_ ratios: [Double]) throws -> BenchmarkVerdict.Word {
      let rounds = BenchmarkRounds(workload: .chain, rounds: ratios.map { report(boundRatio: $0) })
      return try #require(BenchmarkVerdict.rows([rounds]).first { $0.target.figure == "history rows/s, of the bound" }).word
    }
    #expect(try word([0.9, 0.1, 0.66]) == .pass)
    #expect(try word([0.65]) == .pass)
    #expect(try word([0.9, 0.64, 0.2]) == .short)
  }

  @Test("What was not measured is said, and what nothing is asked of is neither pass nor short")
  func missing() {
    let rows = BenchmarkVerdict.rows([BenchmarkRounds(workload: .chain, rounds: [report()])])
    // Without a bound there is no ratio of the logs.
    #expect(rows.first { $0.target.figure.hasPrefix("WAL") }?.word == .missing)
    #expect(rows.first { $0.target.figure == "steps/s" }?.word == .reported)
    let text = BenchmarkVerdict.table(rows, hasColour: false)
    for word in ["at least 0.65", "short", "not measured", "median"] { #expect(text.contains(word)) }
  }

  @Test("Medians are taken figure by figure, counts are added up")
  func medians() {
    var rounds = [report(perSecond: 3, boundRatio: 9, round: 1), report(perSecond: 1, boundRatio: 5, round: 2), report(perSecond: 2)]
    for index in rounds.indices { rounds[index].details = ["x": Double(index * index)] }
    let median = BenchmarkReport.median(of: rounds)
    #expect(median.perSecond == 2 && median.boundRatio == 5 && median.details == ["x": 1] && median.count == 9 && median.round == nil)
    #expect([1.0, 2.0].median == 1.5)
  }

  @Test("Every workload has a target, and no figure of a workload is named twice")
  func targets() {
    #expect(Set(BenchmarkTarget.all.map(\.workload)) == Set(Workload.allCases))
    #expect(Set(BenchmarkTarget.all.map { "\($0.workload) \($0.figure)" }).count == BenchmarkTarget.all.count)
  }

  @Test("A count given is shared by the rounds where it can be; all targets take five rounds")
  func plan() {
    var options = BenchmarkOptions()
    #expect(BenchmarkPlan(.chain, options).rounds == 5)
    #expect(BenchmarkPlan(.remoteActivities, options).workers == [1, 2, 4])
    options.workload = .chain
    #expect(BenchmarkPlan(.chain, options).rounds == 1)
    #expect(BenchmarkPlan(.remoteActivities, options).workers == [2])
    (options.count, options.rounds) = (1000, 4)
    #expect(BenchmarkPlan(.chain, options).count == 250)
    #expect(BenchmarkPlan(.parked, options).count == 1000)
  }

  @Test("Growth is the last third beside the first, once the beginning is over")
  func growth() throws {
    let samples = (0..<50).map { number in
      SteadySample(
        stepsPerSecond: 100, p50: 1, p99: 2, residentBytes: number < 10 ? 9e9 : 1e6, deadRows: 0, tableBytes: 1e6 + 1e6 * Double(number),
        indexBytes: 1e6)
    }
    let verdict = SteadyVerdict(before: samples, beside: samples, offered: 10)
    #expect(verdict.details["rss_growth"] == 1)
    #expect(verdict.details["dead_rows_growth"] == 1)
    #expect(try #require(verdict.details["table_bytes_growth"]) > 2)
    #expect(verdict.details["done_to_offered"] == 1 && verdict.details["snapshot_to_before"] == 1)
  }

  @Test("Percentiles are values that were measured")
  func percentiles() {
    let values = (1...100).map(Double.init).shuffled()
    #expect(values.percentile(0.5) == 51)
    #expect(values.percentile(0.99) == 100)
    #expect([Double]().percentile(0.5) == 0)
  }
}
