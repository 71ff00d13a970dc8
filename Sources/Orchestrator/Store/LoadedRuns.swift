import PostgreSQL

/// Puts the results of `ReadStatements.run` together, one `LoadedRun` per run asked for.
enum LoadedRuns {
  /// - Throws: `DatabaseError` when a row has another shape than expected.
  static func read(_ results: [Rows], asked: [RunID]) throws -> [LoadedRun] {
    var runs = Dictionary(uniqueKeysWithValues: asked.map { ($0, LoadedRun(runID: $0)) })
    guard results.count == ReadStatements.run.count else { return [] }
    try readHistory(results[0], &runs)
    for row in 0..<results[1].count {
      let runID = RunID(try results[1].uuid(row, 0))
      runs[runID]?.isClosed = true
      guard let reset = try results[1].optional(row, 1, results[1].uuid) else { continue }
      runs[runID]?.reset = (RunID(reset), try results[1].int32(row, 2))
    }
    try each(results[2]) { row in runs[row]?.isParked = true }
    for row in 0..<results[3].count {
      let runID = RunID(try results[3].uuid(row, 0))
      runs[runID]?.blockedAttempts = try results[3].int32(row, 1)
      runs[runID]?.isLastEventUnapplied = try results[3].bool(row, 2)
    }
    try readAttempts(results[4], &runs)
    for row in 0..<results[5].count {
      runs[RunID(try results[5].uuid(row, 0))]?.parkedActivities.append(try results[5].int32(row, 1))
    }
    for row in 0..<results[6].count {
      runs[RunID(try results[6].uuid(row, 0))]?.queuedActivities.append(try results[6].int32(row, 1))
    }
    for row in 0..<results[7].count {
      let (run, sequence) = (RunID(try results[7].uuid(row, 0)), try results[7].int32(row, 1))
      let value = Payload(json: try results[7].bytes(row, 2))
      if try results[7].bool(row, 3) {
        runs[run]?.activityOptions[sequence] = try PayloadCodec.decode(ActivityOptions.self, from: value)
      } else {
        runs[run]?.heartbeats[sequence] = value
      }
    }
    for row in 0..<results[8].count {
      runs[RunID(try results[8].uuid(row, 0))]?.updates.insert(try results[8].text(row, 1))
    }
    for row in 0..<results[9].count {
      runs[RunID(try results[9].uuid(row, 0))]?.largeValues.bytes[try results[9].bytes(row, 1)] = try results[9].bytes(row, 2)
    }
    return asked.compactMap { runs[$0] }
  }

  static func event(_ rows: Rows, _ row: Int) throws -> HistoryEvent {
    guard let type = EventType(rawValue: try rows.int16(row, 3)) else {
      throw OrchestratorError(.damagedHistory, "event type \(try rows.int16(row, 3)) is unknown to this build")
    }
    return HistoryEvent(
      eventID: try rows.int32(row, 1), type: type, at: try rows.timestamp(row, 4), causedBy: try rows.int32(row, 5),
      attributes: try rows.bytes(row, 6))
  }

  private static func readHistory(_ rows: Rows, _ runs: inout [RunID: LoadedRun]) throws {
    for (runID, part) in try parts(of: rows) {
      runs[runID]?.slot = Slot(try rows.int16(part.lowerBound, 2))
      runs[runID]?.history = try part.map { try event(rows, $0) }
    }
  }

  /// The rows of each run in the result of `ReadStatements.history`.
  static func parts(of rows: Rows) throws -> [(RunID, Range<Int>)] {
    var parts: [(RunID, Range<Int>)] = []
    var start = 0
    while start < rows.count {
      let runID = RunID(try rows.uuid(start, 0))
      var end = start + 1
      while end < rows.count, RunID(try rows.uuid(end, 0)) == runID { end += 1 }
      parts.append((runID, start..<end))
      start = end
    }
    return parts
  }

  private static func readAttempts(_ rows: Rows, _ runs: inout [RunID: LoadedRun]) throws {
    for row in 0..<rows.count {
      let nextAttemptAt = try rows.optional(row, 5) { try rows.timestamp($0, $1) }
      runs[RunID(try rows.uuid(row, 0))]?.attempts.append(
        AttemptCount(
          sequence: try rows.int32(row, 1), total: try rows.int32(row, 2), failed: try rows.int32(row, 3), lost: try rows.int32(row, 4),
          nextAttemptAt: nextAttemptAt, isDelayed: try rows.bool(row, 6)))
    }
  }

  private static func each(_ rows: Rows, _ body: (RunID) -> Void) throws {
    for row in 0..<rows.count { body(RunID(try rows.uuid(row, 0))) }
  }
}
