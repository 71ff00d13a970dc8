/// A row of `activity_tasks`.
struct StoredTask {
  let slot: Slot
  let workflow: WorkflowKey
  private(set) var task: ActivityTask
  let scheduledAt: Int64
  var attempt: Int32
  var isLeased = false
  var visibleAt: Int64
  var token: Int64 = 0
  var leaseExpiresAt: Int64?
  var heartbeatDetails: Payload?
  var isCancelRequested = false
  private(set) var startWithin: Int64?
  private(set) var closeBy: Int64?
  var dueAt: Int64?

  init(_ row: ActivityTaskRow, now: Int64) {
    slot = row.slot
    workflow = row.workflow
    task = row.task
    scheduledAt = row.scheduledAt
    attempt = row.attempt
    visibleAt = now
    startWithin = row.task.options.scheduleToStartMilliseconds.map { $0 * 1000 }
    closeBy = row.task.options.scheduleToCloseMilliseconds.map { row.scheduledAt + $0 * 1000 }
    dueAt = Self.earliest(startWithin.map { now + $0 }, closeBy)
  }

  mutating func change(_ changed: ActivityTask, now: Int64) {
    task = changed
    startWithin = changed.options.scheduleToStartMilliseconds.map { $0 * 1000 }
    closeBy = changed.options.scheduleToCloseMilliseconds.map { scheduledAt + $0 * 1000 }
    dueAt = Self.earliest(isLeased ? nil : startWithin.map { now + $0 }, closeBy)
  }

  static func earliest(_ times: Int64?...) -> Int64? { times.compactMap { $0 }.min() }
}

/// A row of `activity_attempts`.
struct StoredAttempt {
  let attempt: Int32
  let slot: Slot
  let isLost: Bool
  let nextAttemptAt: Int64?
  var isForgiven = false
}

/// A lease as the model hands it out.
struct ModelLease: LeasedTask {
  let attempt: ActivityAttempt
  let token: Int64
  let isCancelRequested: Bool
}

/// What `ActivityTaskStatements` do.
extension StoreModel {
  func lease(_ queue: String, limit: Int, lease: Int64) -> [ModelLease] {
    let ready = tasks.filter { !$0.value.isLeased && $0.value.task.options.taskQueue == queue && $0.value.visibleAt <= now }
      .map { (at: $0.value.visibleAt, key: $0.key) }
      .sorted { ($0.at, $0.key.runID, $0.key.sequence) < ($1.at, $1.key.runID, $1.key.sequence) }
    return ready.prefix(limit).compactMap { handOut($0.key, lease) }
  }

  private func handOut(_ key: ActivityKey, _ lease: Int64) -> ModelLease? {
    guard var task = tasks[key] else { return nil }
    lastToken += 1
    task.isLeased = true
    task.token = lastToken
    task.leaseExpiresAt = now + lease
    task.dueAt = task.closeBy
    tasks[key] = task
    observer?.leased(run: key.runID.uuid, sequence: Int(key.sequence), token: lastToken)
    return ModelLease(
      attempt: ActivityAttempt(
        key: key, workflow: task.workflow, task: task.task, attempt: task.attempt, scheduledAt: task.scheduledAt,
        heartbeatDetails: task.heartbeatDetails), token: lastToken, isCancelRequested: task.isCancelRequested)
  }

  private func isHeld(_ key: ActivityKey, _ token: Int64) -> Bool {
    guard let task = tasks[key] else { return false }
    return !guards.contains(.leases) || task.token == token
  }

  /// - Returns: tasks still ours, with whether cancelling was asked for.
  func heartbeat(_ held: [(key: ActivityKey, token: Int64, details: Payload?)], lease: Int64) -> [(
    key: ActivityKey, isCancelRequested: Bool
  )] {
    held.compactMap { item in
      guard isHeld(item.key, item.token), var task = tasks[item.key] else { return nil }
      task.leaseExpiresAt = now + lease
      task.heartbeatDetails = item.details ?? task.heartbeatDetails
      tasks[item.key] = task
      observer?.extended(run: item.key.runID.uuid, sequence: Int(item.key.sequence), token: item.token)
      return (item.key, task.isCancelRequested)
    }
  }

  /// - Returns: what was recorded.
  func complete(_ results: [(key: ActivityKey, token: Int64, attributes: [UInt8])]) -> [ActivityKey] {
    results.compactMap { item in
      guard isHeld(item.key, item.token), let task = tasks.removeValue(forKey: item.key) else { return nil }
      observer?.finished(run: item.key.runID.uuid, sequence: Int(item.key.sequence), token: item.token, isResult: true)
      insertMessage(task.slot, item.key.runID, .activityOutcome, item.attributes)
      return item.key
    }
  }

