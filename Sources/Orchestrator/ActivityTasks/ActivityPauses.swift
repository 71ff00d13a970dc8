import PostgreSQL

/// Which activities are paused, as far as this process knows: owners read it with every heartbeat. Knowing it late lets an attempt begin that
/// should not; rows are held back by the statements that write them.
struct ActivityPauses: Sendable, Equatable {
  private struct Kind: Hashable {
    let namespace: String
    let activityType: String
    /// Nil for all.
    let taskQueue: String?
  }

  private var kinds: Set<Kind> = []
  private var single: Set<ActivityKey> = []

  init() {}

  /// Reads what `ActivityPauseStatements.all` gives.
  init(_ rows: Rows) throws {
    for row in 0..<rows.count {
      if let run = try rows.optional(row, 3, rows.uuid) {
        single.insert(ActivityKey(runID: RunID(run), sequence: try rows.int32(row, 4)))
      } else {
        kinds.insert(
          Kind(
            namespace: try rows.text(row, 0), activityType: try rows.text(row, 1), taskQueue: try rows.optional(row, 2, rows.text)))
      }
    }
  }

  var isEmpty: Bool { kinds.isEmpty && single.isEmpty }

  func hold(_ task: ActivityTask, _ key: ActivityKey, namespace: String) -> Bool {
    if single.contains(key) { return true }
    guard !kinds.isEmpty else { return false }
    return kinds.contains(Kind(namespace: namespace, activityType: task.activityType, taskQueue: nil))
      || kinds.contains(Kind(namespace: namespace, activityType: task.activityType, taskQueue: task.options.taskQueue))
  }
}
