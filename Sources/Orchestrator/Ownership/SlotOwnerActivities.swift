/// Activities from the command to the outcome.
extension SlotOwner {
  func perform(_ command: Command, _ eventID: Int32, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    switch command {
    case .scheduleActivity(let task):
      entry.scheduledBy[task.sequence] = eventID
      schedule(task, entry, slot, at)
    case .requestCancelActivity(let sequence):
      cancelActivity(sequence, entry, slot, at)
    case .startTimer(let sequence, let milliseconds):
      entry.scheduledBy[sequence] = eventID
      let dueAt = milliseconds > (Int64.max - at) / 1000 ? Int64.max / 2 : at + milliseconds * 1000
      let row = TimerRow(slot: slot, dueAt: dueAt, runID: entry.runID, sequence: sequence, kind: .timer)
      entry.timers[sequence] = row
      begin(row)
    case .cancelTimer(let sequence):
      entry.scheduledBy[sequence] = nil
      if let row = entry.timers.removeValue(forKey: sequence) { pipeline.open.endedTimers.append(row) }
    case .recordPatch: break
    case .completeUpdate(let updateID, let outcome): completeUpdate(updateID, outcome, entry, slot, at)
    case .upsertSearchAttributes(let upsert): store(upsert.attributes, of: entry, slot)
    case .completeWorkflow(let result): close(entry, .completed, outcome: result, at: at)
    case .failWorkflow(let failure): close(entry, .failed, outcome: failure.payload, at: at)
    case .cancelWorkflow: close(entry, .canceled, outcome: nil, at: at)
    case .requestCancelChild(let sequence):
      if let child = entry.children[sequence] { cancelChild(child, reason: "its parent asks for it") }
    case .signalChild(let sequence, let name, let input):
      if let child = entry.children[sequence] { signalChild(child, name, input, eventID, entry) }
    case .requestCancelExternal(let sequence, let workflowID):
      entry.scheduledBy[sequence] = eventID
      sendExternal(workflowID, nil, sequence, entry, at)
    case .signalExternal(let sequence, let workflowID, let name, let input):
      entry.scheduledBy[sequence] = eventID
      sendExternal(workflowID, (name, input), sequence, entry, at)
    // Their events name the runs that begin.
    case .continueAsNew, .startChild: break
    }
  }

  func isLocal(_ task: ActivityTask) -> Bool {
    if configuration.runsAllActivities { return true }
    return configuration.localTaskQueues.contains(task.options.taskQueue) && registry.implementation(of: task.activityType) != nil
      && task.options.priority == nil && (orderedQueues.isEmpty || !orderedQueues.contains(task.options.taskQueue))
  }

  func schedule(_ task: ActivityTask, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    var activity = OpenActivity(task: task, scheduledAt: at, place: .queued)
    beginAttempt(&activity, entry, slot)
    entry.activities[task.sequence] = activity
  }

  /// The next attempt: in this process, or as a row for whoever serves the queue.
  private func beginAttempt(_ activity: inout OpenActivity, _ entry: RunEntry, _ slot: Slot) {
    if isLocal(activity.task), !isHeld(activity.task, entry) { return dispatch(&activity, entry) }
    activity.place = .queued
    enqueue(activity, entry, slot)
  }

  func enqueue(_ activity: OpenActivity, _ entry: RunEntry, _ slot: Slot) {
    guard let key = entry.key else { return }
    entry.usesTaskQueues = true
    let task = activity.task
    let queued =
      task.header == nil
      ? task
      : ActivityTask(
        sequence: task.sequence, activityType: task.activityType, input: HeadedValue.wrapped(task.input, task.header), options: task.options
      )
    pipeline.open.tasks.append(
      ActivityTaskRow(
        key: ActivityKey(runID: entry.runID, sequence: activity.task.sequence), attempt: activity.attempts + 1, slot: slot,
        workflow: key, task: queued, scheduledAt: activity.scheduledAt))
  }

  /// Starts the next attempt in this process, once the open batch has landed.
  private func dispatch(_ activity: inout OpenActivity, _ entry: RunEntry) {
    guard let workflow = entry.key else { return }
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    let attempt = activity.attempts + 1
    activity.place = .running(attempt: attempt)
    runningHere[key] = attempt
    pipeline.open.effects.append(
      .dispatch(
        ActivityAttempt(
          key: key, workflow: workflow, task: activity.task, attempt: attempt, scheduledAt: activity.scheduledAt,
          heartbeatDetails: activity.heartbeatDetails)))
  }

