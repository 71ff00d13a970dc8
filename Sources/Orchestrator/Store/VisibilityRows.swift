import Foundation
import PostgreSQL

// Rows of `VisibilityStatements` as values, column by column.

extension Rows {
  func time(_ row: Int, _ column: Int) throws -> RecordedTime { RecordedTime(microseconds: try timestamp(row, column)) }

  fileprivate func time(ifAny row: Int, _ column: Int) throws -> RecordedTime? { try optional(row, column, time) }

  fileprivate func text(ifAny row: Int, _ column: Int) throws -> String? { try optional(row, column, text) }

  /// A `jsonb` column.
  fileprivate func json(ifAny row: Int, _ column: Int) throws -> Payload? {
    try optional(row, column) { Payload(json: Array(try text($0, $1).utf8)) }
  }

  /// A failure in a `bytea` column; one that cannot be read is shown as such, it must not hide the rest.
  fileprivate func failure(_ row: Int, _ column: Int) throws -> Failure {
    let payload = Payload(json: try bytes(row, column))
    return (try? PayloadCodec.decode(Failure.self, from: payload)) ?? Failure(type: "UnreadableFailure", message: payload.text)
  }
}

extension WorkflowSummary {
  /// - Parameter versionColumn: where its version stands; of a list behind all others.
  init(_ rows: Rows, _ row: Int, pending: [PendingActivity] = [], versionColumn: Int = 11) throws {
    guard let status = WorkflowStatus(rawValue: try rows.text(row, 4)) else {
      throw OrchestratorError(.damagedHistory, "run \(RunID(try rows.uuid(row, 0))) has a status that is unknown to this build")
    }
    self.init(
      runID: RunID(try rows.uuid(row, 0)), namespace: try rows.text(row, 1), workflowID: try rows.text(row, 2),
      workflowType: try rows.text(row, 3), status: status, startedAt: try rows.time(row, 5), closedAt: try rows.time(ifAny: row, 6),
      events: try rows.optional(row, 7, rows.int32),
      waitsFor: status.isOpen ? try rows.text(ifAny: row, 8) ?? PendingActivity.waiting(for: pending) : nil,
      blockedCode: status == .blocked ? try rows.text(ifAny: row, 9) : nil, searchAttributes: try rows.json(ifAny: row, 10),
      version: try rows.text(ifAny: row, versionColumn), isPinned: try rows.optional(row, versionColumn + 1, rows.bool))
  }
}

extension WorkflowDetails {
  init(_ rows: Rows, pending: [PendingActivity], _ timers: [PendingTimer], resets: [WorkflowReset]) throws {
    let isBlocked = try rows.text(0, 4) == WorkflowStatus.blocked.rawValue
    self.init(
      input: try rows.json(ifAny: 0, 11), startedBy: try rows.text(ifAny: 0, 12), build: try rows.text(ifAny: 0, 13),
      memo: try rows.json(ifAny: 0, 21), state: try rows.json(ifAny: 0, 14), outcome: try rows.json(ifAny: 0, 15),
      blocked: isBlocked
        ? BlockedReason(
          code: try rows.text(0, 9), reason: try rows.text(0, 16), since: try rows.time(0, 17), build: try rows.text(0, 18),
          attempts: try rows.int32(0, 19)) : nil,
      paused: try rows.time(ifAny: 0, 22).map {
        PauseDescription(since: $0, reason: try rows.text(0, 23), identity: try rows.text(0, 24))
      },
      parkedAt: try rows.time(ifAny: 0, 20), pendingActivities: pending, pendingTimers: timers, resets: resets)
  }
}

extension PendingActivity {
  init(_ rows: Rows, _ row: Int) throws {
    self.init(
      runID: RunID(try rows.uuid(row, 0)), workflowID: try rows.text(row, 1), sequence: try rows.int32(row, 2),
      activityType: try rows.text(row, 3), taskQueue: try rows.text(row, 4), state: State(rawValue: try rows.text(row, 5)) ?? .owner,
      attempt: try rows.int32(row, 6), scheduledAt: try rows.time(row, 7), worker: try rows.text(ifAny: row, 8),
      heartbeatAt: try rows.time(ifAny: row, 9),
      heartbeatDetails: try rows.optional(row, 10) { Payload(json: try rows.bytes($0, $1)) },
      leaseExpiresAt: try rows.time(ifAny: row, 11), nextAttemptAt: try rows.time(ifAny: row, 12),
      parkedAt: try rows.time(ifAny: row, 13), retryState: try rows.text(ifAny: row, 14),
      lastFailure: try rows.optional(row, 15, rows.failure),
      paused: try rows.time(ifAny: row, 16).map {
        PauseDescription(since: $0, reason: try rows.text(row, 17), identity: try rows.text(row, 18))
      })
  }

  /// What a run with these activities waits for, in words; nil without any.
  static func waiting(for activities: [PendingActivity]) -> String? {
    guard !activities.isEmpty else { return nil }
    return activities.prefix(8).map { activity in
      let name = "activity \(activity.activityType) (\(activity.sequence))"
      switch activity.state {
      case .parked: return "operator for \(name)"
      case .paused: return "somebody to resume \(name)"
      case .scheduled: return "\(name) in queue \(activity.taskQueue)"
      case .started, .owner: return activity.nextAttemptAt == nil ? name : "next attempt of \(name)"
      }
    }.joined(separator: ", ")
  }
}

extension PendingTimer {
  init(_ rows: Rows, _ row: Int) throws {
    self.init(sequence: try rows.int32(row, 0), startedAt: try rows.time(row, 1), firesAt: try rows.time(row, 2))
  }
}

extension FailedAttempt {
  init(_ rows: Rows, _ row: Int) throws {
    self.init(
      sequence: try rows.int32(row, 0), activityType: try rows.text(row, 1), attempt: try rows.int32(row, 2),
      worker: try rows.text(row, 3), startedAt: try rows.time(row, 4), endedAt: try rows.time(row, 5),
      failure: try rows.failure(row, 6), nextAttemptAt: try rows.time(ifAny: row, 7))
  }
}
