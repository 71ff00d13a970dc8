import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import orchestratord

/// The benchmark measures what it says; how fast is not a matter of tests.
@Suite(.serialized) struct BenchmarkTests {
  /// Built beside this test's own executable.
  private static func program() throws -> BenchmarkProgram {
    let own = try BenchmarkProgram.running().path
    return BenchmarkProgram(path: URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "orchestratord").path)
  }

  private func measure(
    _ workload: Workload, count: Int, inFlight: Int, rounds: Int = 1, _ results: BenchmarkResults? = nil
  ) async throws -> BenchmarkRounds {
    let session = BenchmarkSession(
      server: try TestCluster.createDatabase(), migrations: Schema.migrations, program: try Self.program(), results: results)
    var options = BenchmarkOptions()
    options.workload = workload
    options.count = count
    options.inFlight = inFlight
    options.rounds = rounds
    options.workers = workload == .remoteActivities ? 2 : nil
    return try #require(try await session.measure(options).first)
  }

  @Test("A sequential step is two rows and, alone, one commit")
  func chain() async throws {
    let report = try await measure(.chain, count: 5, inFlight: 1).median
    #expect(report.stepRowsPerUnit == 2)
    #expect(report.historyRowsPerUnit == 2.2)
    // One for each step, one to start, and what the process writes of itself meanwhile; never less than one a step.
    #expect(report.commitsPerUnit >= 1)
    #expect(report.boundRowsPerSecond > 0 && report.commitMs > 0 && report.walBytesPerUnit > 0)
  }

  @Test("Every workload comes to its end and has every figure that is asked of it", arguments: Workload.allCases.filter { $0 != .steady })
  func all(_ workload: Workload) async throws {
    let measured = try await measure(workload, count: workload == .replay ? 1_000 : 30, inFlight: 10)
    #expect(measured.median.perSecond > 0)
    #expect(measured.median.unit == workload.unit)
    let rows = BenchmarkVerdict.rows([measured])
    #expect(!rows.isEmpty)
    // With a given number of workers there is nothing to compare.
    if workload != .remoteActivities { #expect(rows.filter { $0.word == .missing }.map(\.target.figure) == []) }
  }

  @Test("A steady load is sampled, retention runs beside it, and somebody's snapshot is open in its second part")
  func steady() async throws {
    let database = try BenchmarkDatabase(try TestCluster.createDatabase(), Schema.migrations)
    let samples = SampleLines()
    let measured = try await SteadyRun(
      count: 20, inFlight: 10, duration: .milliseconds(1_500), database: database, progress: BenchmarkProgress()
    ).measure { samples.lines.append($0.workload) }
    try database.drop()
    // A busy machine takes fewer.
    #expect(samples.lines.count <= 90)
    #expect(Set(samples.lines) == ["steady, alone", "steady, beside a snapshot"])
    #expect(BenchmarkVerdict.rows([measured]).filter { $0.word == .missing }.map(\.target.figure) == [])
  }

  @Test("Each round is a line of JSON in the file of raw figures")
  func rounds() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let results = try BenchmarkResults(folder: folder)
    let measured = try await measure(.oneStep, count: 60, inFlight: 10, rounds: 3, results)
    let lines = try String(contentsOfFile: results.path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 3 && measured.rounds.count == 3)
    #expect(measured.median.count == 60)
    for (index, line) in lines.enumerated() {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(object["round"] as? Int == index + 1)
      #expect(object["count"] as? Int == 20)
    }
  }
}

/// Filled by one task after the other.
private final class SampleLines {
  var lines: [String] = []
}