  func startInline(_ task: InlineTask, _ entry: RunEntry, scheduledAt: Int64) {
    let key = ActivityKey(runID: entry.runID, sequence: task.sequence)
    entry.inlineSteps[task.sequence] = task
    guard let workflow = entry.key, inlineHere.insert(key).inserted else { return }
    pipeline.touch(entry)
    pipeline.open.effects.append(.runInline(InlineStep(key: key, workflow: workflow, task: task, scheduledAt: scheduledAt)))
  }

  /// After a replay: where an open activity stands.
  func resume(_ open: ReplayMatcher.OpenActivity, _ entry: RunEntry, _ run: LoadedRun, _ slot: Slot) {
    let sequence = open.task.sequence
    var activity = OpenActivity(task: open.task, scheduledAt: open.scheduledAt, place: .queued)
    let count = run.attempts.first { $0.sequence == sequence }
    activity.attempts = count?.total ?? 0
    activity.failed = count?.failed ?? 0
    activity.lost = count?.lost ?? 0
    activity.heartbeatDetails = run.heartbeats[sequence]
    if let changed = run.activityOptions[sequence] { activity.change(changed) }
    defer { entry.activities[sequence] = activity }
    activity.isCancelRequested = open.isCancelRequested
    if open.isCancelRequested, resumeStopping(&activity, entry, run, slot) { return }
    if run.parkedActivities.contains(sequence) {
      activity.place = .parked
    } else if run.queuedActivities.contains(sequence) {
      activity.place = .queued
    } else if let attempt = runningHere[ActivityKey(runID: entry.runID, sequence: sequence)], attempt > activity.attempts {
      activity.place = .running(attempt: attempt)
    } else if let count, let dueAt = count.nextAttemptAt, count.isDelayed {
      let row = TimerRow(slot: slot, dueAt: dueAt, runID: entry.runID, sequence: sequence, kind: .activityRetry)
      activity.place = .delayed(row)
      if dueAt < clock() + Limits.timerHorizon { timers.insert(row) }
    } else if !isLocal(activity.task) || isHeld(activity.task, entry) {
      // Scheduled when its queue was served here; now it is not, or nobody may begin it.
      record(nil, entry, at: entry.lastActiveAt)
      enqueue(activity, entry, slot)
    } else {
      resumeLost(&activity, entry, slot)
    }
  }

  /// Its attempt died with the process that ran it.
  private func resumeLost(_ activity: inout OpenActivity, _ entry: RunEntry, _ slot: Slot) {
    let now = max(clock(), entry.lastActiveAt)
    record(nil, entry, at: entry.lastActiveAt)
    let failure = Failure(kind: .workerLost, type: "WorkerLost", message: "the process that ran this attempt ended")
    var report = AttemptReport(
      attempt: activity.attempts + 1, outcome: .failed(failure), worker: "lost", startedAt: activity.scheduledAt, endedAt: now)
    if case .exhausted(let state) = retry(&activity, failure, report, entry, slot, now) {
      activity.place = .running(attempt: report.attempt)
      report.exhausted = state
      let outcome = OwnerMessage.Body.activityOutcome(sequence: activity.task.sequence, report)
      deferred.append((at: now, message: OwnerMessage(runID: entry.runID, body: outcome)))
    }
  }

  func attemptEnded(_ entry: RunEntry, _ sequence: Int32, _ report: AttemptReport, _ message: OwnerMessage) {
    let key = ActivityKey(runID: entry.runID, sequence: sequence)
    guard var activity = entry.activities[sequence], isCurrent(report, activity), let slot = entry.slot else {
      if runningHere[key] == report.attempt { runningHere[key] = nil }
      acknowledge(message, entry)
      return
    }
    switch report.outcome {
    case .completed(let result):
      let identity = message.messageID == nil ? nil : report.worker
      end(activity, .activityCompleted(sequence: sequence, result: result, by: identity), entry, message)
    case .failed(let failure):
      let now = max(clock(), entry.lastActiveAt)
      if let state = report.exhausted {
        activity.attempts = report.attempt
        exhausted(activity, state, failure, report, entry, slot, message)
        return
      }
      switch retry(&activity, failure, report, entry, slot, now) {
      case .retry:
        record(message, entry, at: now)
        entry.activities[sequence] = activity
      case .exhausted(let state): exhausted(activity, state, failure, report, entry, slot, message)
      }
    }
  }

  private func isCurrent(_ report: AttemptReport, _ activity: OpenActivity) -> Bool {
    switch activity.place {
    case .running(let attempt): attempt == report.attempt
    // The lease token was checked when the worker wrote its outcome.
    case .queued: true
    case .delayed, .parked: false
    }
  }

