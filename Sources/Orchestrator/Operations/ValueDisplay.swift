/// How people are shown values that codecs changed; those that none did are always shown.
public enum ValueDisplay: Sendable {
  /// As they are stored: for exports, which are replayed where the keys are.
  case stored
  /// A text in place of what is encrypted: which key opens it, and how many bytes it has.
  case placeholders
  /// As they were, where this process can read them: for those who may.
  case decoded

  /// One value.
  func show(_ payload: Payload, _ codec: CodecChain?, _ key: WorkflowKey) throws -> Payload {
    if case .stored = self { return payload }
    guard PayloadEnvelope.isOne(payload) else { return payload }
    guard let envelope = try? PayloadEnvelope(payload) else { return try PayloadCodec.encode("<in a damaged envelope>") }
    if let codec, self == .decoded || envelope.keyID == nil {
      do {
        return try codec.decode(payload, key)
      } catch {
        return try PayloadCodec.encode("\(envelope.summary): \(error)")
      }
    }
    return try PayloadCodec.encode(envelope.summary)
  }

  /// One failure.
  func show(failure: Payload, _ codec: CodecChain?, _ key: WorkflowKey) throws -> Payload {
    guard self != .stored, PayloadEnvelope.mayStand(in: failure.bytes) else { return failure }
    if self == .decoded, let codec, let decoded = try? codec.decode(failure: failure, key) { return decoded }
    let bytes = try AttributesReader(failure.bytes).replacing { name, value in
      switch name {
      case "details", "encodedAttributes": try show(value, codec, key)
      case "cause": try StoredAttributes.array(value) { try show(failure: $0, codec, key) }
      default: nil
      }
    }
    return Payload(json: bytes ?? failure.bytes)
  }

  func show(_ failure: Failure, _ codec: CodecChain?, _ key: WorkflowKey) throws -> Failure {
    try PayloadCodec.decode(Failure.self, from: try show(failure: failure.payload, codec, key))
  }

  /// The attributes of one event.
  func show(attributes: Payload, _ codec: CodecChain?, _ key: WorkflowKey) throws -> Payload {
    guard self != .stored, PayloadEnvelope.mayStand(in: attributes.bytes) else { return attributes }
    let shown = try StoredAttributes.transformed(
      attributes.bytes, .init(value: { try show($0, codec, key) }, failure: { try show(failure: $0, codec, key) }))
    return Payload(json: shown ?? attributes.bytes)
  }
}

extension HistoryEntry {
  func resolved(_ values: LargeValues) -> HistoryEntry {
    HistoryEntry(
      eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: Payload(json: values.resolve(attributes: attributes.bytes)))
  }

  func shown(_ display: ValueDisplay, _ codec: CodecChain?, _ key: WorkflowKey) throws -> HistoryEntry {
    HistoryEntry(
      eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: try display.show(attributes: attributes, codec, key))
  }
}

extension HistoryExport {
  /// The history with its values as they were; what cannot be read stays as it is, and a replay says so.
  public func decoded(_ codec: CodecChain) -> HistoryExport {
    let key = WorkflowKey(namespace: namespace, workflowID: workflowID)
    let events = events.map { entry in
      HistoryEntry(
        eventID: entry.eventID, type: entry.type, at: entry.at, causedBy: entry.causedBy,
        attributes: (try? codec.decode(attributes: entry.attributes.bytes, key)).map { Payload(json: $0) } ?? entry.attributes)
    }
    return HistoryExport(runID: runID, key: key, workflowType: workflowType, lastEventUnapplied: lastEventUnapplied, events: events)
  }
}

extension PendingActivity {
  func shown(_ display: ValueDisplay, _ codec: CodecChain?, namespace: String) throws -> PendingActivity {
    let key = WorkflowKey(namespace: namespace, workflowID: workflowID)
    return PendingActivity(
      runID: runID, workflowID: workflowID, sequence: sequence, activityType: activityType, taskQueue: taskQueue, state: state,
      attempt: attempt, scheduledAt: scheduledAt, worker: worker, heartbeatAt: heartbeatAt,
      heartbeatDetails: try heartbeatDetails.map { try display.show($0, codec, key) }, leaseExpiresAt: leaseExpiresAt,
      nextAttemptAt: nextAttemptAt, parkedAt: parkedAt, retryState: retryState,
      lastFailure: try lastFailure.map { try display.show($0, codec, key) }, paused: paused)
  }
}

extension FailedAttempt {
  func shown(_ display: ValueDisplay, _ codec: CodecChain?, _ key: WorkflowKey) throws -> FailedAttempt {
    FailedAttempt(
      sequence: sequence, activityType: activityType, attempt: attempt, worker: worker, startedAt: startedAt, endedAt: endedAt,
      failure: try display.show(failure, codec, key), nextAttemptAt: nextAttemptAt)
  }
}

extension WorkflowDetails {
  func shown(
    _ display: ValueDisplay, _ codec: CodecChain?, _ key: WorkflowKey, _ status: WorkflowStatus, _ values: LargeValues
  ) throws -> WorkflowDetails {
    func show(_ payload: Payload?) throws -> Payload? { try payload.map { try display.show(values.resolve($0), codec, key) } }
    let outcome = status == .completed ? try show(outcome) : try outcome.map { try display.show(failure: $0, codec, key) }
    return WorkflowDetails(
      input: try show(input), startedBy: startedBy, build: build, memo: try show(memo), state: try show(state), outcome: outcome,
      blocked: blocked, paused: paused, parkedAt: parkedAt,
      pendingActivities: try pendingActivities.map { try $0.shown(display, codec, namespace: key.namespace) }, pendingTimers: pendingTimers,
      resets: resets)
  }
}
