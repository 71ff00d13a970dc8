import Orchestrator

/// Histories as the engine wrote them, replayed on one thread again and again without the database.
struct ReplayedRuns: Sendable {
  /// Events to replay in all.
  let events: Int
  let database: BenchmarkDatabase

  private static let storedRows = 50_000

  func drive(_ tally: inout BenchmarkRun.Tally) async throws {
    let (seconds, done, times) = try await onOwnThread { [self] in try replay() }
    tally.seconds = seconds
    tally.units = done
    tally.times = times
  }

  private func replay() throws -> (seconds: Double, events: Int, times: [Double]) {
    let histories = try storedHistories()
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
    return ((ContinuousClock.now - begun).seconds, done, times)
  }

  private func storedHistories() throws -> [(RunID, [HistoryEvent])] {
    var histories: [(RunID, [HistoryEvent])] = []
    for row in try database.sample(Self.storedRows, BenchmarkStatements.histories) {
      guard let event = row.event else { continue }
      if histories.last?.0 != row.runID { histories.append((row.runID, [])) }
      histories[histories.count - 1].1.append(event)
    }
    return histories
  }
}