  /// Logs the failed attempt and prepares the next if there is one.
  private func retry(
    _ activity: inout OpenActivity, _ failure: Failure, _ report: AttemptReport, _ entry: RunEntry, _ slot: Slot, _ now: Int64
  ) -> AttemptOutcome {
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    runningHere[key] = nil
    activity.attempts = report.attempt
    if failure.kind == .workerLost { activity.lost += 1 } else { activity.failed += 1 }
    let outcome = AttemptOutcome.decide(
      failure: failure, attempt: activity.failed, lost: activity.lost, elapsedMilliseconds: (now - activity.scheduledAt) / 1000,
      options: activity.task.options, isCancelRequested: activity.isCancelRequested, random: random())
    var nextAttemptAt: Int64?
    if case .retry(let delay) = outcome { nextAttemptAt = now + delay * 1000 }
    pipeline.touch(entry)
    pipeline.open.attempts.append(
      AttemptRow(
        key: key, slot: slot, activityType: activity.task.activityType, attempt: report.attempt, worker: report.worker,
        startedAt: report.startedAt, endedAt: report.endedAt, failure: failure, nextAttemptAt: nextAttemptAt))
    keepHeartbeat(of: report, &activity, key, now)
    if let nextAttemptAt, nextAttemptAt <= now {
      beginAttempt(&activity, entry, slot)
    } else if let nextAttemptAt {
      let row = TimerRow(slot: slot, dueAt: nextAttemptAt, runID: key.runID, sequence: key.sequence, kind: .activityRetry)
      activity.place = .delayed(row)
      begin(row)
    }
    return outcome
  }

  /// What an attempt last reported reaches the next one, however soon it failed after that.
  private func keepHeartbeat(of report: AttemptReport, _ activity: inout OpenActivity, _ key: ActivityKey, _ now: Int64) {
    guard let details = report.heartbeatDetails else { return }
    activity.heartbeatDetails = details
    pipeline.open.heartbeats[key] = HeartbeatRow(key: key, at: now, details: details)
  }

  private func exhausted(
    _ activity: OpenActivity, _ state: AttemptOutcome.RetryState, _ failure: Failure, _ report: AttemptReport, _ entry: RunEntry,
    _ slot: Slot, _ message: OwnerMessage
  ) {
    var activity = activity
    let sequence = activity.task.sequence
    if activity.task.options.onExhausted == .park && state != .cancelRequested {
      activity.place = .parked
      record(message, entry, at: max(clock(), entry.lastActiveAt))
      keepHeartbeat(of: report, &activity, ActivityKey(runID: entry.runID, sequence: sequence), entry.lastActiveAt)
      pipeline.open.parkedActivities.append(
        ParkedActivityRow(
          key: ActivityKey(runID: entry.runID, sequence: sequence), slot: slot, activityType: activity.task.activityType,
          at: entry.lastActiveAt, attempts: activity.attempts, retryState: state, failure: failure))
      entry.activities[sequence] = activity
      return
    }
    let event: IncomingEvent =
      switch failure.kind {
      case .cancelled where activity.isCancelRequested, .workerLost where activity.isCancelRequested:
        .activityCanceled(sequence: sequence, by: report.worker)
      case let kind where kind.isTimeout: .activityTimedOut(sequence: sequence, failure: failure)
      default: .activityFailed(sequence: sequence, failure: failure, by: report.worker)
      }
    end(activity, event, entry, message)
  }

  /// An activity got its outcome: what stood around it goes.
  private func settle(_ activity: OpenActivity, _ sequence: Int32, _ entry: RunEntry) {
    entry.activities[sequence] = nil
    let key = ActivityKey(runID: entry.runID, sequence: sequence)
    runningHere[key] = nil
    if activity.original != nil { pipeline.open.changedOptions[key] = .some(nil) }
    if activity.heartbeatDetails != nil { pipeline.open.endedHeartbeats.append(key) }
    switch activity.place {
    case .parked: pipeline.open.unparkedActivities.append(key)
    case .delayed(let row): pipeline.open.endedTimers.append(row)
    case .running, .queued: break
    }
  }

  private func cancelActivity(_ sequence: Int32, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    guard var activity = entry.activities[sequence] else { return }
    if entry.instance?.isPending(sequence) == true {
      askToStop(&activity, entry, slot, at)
      entry.activities[sequence] = activity
    } else {
      entry.scheduledBy[sequence] = nil
      settle(activity, sequence, entry)
      stop(activity, ActivityKey(runID: entry.runID, sequence: sequence))
    }
  }

  /// Whoever still works on it is told to stop.
  func stop(_ activity: OpenActivity, _ key: ActivityKey) {
    switch activity.place {
    case .running: pipeline.open.effects.append(.cancelLocal(key))
    case .queued: pipeline.open.cancelledTasks.append(key)
    case .delayed, .parked: break
    }
  }

