import PostgreSQL

/// A schedule's name.
struct ScheduleKey: Hashable, Sendable {
  let namespace: String
  let scheduleID: String
}

/// Schedules that are dealt with in one transaction: their rows as looks, and what the looks changed as columns.
struct ScheduleBatch {
  private(set) var looks: [(key: ScheduleKey, look: ScheduleLook)] = []
  /// Rows that this build cannot read, with the reason.
  private(set) var unreadable: [(key: ScheduleKey, problem: String)] = []

  /// - Parameter times: the specification's text, made ready for search.
  init(_ rows: Rows, times: (String) throws -> ScheduleTimes) throws {
    for row in 0..<rows.count {
      let key = ScheduleKey(namespace: try rows.text(row, 0), scheduleID: try rows.text(row, 1))
      do {
        looks.append((key, try Self.look(rows, row, key, times)))
      } catch let error where error is OrchestratorError || error is PayloadError {
        unreadable.append((key, "\(error)"))
      }
    }
  }

  private static func look(
    _ rows: Rows, _ row: Int, _ key: ScheduleKey, _ times: (String) throws -> ScheduleTimes
  ) throws -> ScheduleLook {
    guard let overlap = OverlapPolicy(rawValue: try rows.text(row, 4)) else {
      throw OrchestratorError(.damagedHistory, "the overlap policy is unknown to this build")
    }
    let policies = SchedulePolicies(
      overlap: overlap, catchupWindow: .microseconds(try rows.int64(row, 5)), pauseOnFailure: try rows.bool(row, 6))
    func list<Element: Decodable>(_ column: Int) throws -> [Element] {
      let text = try rows.text(row, column)
      return try text == "[]" ? [] : PayloadCodec.decode([Element].self, from: Payload(json: Array(text.utf8)))
    }
    let memory = ScheduleMemory(
      cursor: try rows.timestamp(row, 7).floored(by: 1_000_000), isPaused: try rows.bool(row, 8), note: try rows.text(row, 9),
      remaining: try rows.optional(row, 10, rows.int64), running: try list(11), buffered: try list(12), backfills: try list(13),
      counts: .init(
        actions: try rows.int64(row, 14), missed: try rows.int64(row, 15), skipped: try rows.int64(row, 16),
        dropped: try rows.int64(row, 17)))
    return ScheduleLook(
      try times(try rows.text(row, 2)), scheduleID: key.scheduleID, prefix: try rows.text(row, 3), policies, memory,
      now: try rows.timestamp(row, 18))
  }

  /// The runs to ask for before deciding; nil when there are none.
  var tracked: Parameters? {
    let (runIDs, workflowIDs, namespaces) = (ArrayColumn(.uuid), ArrayColumn(.text), ArrayColumn(.text))
    for (key, look) in looks {
      for run in look.memory.running {
        runIDs.append(run.runID.uuid)
        workflowIDs.append(run.workflowID)
        namespaces.append(key.namespace)
      }
    }
    return runIDs.count == 0 ? nil : Self.parameters(runIDs, workflowIDs, namespaces)
  }

  /// - Parameter rows: of `ScheduleRunnerStatements.statuses`; nil when nothing was asked.
  mutating func decide(_ rows: Rows?) throws {
    var statuses: [RunID: TrackedStatus] = [:]
    for row in 0..<(rows?.count ?? 0) {
      guard let rows else { break }
      let open = try rows.optional(row, 1, rows.uuid)
      let closed = try rows.optional(row, 2, rows.int16)
      statuses[RunID(try rows.uuid(row, 0))] = open.map { .open(RunID($0)) } ?? .closed(closed)
    }
    for index in looks.indices { looks[index].look.decide(statuses) }
  }

  /// What begins; nil when nothing does.
  var starts: Parameters? {
    let (namespaces, scheduleIDs, workflowIDs, runIDs) = (ArrayColumn(.text), ArrayColumn(.text), ArrayColumn(.text), ArrayColumn(.uuid))
    for (key, look) in looks {
      for start in look.starts {
        namespaces.append(key.namespace)
        scheduleIDs.append(key.scheduleID)
        workflowIDs.append(start.run.workflowID)
        runIDs.append(start.run.runID.uuid)
      }
    }
    return runIDs.count == 0 ? nil : Self.parameters(namespaces, scheduleIDs, workflowIDs, runIDs)
  }

