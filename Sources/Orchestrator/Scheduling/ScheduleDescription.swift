import PostgreSQL

/// A schedule and how it stands. The names of its fields in JSON are stable.
public struct ScheduleDescription: Codable, Sendable {
  public let namespace: String
  public let scheduleID: String
  /// Grows with every change; an update may name the one that it was made from.
  public let version: Int64
  public let schedule: Schedule
  public let info: ScheduleInfo

  enum CodingKeys: String, CodingKey {
    case scheduleID = "scheduleId"
    case namespace, version, schedule, info
  }
}

/// What a schedule did, does and will do.
public struct ScheduleInfo: Codable, Sendable {
  public let createdAt: RecordedTime
  public let updatedAt: RecordedTime
  /// The next times, at most ten; none while it is paused or has no actions left.
  public let nextTimes: [ScheduledTime]
  /// The newest starts, at most ten, newest first.
  public let recentActions: [ScheduleActionResult]
  /// Open runs that it started and that its overlap policy knows of.
  public let runningWorkflows: [RunningWorkflow]
  /// Starts that wait for an open run.
  public let bufferSize: Int32
  /// Backfills that are not through.
  public let backfills: Int32
  /// Runs that it started.
  public let actionCount: Int64
  /// Times that were older than the catch-up window when they were seen.
  public let missedCatchupWindow: Int64
  /// Times without a start because of an open run, a pause or no actions left.
  public let overlapSkipped: Int64
  /// Times without a start because the buffer was full.
  public let bufferDropped: Int64
  /// Why the engine cannot act on it now, and tries again; nil when it can.
  public let problem: String?
}

/// One start of a schedule.
public struct ScheduleActionResult: Codable, Sendable, Equatable {
  /// The nominal time.
  public let scheduledAt: RecordedTime
  public let startedAt: RecordedTime
  public let workflowID: String
  public let runID: RunID

  enum CodingKeys: String, CodingKey {
    case workflowID = "workflowId"
    case runID = "runId"
    case scheduledAt, startedAt
  }
}

/// An open run of a schedule.
public struct RunningWorkflow: Codable, Sendable, Equatable {
  public let workflowID: String
  public let runID: RunID

  enum CodingKeys: String, CodingKey {
    case workflowID = "workflowId"
    case runID = "runId"
  }
}

// Rows of `ScheduleStatements.describe` as values, column by column.
extension ScheduleDescription {
  init(_ rows: Rows, _ row: Int, nextTimes count: Int) throws {
    func decode<Value: Decodable>(_ type: Value.Type, _ column: Int) throws -> Value {
      try PayloadCodec.decode(type, from: Payload(json: Array(try rows.text(row, column).utf8)))
    }
    scheduleID = try rows.text(row, 1)
    guard let overlap = OverlapPolicy(rawValue: try rows.text(row, 9)) else {
      throw OrchestratorError(.damagedHistory, "schedule '\(scheduleID)' has an overlap policy that is unknown to this build")
    }
    namespace = try rows.text(row, 0)
    version = try rows.int64(row, 2)
    schedule = Schedule(
      specification: try decode(ScheduleSpecification.self, 5),
      action: ScheduleAction(
        workflowType: try rows.text(row, 6), workflowID: try rows.text(row, 7), input: Payload(json: Array(try rows.text(row, 8).utf8))),
      policies: SchedulePolicies(
        overlap: overlap, catchupWindow: .microseconds(try rows.int64(row, 10)), pauseOnFailure: try rows.bool(row, 11)),
      state: ScheduleState(
        isPaused: try rows.bool(row, 12), note: try rows.text(row, 13), remainingActions: try rows.optional(row, 14, rows.int64)))
    info = ScheduleInfo(
      createdAt: try rows.time(row, 3), updatedAt: try rows.time(row, 4),
      nextTimes: try Self.next(count, of: schedule, scheduleID, after: try rows.timestamp(row, 25)),
      recentActions: try decode([ScheduleActionResult].self, 16), runningWorkflows: try decode([RunningWorkflow].self, 24),
      bufferSize: try rows.int32(row, 17), backfills: try rows.int32(row, 18), actionCount: try rows.int64(row, 19),
      missedCatchupWindow: try rows.int64(row, 20), overlapSkipped: try rows.int64(row, 21), bufferDropped: try rows.int64(row, 22),
      problem: try rows.optional(row, 23, rows.text))
  }

  private static func next(_ count: Int, of schedule: Schedule, _ scheduleID: String, after cursor: Int64) throws -> [ScheduledTime] {
    guard !schedule.state.isPaused, schedule.state.remainingActions != 0 else { return [] }
    let times = try ScheduleTimes(schedule.specification)
    var found: [ScheduledTime] = []
    var after = cursor.floored(by: 1_000_000)
    while found.count < min(count, Int(clamping: schedule.state.remainingActions ?? .max)),
      let next = times.next(after: after, scheduleID: scheduleID)
    {
      found.append(next)
      after = next.nominalSeconds
    }
    return found
  }
}
