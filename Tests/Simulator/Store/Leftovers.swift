@testable import Orchestrator

extension StoreModel {
  /// What stands in tables that must be empty once every run has ended.
  var leftovers: [String] {
    inbox.map { "message \($0.row.messageID) of kind \($0.row.kind) for \($0.row.runID)" } + timers.values.map { "timer of \($0.runID)" }
      + parked.map { "parked row of \($0)" } + blocked.keys.map { "blocked row of \($0)" } + tasks.keys.map { "task of \($0.runID)" }
      + activityHeartbeats.keys.map { "heartbeat of \($0.runID)" } + parkedActivities.map { "parked activity of \($0.runID)" }
  }

  /// The broken database: what was written is written once more.
  func writeAgain(_ batch: CommitBatch, by process: Int64) {
    for row in batch.history {
      history[row.runID, default: []].append(row.event)
      observer?.recorded(
        run: row.runID.uuid, slot: Int(row.slot.number), event: Int(row.event.eventID), type: Int(row.event.type.rawValue),
        at: row.event.at,
        causedBy: Int(row.event.causedBy), row.event.attributes, by: process)
    }
  }
}
