import PostgreSQL

/// Turns a batch into statements with array parameters; its columns' memory is used again by every batch.
final class BatchWriter {
  private let processID: Int64
  /// Of the connection that takes the statements.
  var session: Int64 = 0
  private let starts = RowWriter<RunRow>(
    CommitStatements.checkStarts,
    [(.uuid, { $1.append($0.runID.uuid) }), (.text, { $1.append($0.key.namespace) }), (.text, { $1.append($0.key.workflowID) })])
  private let runs = RowWriter<RunRow>(
    CommitStatements.insertRuns,
    [
      (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }), (.text, { $1.append($0.key.namespace) }),
      (.text, { $1.append($0.key.workflowID) }), (.text, { $1.append($0.workflowType) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.startedAt) }),
    ])
  private let history = HistoryColumns()
  private let largeValues = RowWriter<LargeValueRow>(
    CommitStatements.insertLargeValues, [(.bytea, { $1.append($0.hash) }), (.bytea, { $1.append($0.bytes) })])
  private let largeValueReferences = RowWriter<LargeValueReferenceRow>(
    CommitStatements.insertLargeValueReferences, [(.uuid, { $1.append($0.runID.uuid) }), (.bytea, { $1.append($0.hash) })])
  private let states = RowWriter<StateRow>(
    CommitStatements.upsertStates,
    [(.uuid, { $1.append($0.runID.uuid) }), (.int4, { $1.append($0.eventID) }), (.bytea, { $1.append($0.state.bytes) })])
  private let searchAttributes = RowWriter<SearchAttributesRow>(
    CommitStatements.upsertSearchAttributes,
    [(.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }), (.text, { $1.append($0.attributes.text) })])
  private let versions = RowWriter<VersionRow>(
    VersionStatements.upsertRuns,
    [
      (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }), (.text, { $1.append($0.version ?? "") }),
      (.bool, { $1.append($0.isPinned) }),
    ])
  private let parked = RowWriter<ParkedRow>(
    CommitStatements.insertParked,
    [(.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }), (.text, { $1.append($0.waitsFor) })])
  private let timers = RowWriter<TimerRow>(
    CommitStatements.insertTimers,
    [
      (.int2, { $1.append($0.slot.number) }), (.timestamptz, { $1.appendTimestamp(microseconds: $0.dueAt) }),
      (.uuid, { $1.append($0.runID.uuid) }), (.int4, { $1.append($0.sequence) }), (.int2, { $1.append($0.kind.rawValue) }),
    ])
  private let endedTimers = RowWriter<TimerRow>(
    CommitStatements.deleteTimers,
    [
      (.int2, { $1.append($0.slot.number) }), (.timestamptz, { $1.appendTimestamp(microseconds: $0.dueAt) }),
      (.uuid, { $1.append($0.runID.uuid) }), (.int4, { $1.append($0.sequence) }),
    ])
  private let spilled = RowWriter<SpilledMessage>(
    CommitStatements.insertMessages,
    [
      (.int2, { $1.append($0.slot.number) }), (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.kind.rawValue) }),
      (.bytea, { $1.append($0.attributes) }),
      (.text, { if let key = $0.key { $1.append(key.workflowID) } else { $1.appendNull() } }),
      (.text, { if let key = $0.key { $1.append(key.namespace) } else { $1.appendNull() } }),
    ])
  private let tasks = RowWriter<ActivityTaskRow>(
    CommitStatements.insertTasks,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }), (.int2, { $1.append($0.slot.number) }),
      (.text, { $1.append($0.workflow.namespace) }), (.text, { $1.append($0.workflow.workflowID) }),
      (.text, { $1.append($0.task.options.taskQueue) }), (.text, { $1.append($0.task.activityType) }),
      (.bytea, { $1.append($0.task.input.bytes) }),
      (.bytea, { if let options = $0.task.options.recorded { $1.append(options.bytes) } else { $1.appendNull() } }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.scheduledAt) }), (.int4, { $1.append($0.attempt) }),
      (.interval, { $1.append(milliseconds: $0.task.options.scheduleToStartMilliseconds) }),
      (.interval, { $1.append(milliseconds: $0.task.options.scheduleToCloseMilliseconds) }),
    ])
  private let withdrawnTasks = RowWriter<WithdrawnTask>(
    CommitStatements.withdrawTasks,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }), (.bytea, { $1.append($0.attributes) }),
    ])
  private let changedTasks = RowWriter<ActivityTaskRow>(
    CommitStatements.changeTasks,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }),
      (.text, { $1.append($0.task.options.taskQueue) }),
      (.bytea, { if let options = $0.task.options.recorded { $1.append(options.bytes) } else { $1.appendNull() } }),
      (.interval, { $1.append(milliseconds: $0.task.options.scheduleToStartMilliseconds) }),
      (.interval, { $1.append(milliseconds: $0.task.options.scheduleToCloseMilliseconds) }),
    ])
  private let changedOptions = RowWriter<(row: ActivityOptionsRow, text: Payload)>(
    CommitStatements.upsertActivityOptions,
    [
      (.uuid, { $1.append($0.row.key.runID.uuid) }), (.int4, { $1.append($0.row.key.sequence) }),
      (.int2, { $1.append($0.row.slot.number) }), (.bytea, { $1.append($0.text.bytes) }),
    ])
  private let attempts = RowWriter<AttemptRow>(
    CommitStatements.insertAttempts,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }), (.int2, { $1.append($0.slot.number) }),
      (.text, { $1.append($0.activityType) }), (.int4, { $1.append($0.attempt) }), (.text, { $1.append($0.worker) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.startedAt) }), (.timestamptz, { $1.appendTimestamp(microseconds: $0.endedAt) }),
      (.bytea, { $1.append($0.failure.payload.bytes) }), (.bool, { $1.append($0.failure.kind == .workerLost) }),
      (.timestamptz, { if let at = $0.nextAttemptAt { $1.appendTimestamp(microseconds: at) } else { $1.appendNull() } }),
    ])
  private let heartbeats = RowWriter<HeartbeatRow>(
    CommitStatements.upsertHeartbeats,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }), (.bytea, { $1.append($0.details.bytes) }),
    ])
  private let parkedActivities = RowWriter<ParkedActivityRow>(
    CommitStatements.insertParkedActivities,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.int4, { $1.append($0.key.sequence) }), (.int2, { $1.append($0.slot.number) }),
      (.text, { $1.append($0.activityType) }), (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }),
      (.int4, { $1.append($0.attempts) }), (.text, { $1.append($0.retryState.rawValue) }),
      (.bytea, { $1.append($0.failure.payload.bytes) }),
    ])
  private let blocked = RowWriter<BlockedRow>(
    CommitStatements.upsertBlocked,
    [
      (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }), (.text, { $1.append($0.problem.code.name) }),
      (.text, { $1.append($0.problem.message) }), (.text, { $1.append($0.build) }), (.int4, { $1.append($0.attempts) }),
      (.bool, { $1.append($0.isLastEventUnapplied) }),
    ])
  private let closes = RowWriter<CloseRow>(
    CommitStatements.insertCloses,
    [
      (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }), (.int2, { $1.append($0.status.rawValue) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.closedAt) }), (.int4, { $1.append($0.lastEventID) }),
      (.bytea, { if let outcome = $0.outcome { $1.append(outcome.bytes) } else { $1.appendNull() } }),
    ])

  private let updates = RowWriter<UpdateRow>(
    CommitStatements.upsertUpdates,
    [
      (.uuid, { $1.append($0.key.runID.uuid) }), (.text, { $1.append($0.key.updateID) }), (.int2, { $1.append($0.slot.number) }),
      (.text, { $1.append($0.name ?? "") }), (.int2, { $1.append($0.status.rawValue) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }),
      (.bytea, { if let outcome = $0.outcome { $1.append(outcome.bytes) } else { $1.appendNull() } }),
    ])

  private let pauses = RowWriter<PausedRow>(
    CommitStatements.insertPauses,
    [
      (.uuid, { $1.append($0.runID.uuid) }), (.int2, { $1.append($0.slot.number) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }), (.text, { $1.append($0.reason) }), (.text, { $1.append($0.identity) }),
    ])
  private let copies = RowWriter<HistoryCopy>(
    ResetStatements.copyHistory,
    [
      (.uuid, { $1.append($0.from.uuid) }), (.uuid, { $1.append($0.to.uuid) }), (.int2, { $1.append($0.slot.number) }),
      (.int4, { $1.append($0.lastEventID) }),
    ])
  private let copiedReferences = RowWriter<HistoryCopy>(
    ResetStatements.copyReferences, [(.uuid, { $1.append($0.from.uuid) }), (.uuid, { $1.append($0.to.uuid) })])
  private let resets = RowWriter<ResetRow>(
    ResetStatements.insertResets,
    [
      (.uuid, { $1.append($0.request.newRunID.uuid) }), (.uuid, { $1.append($0.request.baseRunID.uuid) }),
      (.int2, { $1.append($0.slot.number) }), (.int4, { $1.append($0.eventID) }), (.bool, { $1.append($0.request.isFork) }),
      (.timestamptz, { $1.appendTimestamp(microseconds: $0.at) }), (.text, { $1.append($0.request.reason) }),
      (.text, { $1.append($0.request.identity) }), (.text, { $1.append($0.refusal?.code.name ?? "") }),
      (.text, { $1.append($0.refusal?.message ?? "") }),
    ])

  init(processID: Int64) {
    self.processID = processID
  }

  func statements(for batch: CommitBatch, predecessor: Int?) -> [BoundStatement] {
    var fence = Parameters(processID, session, Int64(batch.number))
    if let predecessor { fence.append(Int64(predecessor)) } else { fence.appendNull() }
    var list: [BoundStatement] = [(CommitStatements.fence, fence)]
    starts.add(batch.runs.filter { !$0.isRefused && !$0.isSuccessor }, to: &list)
    runs.add(batch.runs, to: &list)
    largeValues.add(batch.largeValues, to: &list)
    largeValueReferences.add(batch.largeValueReferences, to: &list)
    history.add(batch.history, to: &list)
    copies.add(batch.copies, to: &list)
    copiedReferences.add(batch.copies, to: &list)
    resets.add(batch.resets, to: &list)
    states.add(batch.lastStates, to: &list)
    if !batch.searchAttributes.isEmpty { searchAttributes.add(Array(batch.searchAttributes.values), to: &list) }
    if !batch.versions.isEmpty {
      versions.add(batch.versions.values.filter { $0.version != nil }, to: &list)
      RowWriter<RunID>.runs(VersionStatements.deleteRuns).add(batch.versions.values.filter { $0.version == nil }.map(\.runID), to: &list)
    }
    RowWriter<RunID>.runs(CommitStatements.deleteParked).add(batch.unparked, to: &list)
    parked.add(Array(batch.parked.values), to: &list)
    timers.add(batch.timers, to: &list)
    endedTimers.add(batch.endedTimers, to: &list)
    RowWriter<Int64>(CommitStatements.deleteMessages, [(.int8, { $1.append($0) })]).add(batch.takenMessages, to: &list)
    spilled.add(batch.sentMessages.isEmpty ? batch.spilledMessages : batch.spilledMessages + batch.sentMessages, to: &list)
    addActivities(of: batch, to: &list)
    updates.add(Array(batch.updates.values), to: &list)
    if !batch.pauses.isEmpty {
      RowWriter<RunID>.runs(CommitStatements.deletePauses).add(Array(batch.pauses.keys), to: &list)
      pauses.add(batch.pauses.values.filter(\.isPaused), to: &list)
    }
    blocked.add(batch.blocked, to: &list)
    RowWriter<RunID>.runs(CommitStatements.deleteBlocked).add(batch.unblocked, to: &list)
    if let lowWater = batch.lowWater { list.append((CommitStatements.setLowWater, Parameters(processID, lowWater.uuid))) }
    if !batch.confirmedSlots.isEmpty {
      let column = ArrayColumn(.int2)
      for slot in batch.confirmedSlots { column.append(slot.number) }
      var parameters = Parameters(processID)
      parameters.append(column)
      list.append((CommitStatements.confirmSlots, parameters))
    }
    RowWriter<RunID>.runs(CommitStatements.lockClosing).add(batch.closes.map(\.runID), to: &list)
    RowWriter<RunID>.runs(CommitStatements.checkClosing).add(batch.closes.map(\.runID), to: &list)
    closes.add(batch.closes, to: &list)
    RowWriter<RunID>.runs(CommitStatements.deleteBlocked).add(batch.closedBlocked, to: &list)
    return list
  }

  private func addActivities(of batch: CommitBatch, to list: inout [BoundStatement]) {
    tasks.add(batch.tasks, to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.cancelTasks).add(batch.cancelledTasks, to: &list)
    withdrawnTasks.add(batch.withdrawnTasks, to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.expediteTasks).add(batch.expeditedTasks, to: &list)
    changedTasks.add(batch.changedTasks, to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.clearTasks).add(batch.clearedTasks, to: &list)
    if !batch.changedOptions.isEmpty { addChangedOptions(of: batch, to: &list) }
    RowWriter<RunID>.runs(CommitStatements.deleteTasks).add(batch.endedTasks, to: &list)
    attempts.add(batch.attempts, to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.forgiveAttempts).add(batch.forgivenActivities, to: &list)
    heartbeats.add(Array(batch.heartbeats.values), to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.deleteHeartbeats).add(batch.endedHeartbeats, to: &list)
    parkedActivities.add(batch.parkedActivities, to: &list)
    RowWriter<ActivityKey>.activities(CommitStatements.deleteParkedActivities).add(batch.unparkedActivities, to: &list)
  }
}