  /// - Parameter rows: of `ScheduleRunnerStatements.start`.
  mutating func settle(_ rows: Rows) throws {
    for row in 0..<rows.count where try !rows.bool(row, 1) {
      let runID = RunID(try rows.uuid(row, 0))
      for index in looks.indices { looks[index].look.refuse(runID) }
    }
  }

  /// What ends for the next run; nil when nothing does.
  var endings: Parameters? {
    let (namespaces, scheduleIDs, workflowIDs, areTerminations) =
      (ArrayColumn(.text), ArrayColumn(.text), ArrayColumn(.text), ArrayColumn(.bool))
    for (key, look) in looks {
      for (runs, mustTerminate) in [(look.cancellations, false), (look.terminations, true)] {
        for run in runs {
          namespaces.append(key.namespace)
          scheduleIDs.append(key.scheduleID)
          workflowIDs.append(run.workflowID)
          areTerminations.append(mustTerminate)
        }
      }
    }
    return workflowIDs.count == 0 ? nil : Self.parameters(namespaces, scheduleIDs, workflowIDs, areTerminations)
  }

  /// Everything that the looks changed, for `ScheduleRunnerStatements.remember`.
  func changes() throws -> Parameters {
    var columns = MemoryColumns()
    for (key, look) in looks { try columns.append(key, look) }
    return columns.parameters
  }

  fileprivate static func parameters(_ columns: ArrayColumn...) -> Parameters {
    var parameters = Parameters()
    for column in columns { parameters.append(column) }
    return parameters
  }
}

/// The columns of `ScheduleRunnerStatements.remember`, in order.
private struct MemoryColumns {
  private let namespaces = ArrayColumn(.text), scheduleIDs = ArrayColumn(.text), cursors = ArrayColumn(.timestamptz)
  private let arePaused = ArrayColumn(.bool), notes = ArrayColumn(.text), remaining = ArrayColumn(.int8)
  private let running = ArrayColumn(.text), buffered = ArrayColumn(.text), backfills = ArrayColumn(.text), started = ArrayColumn(.text)
  private let actions = ArrayColumn(.int8), missed = ArrayColumn(.int8), skipped = ArrayColumn(.int8), dropped = ArrayColumn(.int8)
  private let nextFires = ArrayColumn(.timestamptz), looks = ArrayColumn(.timestamptz), areWatching = ArrayColumn(.bool)

  /// One start as `orchestrator.schedule_actions` shows it.
  private struct RecentStart: Encodable {
    let scheduledAt: RecordedTime
    let startedAt: RecordedTime
    let workflowId: String
    let runId: RunID
  }

  mutating func append(_ key: ScheduleKey, _ look: ScheduleLook) throws {
    let memory = look.memory
    namespaces.append(key.namespace)
    scheduleIDs.append(key.scheduleID)
    cursors.appendTimestamp(microseconds: memory.cursor * 1_000_000)
    arePaused.append(memory.isPaused)
    notes.append(memory.note)
    if let count = memory.remaining { remaining.append(count) } else { remaining.appendNull() }
    running.append(try Self.text(of: memory.running))
    buffered.append(try Self.text(of: memory.buffered))
    backfills.append(try Self.text(of: memory.backfills))
    let newest = look.starts.suffix(10).reversed().map { start in
      RecentStart(
        scheduledAt: RecordedTime(microseconds: start.nominal), startedAt: RecordedTime(microseconds: look.now),
        workflowId: start.run.workflowID, runId: start.run.runID)
    }
    if newest.isEmpty { started.appendNull() } else { started.append(try Self.text(of: newest)) }
    actions.append(memory.counts.actions)
    missed.append(memory.counts.missed)
    skipped.append(memory.counts.skipped)
    dropped.append(memory.counts.dropped)
    Self.append(look.nextFireAt, to: nextFires)
    Self.append(look.lookAt, to: looks)
    areWatching.append(!look.watched.isEmpty)
  }

  var parameters: Parameters {
    ScheduleBatch.parameters(
      namespaces, scheduleIDs, cursors, arePaused, notes, remaining, running, buffered, backfills, started, actions, missed, skipped,
      dropped, nextFires, looks, areWatching)
  }

  private static func text(of list: [some Encodable]) throws -> String {
    try list.isEmpty ? "[]" : PayloadCodec.encode(list).text
  }

  private static func append(_ time: Int64?, to column: ArrayColumn) {
    if let time { column.appendTimestamp(microseconds: time) } else { column.appendNull() }
  }
}
