/// Activities that were asked to stop and whose code waits until they have: each gets one more word, from whoever has it.
extension SlotOwner {
  func askToStop(_ activity: inout OpenActivity, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    activity.isCancelRequested = true
    guard activity.task.options.cancellationType == .waitCancellationCompleted else {
      // Scheduled by code that would not have waited: nobody will tell how it ends.
      stop(activity, key)
      return endUntried(&activity, entry, slot, at)
    }
    switch activity.place {
    case .running: pipeline.open.effects.append(.stopLocal(key))
    case .queued:
      pipeline.open.cancelledTasks.append(key)
      pipeline.open.withdrawnTasks.append(
        WithdrawnTask(key: key, attributes: Self.untried(activity, at).encoded(sequence: key.sequence)))
    case .delayed, .parked: endUntried(&activity, entry, slot, at)
    }
  }

  /// After a replay.
  /// - Returns: whether that is all that is to be done for it.
  func resumeStopping(_ activity: inout OpenActivity, _ entry: RunEntry, _ run: LoadedRun, _ slot: Slot) -> Bool {
    let sequence = activity.task.sequence
    if run.queuedActivities.contains(sequence) { return false }
    if let attempt = runningHere[ActivityKey(runID: entry.runID, sequence: sequence)], attempt > activity.attempts { return false }
    // Its attempt died with the process that ran it, and there will be no other.
    record(nil, entry, at: entry.lastActiveAt)
    endUntried(&activity, entry, slot, max(clock(), entry.lastActiveAt))
    return true
  }

  /// Nobody works on it, and nobody will. Its outcome stands in the inbox with the batch.
  private func endUntried(_ activity: inout OpenActivity, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    switch activity.place {
    case .delayed(let row): pipeline.open.endedTimers.append(row)
    case .parked: pipeline.open.unparkedActivities.append(key)
    case .running: runningHere[key] = nil
    case .queued: break
    }
    activity.place = .queued
    pipeline.open.sentMessages.append(
      SpilledMessage(
        runID: entry.runID, slot: slot, kind: .activityOutcome, attributes: Self.untried(activity, at).encoded(sequence: key.sequence)))
  }

  private static func untried(_ activity: OpenActivity, _ at: Int64) -> AttemptReport {
    AttemptReport(
      attempt: activity.attempts + 1, outcome: .failed(.cancelled), worker: "", startedAt: at, endedAt: at, exhausted: .cancelRequested)
  }
}