  func obey(_ command: ActivityCommand, _ entry: RunEntry, _ sequence: Int32, _ identity: String, _ message: OwnerMessage) {
    guard var activity = entry.activities[sequence], let slot = entry.slot else {
      refuse(message, entry, OrchestratorError(.activityNotFound, "run \(entry.runID) has no pending activity with sequence \(sequence)"))
      return
    }
    switch command {
    case .retry:
      record(message, entry, at: max(clock(), entry.lastActiveAt))
      retryNow(&activity, ActivityKey(runID: entry.runID, sequence: sequence), entry, slot)
      entry.activities[sequence] = activity
    case .complete(let result):
      end(activity, .activityCompleted(sequence: sequence, result: result, by: identity), entry, message, isByHand: true)
    case .fail(let reason):
      let failure = Failure(type: "FailedByOperator", message: reason, isRetryable: false)
      end(activity, .activityFailed(sequence: sequence, failure: failure, by: identity), entry, message, isByHand: true)
    case .reset(let reset):
      record(message, entry, at: max(clock(), entry.lastActiveAt))
      beginAnew(&activity, reset, entry, slot)
      entry.activities[sequence] = activity
    case .updateOptions(let change):
      do {
        let options = try change?.applied(to: activity.task.options)
        record(message, entry, at: max(clock(), entry.lastActiveAt))
        self.change(&activity, options, entry, slot)
        entry.activities[sequence] = activity
      } catch {
        refuse(message, entry, error as? OrchestratorError ?? OrchestratorError(.invalidArgument, "\(error)"))
      }
    }
  }

  func retryNow(_ activity: inout OpenActivity, _ key: ActivityKey, _ entry: RunEntry, _ slot: Slot) {
    switch activity.place {
    case .running: return
    case .queued:
      pipeline.open.expeditedTasks.append(key)
      return
    case .delayed(let row): pipeline.open.endedTimers.append(row)
    case .parked:
      pipeline.open.unparkedActivities.append(key)
      pipeline.open.forgivenActivities.append(key)
      activity.failed = 0
      activity.lost = 0
    }
    beginAttempt(&activity, entry, slot)
  }

  /// Applies the activity's outcome; what stood around it goes with it.
  private func end(
    _ activity: OpenActivity, _ event: IncomingEvent, _ entry: RunEntry, _ message: OwnerMessage, isByHand: Bool = false
  ) {
    guard let sequence = event.sequence else { return }
    apply(event, to: entry, from: message) {
      settle(activity, sequence, entry)
      if isByHand { stop(activity, ActivityKey(runID: entry.runID, sequence: sequence)) }
    }
  }

  func timerDue(_ row: TimerRow, _ entry: RunEntry, _ message: OwnerMessage) {
    switch row.kind {
    case .timer:
      guard entry.timers[row.sequence] == row else { break }
      if entry.isPaused {
        // Its start stands in the history: the run has it again when it goes on, and until then nobody looks for it.
        pipeline.touch(entry)
        pipeline.open.endedTimers.append(row)
        return
      }
      entry.timers[row.sequence] = nil
      pipeline.open.endedTimers.append(row)
      // It was due: should the clock have been set back since, its event is not earlier all the same.
      entry.lastActiveAt = max(entry.lastActiveAt, row.dueAt)
      apply(.timerFired(sequence: row.sequence), to: entry, from: message)
      return
    case .startDelay:
      guard entry.deadlines.contains(row), entry.instance?.isDelayed == true else { break }
      entry.lastActiveAt = max(entry.lastActiveAt, row.dueAt)
      apply(.startDelayEnded, to: entry, from: message)
      return
    case .deadline: return timeOut(entry, row, message)
    case .activityRetry:
      guard var activity = entry.activities[row.sequence], case .delayed(row) = activity.place else { break }
      record(message, entry, at: max(clock(), entry.lastActiveAt))
      pipeline.open.endedTimers.append(row)
      beginAttempt(&activity, entry, row.slot)
      entry.activities[row.sequence] = activity
      return
    }
    acknowledge(message, entry)
    pipeline.open.endedTimers.append(row)
  }

  func begin(_ row: TimerRow) {
    pipeline.open.timers.append(row)
    if row.dueAt < clock() + Limits.timerHorizon { timers.insert(row) }
  }

  private func refuse(_ message: OwnerMessage, _ entry: RunEntry, _ error: OrchestratorError) {
    var message = message
    let reply = message.reply
    message.reply = nil
    acknowledge(message, entry)
    if let reply { pipeline.open.effects.append(.reply(reply, error)) }
  }
}

extension Failure.Kind {
  var isTimeout: Bool {
    switch self {
    case .scheduleToStartTimeout, .startToCloseTimeout, .scheduleToCloseTimeout, .heartbeatTimeout: true
    case .application, .cancelled, .terminated, .workerLost, .engine: false
    }
  }
}
