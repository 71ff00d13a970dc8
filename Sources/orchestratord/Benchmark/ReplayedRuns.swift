import Orchestrator

/// Histories as the engine wrote them, replayed on one thread again and again without the database.
struct ReplayedRuns: BenchmarkDriver {
  let database: BenchmarkDatabase

  private static let storedRows = 50_000

  /// - Parameter numbers: as many events are replayed.
  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    try await onOwnThread { try replay(events: numbers.count) }
  }

  private func replay(events: Int) throws -> BenchmarkTally {
    let histories = try database.histories(Self.storedRows)
    guard !histories.isEmpty else { throw BenchmarkError("no history to replay was written") }
    let replay = HistoryReplay(BenchmarkSteps.registry)
    var done = 0
    var times: [Double] = []
    let begun = ContinuousClock.now
    while done < events {
      for (runID, history) in histories where done < events {
        let start = ContinuousClock.now
        try replay.replay(history, runID: runID)
        times.append((ContinuousClock.now - start).seconds * 1000)
        done += history.count
      }
    }
    return BenchmarkTally(seconds: (ContinuousClock.now - begun).seconds, units: done, times: times)
  }
}
