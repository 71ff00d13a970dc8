import PostgreSQL

/// Removes ended runs whose retention is over, a small transaction at a time. A run goes whole or not at all, so a process that is killed in
/// between leaves nothing half-removed, and the next goes on.
///
/// Every engine has one; the process that owns slot 0 does the work. Should two do it for a moment, they remove the same rows in the same order.
actor RetentionSweeper {
  private let database: Database
  private let retention: Duration
  private let isElected: @Sendable () -> Bool
  private var walk = RetentionWalk()

  /// - Parameter retention: how long after its end a run is kept.
  init(_ database: Database, retention: Duration, isElected: @escaping @Sendable () -> Bool) {
    self.database = database
    self.retention = retention
    self.isElected = isElected
  }

  /// Sweeps until cancelled.
  func run() async {
    let interval = min(max(retention / 20, .seconds(1)), .minutes(1))
    while !Task.isCancelled {
      if isElected() {
        do {
          let removed = try await sweepOnce()
          if removed > 0 { Log.info("retention-swept", "removed \(removed) runs that ended more than \(retention) ago") }
        } catch is CancellationError {
          return
        } catch {
          Log.warning("retention-failed", "\(error)")
        }
      } else {
        walk = RetentionWalk()
      }
      try? await Task.sleep(for: interval)
    }
  }

  /// One pass over what may be due.
  /// - Returns: how many runs were removed.
  @discardableResult
  func sweepOnce() async throws -> Int {
    do {
      return try await pass()
    } catch {
      // What the walk has passed may stand still.
      walk = RetentionWalk()
      throw error
    }
  }

  private func pass() async throws -> Int {
    let times = try await database.query(RetentionStatements.cutoff, Parameters(interval: retention))
    let cutoff = try times.timestamp(0, 1)
    walk.begin(now: try times.timestamp(0, 0), cutoff: cutoff)
    var removed = 0
    while let range = walk.range {
      let page = try await paced { try await self.page(range, cutoff) }
      let due = walk.take(page, isLast: page.count < Limits.retentionPage)
      for group in RetentionWalk.groups(due, rows: Limits.retentionRows) {
        try await paced { try await self.remove(group) }
        removed += group.count
      }
    }
    try await removeLargeValues()
    return removed
  }

  private func page(_ range: RetentionWalk.Range, _ cutoff: Int64) async throws -> [RetentionWalk.Candidate] {
    var parameters = Parameters(range.after.uuid, range.through.uuid)
    parameters.appendTimestamp(microseconds: cutoff)
    parameters.append(Int64(Limits.retentionPage))
    let rows = try await database.query(RetentionStatements.page, parameters)
    return try (0..<rows.count).map { row in
      RetentionWalk.Candidate(
        runID: RunID(try rows.uuid(row, 0)), events: Int(try rows.int32(row, 1)), isDue: try rows.bool(row, 2))
    }
  }

  /// A crash may forget a removal: it is done again then.
  private func remove(_ runs: [RunID]) async throws {
    let column = ArrayColumn(.uuid)
    for run in runs { column.append(run.uuid) }
    var parameters = Parameters()
    parameters.append(column)
    _ = try await database.run(
      [(OwnershipStatements.relaxed, Parameters()), (RetentionStatements.dropReferences, parameters)]
        + RetentionStatements.removal.map { ($0, parameters) })
  }

  /// Values that only removed runs referred to.
  private func removeLargeValues() async throws {
    var looked = Int64.max
    while looked >= Limits.largeValuesPerRemoval {
      looked = try await paced {
        try await database.query(RetentionStatements.removeLargeValues, Parameters(Int64(Limits.largeValuesPerRemoval))).int64(0, 0)
      }
    }
  }

  /// Rests as long as the work took: at most half of one session, less the busier the server is.
  private func paced<Result: Sendable>(_ work: () async throws -> Result) async throws -> Result {
    let begun = ContinuousClock.now
    let result = try await work()
    try await Task.sleep(for: ContinuousClock.now - begun)
    return result
  }
}

extension Parameters {
  fileprivate init(interval: Duration) {
    self.init()
    appendInterval(microseconds: interval.microseconds)
  }
}
