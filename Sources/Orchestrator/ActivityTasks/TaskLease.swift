import PostgreSQL

/// A task that this worker may run until its lease ends.
struct TaskLease: LeasedTask {
  private(set) var attempt: ActivityAttempt
  let token: Int64
  let isCancelRequested: Bool

  var key: ActivityKey { attempt.key }

  /// Reads a row of `ActivityTaskStatements.lease`.
  init(_ rows: Rows, _ row: Int) throws {
    let sequence = try rows.int32(row, 1)
    let recorded = try rows.optional(row, 7) { Payload(json: try rows.bytes($0, $1)) }
    let options = try ActivityOptions(recorded: recorded, taskQueue: try rows.text(row, 4))
    attempt = ActivityAttempt(
      key: ActivityKey(runID: RunID(try rows.uuid(row, 0)), sequence: sequence),
      workflow: WorkflowKey(namespace: try rows.text(row, 2), workflowID: try rows.text(row, 3)),
      task: ActivityTask(
        sequence: sequence, activityType: try rows.text(row, 5), input: Payload(json: try rows.bytes(row, 6)), options: options),
      attempt: try rows.int32(row, 9), scheduledAt: try rows.timestamp(row, 8),
      heartbeatDetails: try rows.optional(row, 11) { Payload(json: try rows.bytes($0, $1)) })
    token = try rows.int64(row, 10)
    isCancelRequested = try rows.bool(row, 12)
  }

  /// Brings its values back.
  /// - Throws: `CodecError`; without codecs `PayloadError.encoded`.
  mutating func decode(_ codec: CodecChain?) throws {
    if codec == nil, let how = PayloadEnvelope.summary(of: attempt.task.input) { throw PayloadError.encoded(how: how) }
    let input = try codec?.decode(attempt.task.input, attempt.workflow) ?? attempt.task.input
    let headed = HeadedValue(input)
    guard codec != nil || headed != nil else { return }
    let task = attempt.task
    attempt = ActivityAttempt(
      key: key, workflow: attempt.workflow,
      task: ActivityTask(
        sequence: task.sequence, activityType: task.activityType, input: headed?.value ?? input, options: task.options,
        header: headed?.header),
      attempt: attempt.attempt, scheduledAt: attempt.scheduledAt,
      heartbeatDetails: try attempt.heartbeatDetails.map { try codec?.decode($0, attempt.workflow) ?? $0 })
  }
}

extension ActivityOptions {
  /// The options as stored; none stand for the standard ones.
  init(recorded: Payload?, taskQueue: String) throws {
    if let recorded {
      self = try PayloadCodec.decode(ActivityOptions.self, from: recorded)
    } else {
      self.init(taskQueue: taskQueue)
    }
  }
}

/// The failure of an attempt on a remote worker, decided and written in one transaction: the next attempt, or the last word to the owner.
struct TaskFailureWriter: Sendable {
  let database: Database
  let codec: CodecChain?

  /// - Parameter details: a last heartbeat that is not stored yet.
  /// - Returns: false when the lease was lost and nothing was written.
  @discardableResult
  func write(
    _ failure: Failure, details: Payload? = nil, _ key: ActivityKey, _ workflow: WorkflowKey, token: Int64, worker: String
  ) async throws -> Bool {
    let stored = try codec.map { try failure.encoded($0, workflow) } ?? failure
    let storedDetails = try details.map { try codec?.encode($0, workflow) ?? $0 }
    return try await database.transaction { transaction in
      try await Self.write(stored, details: storedDetails, key, token: token, worker: worker, transaction)
    }
  }

  /// The workflow asked to cancel it before this attempt began: whoever waits for that is told.
  func end(cancelled lease: TaskLease, worker: String) async throws {
    if lease.attempt.task.options.cancellationType == .waitCancellationCompleted {
      try await write(.cancelled, lease.key, lease.attempt.workflow, token: lease.token, worker: worker)
    } else {
      _ = try await database.query(
        ActivityTaskStatements.discard, Parameters(lease.key.runID.uuid, lease.key.sequence, lease.token))
    }
  }

  static func write(
    _ failure: Failure, details: Payload? = nil, _ key: ActivityKey, token: Int64, worker: String, _ transaction: Transaction
  ) async throws -> Bool {
    let rows = try await transaction.query(ActivityTaskStatements.lock, Parameters(key.runID.uuid, key.sequence, token))
    guard rows.count == 1 else { return false }
    // They may have been changed since the lease.
    let recorded = try rows.optional(0, 6) { Payload(json: try rows.bytes($0, $1)) }
    let options = try ActivityOptions(recorded: recorded, taskQueue: try rows.text(0, 7))
    let attempt = try rows.int32(0, 0)
    let scheduledAt = try rows.timestamp(0, 1)
    let now = try rows.timestamp(0, 2)
    let isLost = failure.kind == .workerLost
    let outcome = AttemptOutcome.decide(
      failure: failure, attempt: try rows.int32(0, 3) + (isLost ? 0 : 1), lost: try rows.int32(0, 4) + (isLost ? 1 : 0),
      elapsedMilliseconds: (now - scheduledAt) / 1000, options: options, isCancelRequested: try rows.bool(0, 8),
      random: Double.random(in: 0...1))
    var log = Parameters(key.runID.uuid, key.sequence, failure.payload.bytes, isLost)
    switch outcome {
    case .retry(let delay):
      log.appendInterval(microseconds: delay * 1000)
      _ = try await transaction.query(ActivityTaskStatements.logAttempt, log)
      var retry = Parameters(key.runID.uuid, key.sequence)
      retry.appendInterval(microseconds: delay * 1000)
      retry.append(attempt)
      if let details { retry.append(details.bytes) } else { retry.appendNull() }
      _ = try await transaction.query(ActivityTaskStatements.retry, retry)
    case .exhausted(let state):
      log.appendNull()
      _ = try await transaction.query(ActivityTaskStatements.logAttempt, log)
      let report = AttemptReport(
        attempt: attempt, outcome: .failed(failure), worker: worker, startedAt: scheduledAt, endedAt: now, exhausted: state,
        heartbeatDetails: try details ?? rows.optional(0, 5) { Payload(json: try rows.bytes($0, $1)) })
      _ = try await transaction.query(
        ActivityTaskStatements.remove, Parameters(key.runID.uuid, key.sequence, report.encoded(sequence: key.sequence)))
    }
    return true
  }
}
