/// Activities that nobody begins: their attempts are rows, which are held back by the statement that writes them, wherever they would run.
extension SlotOwner {
  func isHeld(_ task: ActivityTask, _ entry: RunEntry) -> Bool {
    guard !pauses.isEmpty, let workflow = entry.key else { return false }
    return pauses.hold(task, ActivityKey(runID: entry.runID, sequence: task.sequence), namespace: workflow.namespace)
  }

  /// Others are paused now: what has not begun in this process becomes a row too.
  func hold(_ now: ActivityPauses) {
    pauses = now
    guard !now.isEmpty else { return }
    let withdrawn = dispatcher.withdraw { now.hold($0.task, $0.key, namespace: $0.workflow.namespace) }
    for attempt in withdrawn {
      guard let entry = entries[attempt.key.runID], let slot = entry.slot, var activity = entry.activities[attempt.key.sequence],
        case .running(attempt.attempt) = activity.place
      else { continue }
      runningHere[attempt.key] = nil
      record(nil, entry, at: entry.lastActiveAt)
      activity.place = .queued
      enqueue(activity, entry, slot)
      entry.activities[attempt.key.sequence] = activity
    }
  }
}