  /// What `TaskFailureWriter` does in its transaction.
  /// - Returns: false when the lease was lost.
  func fail(_ key: ActivityKey, token: Int64, _ failure: Failure, worker: String, random: Double) -> Bool {
    guard isHeld(key, token), var task = tasks[key] else { return false }
    observer?.finished(run: key.runID.uuid, sequence: Int(key.sequence), token: token, isResult: false)
    let isLost = failure.kind == .workerLost
    let counted = attempts[key, default: []].filter { !$0.isForgiven }
    let failed = Int32(counted.filter { !$0.isLost }.count) + (isLost ? 0 : 1)
    let lost = Int32(counted.filter(\.isLost).count) + (isLost ? 1 : 0)
    let outcome = AttemptOutcome.decide(
      failure: failure, attempt: failed, lost: lost, elapsedMilliseconds: (now - task.scheduledAt) / 1000, options: task.task.options,
      isCancelRequested: task.isCancelRequested, random: random)
    guard case .retry(let delay) = outcome else {
      log(StoredAttempt(attempt: task.attempt, slot: task.slot, isLost: isLost, nextAttemptAt: nil), key)
      remove(key, task, outcome, failure, worker)
      return true
    }
    let next = now + delay * 1000
    log(StoredAttempt(attempt: task.attempt, slot: task.slot, isLost: isLost, nextAttemptAt: next), key)
    task.isLeased = false
    task.visibleAt = next
    task.attempt += 1
    task.token = 0
    task.leaseExpiresAt = nil
    task.dueAt = StoredTask.earliest(task.startWithin.map { next + $0 }, task.closeBy)
    tasks[key] = task
    return true
  }

  private func remove(_ key: ActivityKey, _ task: StoredTask, _ outcome: AttemptOutcome, _ failure: Failure, _ worker: String) {
    guard case .exhausted(let state) = outcome else { return }
    let report = AttemptReport(
      attempt: task.attempt, outcome: .failed(failure), worker: worker, startedAt: task.scheduledAt, endedAt: now, exhausted: state)
    tasks[key] = nil
    insertMessage(task.slot, key.runID, .activityOutcome, report.encoded(sequence: key.sequence))
  }

  /// What `TaskFailureWriter.end(cancelled:)` does.
  func end(cancelled lease: ModelLease, worker: String, random: Double) {
    if lease.attempt.task.options.cancellationType == .waitCancellationCompleted {
      _ = fail(lease.attempt.key, token: lease.token, .cancelled, worker: worker, random: random)
    } else {
      discard(lease.attempt.key, token: lease.token)
    }
  }

  func discard(_ key: ActivityKey, token: Int64) {
    guard tasks[key]?.token == token else { return }
    tasks[key] = nil
    observer?.leaseEnded(run: key.runID.uuid, sequence: Int(key.sequence), token: token)
  }

  func giveBack(_ leases: [(key: ActivityKey, token: Int64)]) {
    for lease in leases where isHeld(lease.key, lease.token) {
      tasks[lease.key]?.isLeased = false
      tasks[lease.key]?.token = 0
      tasks[lease.key]?.leaseExpiresAt = nil
      tasks[lease.key]?.visibleAt = now
      observer?.leaseEnded(run: lease.key.runID.uuid, sequence: Int(lease.key.sequence), token: lease.token)
    }
  }

  /// What `TaskSweeper` does: leases that ended without a word, then tasks past their deadlines.
  func sweep(random: () -> Double) {
    for key in ordered(where: { $0.isLeased && ($0.leaseExpiresAt ?? .max) < self.now }) {
      let failure = Failure(kind: .workerLost, type: "LeaseExpired", message: "the worker sent no heartbeat before its lease ended")
      _ = fail(key, token: tasks[key]?.token ?? 0, failure, worker: "sweeper", random: random())
    }
    for key in ordered(where: { ($0.dueAt ?? .max) <= self.now }) {
      let isTotal = tasks[key]?.closeBy.map { $0 <= now } ?? false
      let failure =
        isTotal
        ? Failure(kind: .scheduleToCloseTimeout, type: "ScheduleToCloseTimeout", message: "all attempts together took too long")
        : Failure(kind: .scheduleToStartTimeout, type: "ScheduleToStartTimeout", message: "no worker took the attempt in time")
      _ = fail(key, token: tasks[key]?.token ?? 0, failure, worker: "sweeper", random: random())
    }
  }

  private func ordered(where isWanted: (StoredTask) -> Bool) -> [ActivityKey] {
    tasks.filter { isWanted($0.value) }.map(\.key).sorted { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }
  }
}
