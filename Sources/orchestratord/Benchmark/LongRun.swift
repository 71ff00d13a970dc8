import Orchestrator
import PostgreSQL

/// One run with very many steps: what its last ones cost beside its first, and how long it takes to bring it back into memory.
struct LongRun: BenchmarkDriver {
  let database: BenchmarkDatabase
  let client: Client

  private static let rebuilds = 5

  /// - Parameter numbers: one run with as many steps.
  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let begun = ContinuousClock.now
    let handle = try await client.start(BenchmarkLongRun.self, id: "long-\(numbers.lowerBound)", input: numbers.count)
    let times = try await handle.result()
    let seconds = (ContinuousClock.now - begun).seconds
    guard let runID = handle.runID else { throw BenchmarkError("the long run has no identifier") }
    let rebuilt = try await onOwnThread { try (0..<Self.rebuilds).map { _ in try rebuild(runID) }.sorted().median }
    return BenchmarkTally(
      seconds: seconds, units: numbers.count, times: [times.firstTenthMilliseconds, times.lastTenthMilliseconds],
      details: [
        "first_tenth_step_ms": times.firstTenthMilliseconds, "last_tenth_step_ms": times.lastTenthMilliseconds,
        "last_to_first": times.lastTenthMilliseconds / times.firstTenthMilliseconds, "rebuild_seconds": rebuilt,
      ])
  }

  /// Seconds from the question to the database to the workflow code that stands where it stood.
  private func rebuild(_ runID: RunID) throws -> Double {
    let connection = try PipelineConnection(database.engine)
    let begun = ContinuousClock.now
    var parameters = Parameters()
    let column = ArrayColumn(.uuid)
    column.append(runID.uuid)
    parameters.append(column)
    let rows = try connection.run((BenchmarkStatements.historyOfRuns, parameters))[0]
    let history = try BenchmarkRow.read(rows).compactMap(\.event)
    try HistoryReplay(BenchmarkSteps.registry).replay(history, runID: runID)
    return (ContinuousClock.now - begun).seconds
  }
}