extension BatchWriter {
  private func addChangedOptions(of batch: CommitBatch, to list: inout [BoundStatement]) {
    let restored = batch.changedOptions.filter { $0.value == nil }.map(\.key)
    RowWriter<ActivityKey>.activities(CommitStatements.deleteActivityOptions).add(restored, to: &list)
    // Options are made of texts and numbers: they can be encoded.
    let changed = batch.changedOptions.values.compactMap { row in
      row.flatMap { row in (try? PayloadCodec.encode(row.options)).map { (row, $0) } }
    }
    changedOptions.add(changed, to: &list)
  }
}

extension ArrayColumn {
  fileprivate func append(milliseconds: Int64?) {
    if let milliseconds { appendInterval(microseconds: min(milliseconds, .max / 1000) * 1000) } else { appendNull() }
  }
}

/// The columns of histories, written without a call through a closure for every value: these are most of all rows.
private final class HistoryColumns {
  private let runID = ArrayColumn(.uuid)
  private let eventID = ArrayColumn(.int4)
  private let slot = ArrayColumn(.int2)
  private let type = ArrayColumn(.int2)
  private let at = ArrayColumn(.timestamptz)
  private let causedBy = ArrayColumn(.int4)
  private let attributes = ArrayColumn(.bytea)

  func add(_ rows: [HistoryRow], to list: inout [BoundStatement]) {
    guard !rows.isEmpty else { return }
    let columns = [runID, eventID, slot, type, at, causedBy, attributes]
    for column in columns { column.removeAll() }
    for row in rows {
      runID.append(row.runID.uuid)
      eventID.append(row.event.eventID)
      slot.append(row.slot.number)
      type.append(row.event.type.rawValue)
      at.appendTimestamp(microseconds: row.event.at)
      causedBy.append(row.event.causedBy)
      attributes.append(row.event.attributes)
    }
    var parameters = Parameters()
    for column in columns { parameters.append(column) }
    list.append((CommitStatements.insertHistory, parameters))
  }
}

/// Rows of one kind as the array parameters of one statement.
final class RowWriter<Row> {
  private let statement: Statement
  private let columns: [(column: ArrayColumn, write: (Row, ArrayColumn) -> Void)]

  init(_ statement: Statement, _ columns: [(PostgresType, (Row, ArrayColumn) -> Void)]) {
    self.statement = statement
    self.columns = columns.map { (ArrayColumn($0.0), $0.1) }
  }

  func add(_ rows: [Row], to list: inout [BoundStatement]) {
    guard !rows.isEmpty else { return }
    var parameters = Parameters()
    for (column, write) in columns {
      column.removeAll()
      for row in rows { write(row, column) }
      parameters.append(column)
    }
    list.append((statement, parameters))
  }
}

extension RowWriter where Row == RunID {
  static func runs(_ statement: Statement) -> RowWriter<RunID> {
    RowWriter(statement, [(.uuid, { $1.append($0.uuid) })])
  }
}

extension RowWriter where Row == ActivityKey {
  static func activities(_ statement: Statement) -> RowWriter<ActivityKey> {
    RowWriter(statement, [(.uuid, { $1.append($0.runID.uuid) }), (.int4, { $1.append($0.sequence) })])
  }
}
