/// Activities that somebody changes or begins anew while they are pending.
extension SlotOwner {
  /// - Parameter options: nil for those that the code asked for.
  func change(_ activity: inout OpenActivity, _ options: ActivityOptions?, _ entry: RunEntry, _ slot: Slot) {
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    activity.change(options)
    pipeline.open.changedOptions[key] = options.map { ActivityOptionsRow(key: key, slot: slot, options: $0) }
    guard case .queued = activity.place, let workflow = entry.key else { return }
    // Its row follows; an attempt that a worker has goes on as it began.
    pipeline.open.changedTasks.append(
      ActivityTaskRow(
        key: key, attempt: activity.attempts + 1, slot: slot, workflow: workflow, task: activity.task, scheduledAt: activity.scheduledAt))
  }

  /// Its failures no longer count, and what holds the next attempt back is over.
  func beginAnew(_ activity: inout OpenActivity, _ reset: ActivityReset, _ entry: RunEntry, _ slot: Slot) {
    let key = ActivityKey(runID: entry.runID, sequence: activity.task.sequence)
    if reset.restoreOptions, activity.original != nil { change(&activity, nil, entry, slot) }
    if !reset.keepHeartbeat {
      activity.heartbeatDetails = nil
      pipeline.open.heartbeats[key] = nil
      pipeline.open.endedHeartbeats.append(key)
      if case .queued = activity.place { pipeline.open.clearedTasks.append(key) }
    }
    pipeline.open.forgivenActivities.append(key)
    activity.failed = 0
    activity.lost = 0
    retryNow(&activity, key, entry, slot)
  }
}
