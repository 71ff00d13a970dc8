/// Values pass the codecs between memory and rows: code, and what waits to be delivered again, keep them as they are.
extension SlotOwner {
  /// The batch as it is written. One that cannot be encoded is refused, and blocks the run that spoils it.
  func stored(_ batch: CommitBatch) -> CommitBatch {
    var batch = configuration.codec.map { encoded(batch, $0) } ?? batch
    do {
      try batch.moveLargeValues(above: configuration.largeValueBytes)
    } catch {
      batch.unwritable = "a value cannot be laid beside its history: \(error)"
    }
    return batch
  }

  private func encoded(_ batch: CommitBatch, _ codec: CodecChain) -> CommitBatch {
    var keys = Dictionary(batch.runs.map { ($0.runID, $0.key) }) { first, _ in first }
    for entry in pipeline.entries(of: batch) { keys[entry.runID] = entry.key }
    do {
      return try batch.encoded(codec) { runID in
        guard let key = keys[runID] ?? entries[runID]?.key else {
          throw OrchestratorError(.storeRefused, "nobody knows whose values run \(runID) has")
        }
        return key
      }
    } catch {
      var batch = batch
      batch.unwritable = "a value cannot be encoded: \(error)"
      return batch
    }
  }

  /// A message with its values as they were; one that cannot be read goes on as it is, and whoever decodes it says why not.
  static func decoded(_ row: InboxRow, _ codec: CodecChain) -> InboxRow {
    guard PayloadEnvelope.mayStand(in: row.attributes) else { return row }
    var row = row
    do {
      let external = row.kind == .external ? try ExternalMessage(AttributesReader(row.attributes)).key : nil
      guard let key = external ?? row.key else { return row }
      row.attributes = try codec.decode(attributes: row.attributes, key)
    } catch {
      Log.error("value-unreadable", "\(error)", ["message_id": String(row.messageID), "run_id": row.runID.description])
    }
    return row
  }
}

extension InboxRow {
  /// The message with the headers that came around its input.
  var withHeaders: InboxRow {
    guard kind == .start || kind == .signal || kind == .update || kind == .external else { return self }
    var row = self
    row.attributes = HeadedValue.unwrapped(attributes: attributes)
    return row
  }
}

extension LoadedRun {
  /// The run with its values as they were; what cannot be read stays as it is, and its code says so when it is replayed.
  func decoded(_ codec: CodecChain) -> LoadedRun {
    guard let first = history.first, let reader = try? AttributesReader(first.attributes), let namespace = reader.text("namespace"),
      let workflowID = reader.text("workflowId")
    else { return self }
    let key = WorkflowKey(namespace: namespace, workflowID: workflowID)
    var run = self
    do {
      run.history = try history.map { try $0.decoded(codec, key) }
      run.heartbeats = try heartbeats.mapValues { try codec.decode($0, key) }
    } catch {
      Log.error("value-unreadable", "\(error)", ["run_id": runID.description])
    }
    return run
  }
}

extension HistoryEvent {
  func decoded(_ codec: CodecChain, _ key: WorkflowKey) throws -> HistoryEvent {
    guard PayloadEnvelope.mayStand(in: attributes) else { return self }
    return HistoryEvent(eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: try codec.decode(attributes: attributes, key))
  }
}

extension CommitBatch {
  fileprivate func encoded(_ codec: CodecChain, _ key: (RunID) throws -> WorkflowKey) throws -> CommitBatch {
    var batch = self
    batch.history = try history.map { row in
      HistoryRow(runID: row.runID, slot: row.slot, event: try row.event.encoded(codec, try key(row.runID)))
    }
    batch.closes = try closes.map { try $0.encoded(codec, try key($0.runID)) }
    batch.states = try lastStates.map {
      StateRow(runID: $0.runID, eventID: $0.eventID, state: try codec.encode($0.state, try key($0.runID)))
    }
    batch.spilledMessages = try spilledMessages.map { try $0.encoded(codec, key) }
    batch.sentMessages = try sentMessages.map { try $0.encoded(codec, key) }
    batch.tasks = try tasks.map { try $0.encoded(codec) }
    batch.attempts = try attempts.map { try $0.encoded(codec, try key($0.key.runID)) }
    batch.heartbeats = try heartbeats.mapValues { row in
      HeartbeatRow(key: row.key, at: row.at, details: try codec.encode(row.details, try key(row.key.runID)))
    }
    batch.parkedActivities = try parkedActivities.map { try $0.encoded(codec, try key($0.key.runID)) }
    batch.updates = try updates.mapValues { try $0.encoded(codec, try key($0.key.runID)) }
    return batch
  }
}

extension HistoryEvent {
  fileprivate func encoded(_ codec: CodecChain, _ key: WorkflowKey) throws -> HistoryEvent {
    HistoryEvent(eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: try codec.encode(attributes: attributes, key))
  }
}

extension CloseRow {
  fileprivate func encoded(_ codec: CodecChain, _ key: WorkflowKey) throws -> CloseRow {
    let stored: Payload? =
      switch status {
      case .completed: try outcome.map { try codec.encode($0, key) }
      case .failed, .timedOut, .terminated: try outcome.map { try codec.encode(failure: $0, key) }
      // It names the run that goes on.
      case .canceled, .continuedAsNew: outcome
      }
    return CloseRow(runID: runID, slot: slot, status: status, closedAt: closedAt, lastEventID: lastEventID, outcome: stored)
  }
}

extension SpilledMessage {
  fileprivate func encoded(_ codec: CodecChain, _ keyOf: (RunID) throws -> WorkflowKey) throws -> SpilledMessage {
    // Whether the other run is there; it has no values.
    if kind == .externalAnswer { return self }
    let attributes = try codec.encode(attributes: attributes, try recipient ?? key ?? keyOf(runID))
    return SpilledMessage(runID: runID, slot: slot, kind: kind, attributes: attributes, key: key, recipient: recipient)
  }
}

extension ActivityTaskRow {
  fileprivate func encoded(_ codec: CodecChain) throws -> ActivityTaskRow {
    let encoded = ActivityTask(
      sequence: task.sequence, activityType: task.activityType, input: try codec.encode(task.input, workflow), options: task.options)
    return ActivityTaskRow(key: key, attempt: attempt, slot: slot, workflow: workflow, task: encoded, scheduledAt: scheduledAt)
  }
}

extension AttemptRow {
  fileprivate func encoded(_ codec: CodecChain, _ workflow: WorkflowKey) throws -> AttemptRow {
    AttemptRow(
      key: key, slot: slot, activityType: activityType, attempt: attempt, worker: worker, startedAt: startedAt, endedAt: endedAt,
      failure: try failure.encoded(codec, workflow), nextAttemptAt: nextAttemptAt)
  }
}

extension ParkedActivityRow {
  fileprivate func encoded(_ codec: CodecChain, _ workflow: WorkflowKey) throws -> ParkedActivityRow {
    ParkedActivityRow(
      key: key, slot: slot, activityType: activityType, at: at, attempts: attempts, retryState: retryState,
      failure: try failure.encoded(codec, workflow))
  }
}

extension UpdateRow {
  fileprivate func encoded(_ codec: CodecChain, _ workflow: WorkflowKey) throws -> UpdateRow {
    let stored = try outcome.map { status == .completed ? try codec.encode($0, workflow) : try codec.encode(failure: $0, workflow) }
    return UpdateRow(key: key, slot: slot, name: name, status: status, at: at, outcome: stored)
  }
}

extension Failure {
  func encoded(_ codec: CodecChain, _ key: WorkflowKey) throws -> Failure {
    try PayloadCodec.decode(Failure.self, from: try codec.encode(failure: payload, key))
  }

  func decoded(_ codec: CodecChain, _ key: WorkflowKey) throws -> Failure {
    try PayloadCodec.decode(Failure.self, from: try codec.decode(failure: payload, key))
  }
}
