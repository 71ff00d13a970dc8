import PostgreSQL

/// Schedules: durable when a call returns; an engine acts on them, whichever process it runs in.
extension Client {
  /// Makes a schedule; its first time is behind now.
  /// - Throws: `OrchestratorError`: `schedule-already-exists`, `invalid-argument` with what is wrong where.
  public func createSchedule(_ scheduleID: String, _ schedule: Schedule, namespace: String = "default") async throws {
    try Self.checkName("schedule id", scheduleID)
    try Self.checkName("namespace", namespace)
    let times = try schedule.checked()
    let now = try await database.query(ScheduleStatements.clock).timestamp(0, 0)
    let next = times.next(after: now.floored(by: 1_000_000), scheduleID: scheduleID)
    guard next != nil || times.isEmpty else {
      throw OrchestratorError(.invalidArgument, "the schedule '\(scheduleID)' would never act: its specification has no time from now on")
    }
    let written = try await database.query(
      ScheduleStatements.insert, try values(scheduleID, schedule, namespace, cursor: now, next))
    guard written.affectedRows == 1 else {
      throw OrchestratorError(.scheduleAlreadyExists, "there is a schedule '\(scheduleID)' in namespace '\(namespace)' already")
    }
  }

  /// Replaces a schedule; its times begin anew from now. What it started goes on, and what waits keeps waiting.
  /// - Parameter version: the version that the change was made from; nil to change whatever there is.
  /// - Throws: `OrchestratorError`: `schedule-not-found`, `schedule-changed`, `invalid-argument`.
  public func updateSchedule(
    _ scheduleID: String, to schedule: Schedule, ifVersion version: Int64? = nil, namespace: String = "default"
  ) async throws {
    let times = try schedule.checked()
    let now = try await database.query(ScheduleStatements.clock).timestamp(0, 0)
    let next = times.next(after: now.floored(by: 1_000_000), scheduleID: scheduleID)
    var parameters = try values(scheduleID, schedule, namespace, cursor: now, next)
    parameters.append(version)
    guard try await database.query(ScheduleStatements.update, parameters).count == 0 else { return }
    let found = try await describeSchedule(scheduleID, namespace: namespace)
    throw OrchestratorError(
      .scheduleChanged, "schedule '\(scheduleID)' is at version \(found.version) by now: read it again and make the change on that")
  }

  /// - Throws: `OrchestratorError` with code `schedule-not-found`.
  public func describeSchedule(_ scheduleID: String, namespace: String = "default") async throws -> ScheduleDescription {
    let rows = try await database.query(ScheduleStatements.describe, Parameters(namespace, scheduleID))
    guard rows.count > 0 else {
      throw OrchestratorError(.scheduleNotFound, "no schedule has the id '\(scheduleID)' in namespace '\(namespace)'")
    }
    return try ScheduleDescription(rows, 0, nextTimes: 10)
  }

  /// Schedules by their ids, each with its next time only.
  /// - Parameters:
  ///   - limit: schedules a page, 1 to 1000.
  ///   - cursor: `nextCursor` of the page before.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  public func listSchedules(
    namespace: String = "default", limit: Int = 50, cursor: String? = nil
  ) async throws -> Listing<ScheduleDescription> {
    let limit = try Self.checked(limit)
    let rows = try await database.query(ScheduleStatements.list, Parameters(namespace, cursor ?? "", Int64(limit) + 1))
    let schedules = try (0..<min(rows.count, limit)).map { try ScheduleDescription(rows, $0, nextTimes: 1) }
    return Listing(items: schedules, nextCursor: rows.count > limit ? schedules.last?.scheduleID : nil)
  }

  /// Times pass without a start until it is unpaused; they are not made up for.
  /// - Throws: `OrchestratorError` with code `schedule-not-found`.
  public func pauseSchedule(_ scheduleID: String, note: String = "", namespace: String = "default") async throws {
    _ = try await call(ScheduleStatements.pause, Parameters(scheduleID, note, namespace))
  }

  /// The schedule acts at its times again, from now on.
  /// - Throws: `OrchestratorError` with code `schedule-not-found`.
  public func unpauseSchedule(_ scheduleID: String, note: String = "", namespace: String = "default") async throws {
    _ = try await call(ScheduleStatements.unpause, Parameters(scheduleID, note, namespace))
  }

  /// Starts a run now, also while it is paused. Every trigger is a start of its own.
  /// - Parameter overlap: what to do beside an open run; by default it runs too.
  /// - Throws: `OrchestratorError`: `schedule-not-found`, `invalid-argument` when 2000 starts wait already.
  public func triggerSchedule(
    _ scheduleID: String, overlap: OverlapPolicy = .allowAll, namespace: String = "default"
  ) async throws {
    _ = try await call(ScheduleStatements.trigger, Parameters(scheduleID, overlap.rawValue, namespace))
  }

  /// Starts a run for each time of a span of the past, also for those that had one.
  /// - Parameters:
  ///   - through: the last moment; not in the future.
  ///   - overlap: by default one after another.
  /// - Throws: `OrchestratorError`: `schedule-not-found`, `invalid-argument`.
  public func backfillSchedule(
    _ scheduleID: String, from: RecordedTime, through: RecordedTime, overlap: OverlapPolicy = .bufferAll, namespace: String = "default"
  ) async throws {
    var parameters = Parameters(scheduleID)
    parameters.appendTimestamp(microseconds: from.microseconds)
    parameters.appendTimestamp(microseconds: through.microseconds)
    parameters.append(overlap.rawValue)
    parameters.append(namespace)
    _ = try await call(ScheduleStatements.backfill, parameters)
  }

  /// Removes a schedule; runs that it started go on.
  /// - Throws: `OrchestratorError` with code `schedule-not-found`.
  public func deleteSchedule(_ scheduleID: String, namespace: String = "default") async throws {
    _ = try await call(ScheduleStatements.delete, Parameters(scheduleID, namespace))
  }

  /// The times of a schedule in a span, whether it is paused or not.
  /// - Parameter limit: times, 1 to 1000.
  /// - Throws: `OrchestratorError`: `schedule-not-found`, `invalid-argument`.
  public func previewTimes(
    _ scheduleID: String, from: RecordedTime, through: RecordedTime, limit: Int = 10, namespace: String = "default"
  ) async throws -> [ScheduledTime] {
    let specification = try await describeSchedule(scheduleID, namespace: namespace).schedule.specification
    return try specification.times(from: from, through: through, limit: limit, scheduleID: scheduleID)
  }

  private func values(
    _ scheduleID: String, _ schedule: Schedule, _ namespace: String, cursor: Int64, _ next: ScheduledTime?
  ) throws -> Parameters {
    let (action, policies, state) = (schedule.action, schedule.policies, schedule.state)
    // Its runs have ids of their own: the input belongs to the namespace.
    let input = try codec.map { try $0.encode(action.input, namespace: namespace, workflowID: nil) } ?? action.input
    var parameters = Parameters(
      namespace, scheduleID, try PayloadCodec.encode(schedule.specification).text, action.workflowType, action.workflowID,
      input.text, policies.overlap.rawValue)
    parameters.appendInterval(microseconds: policies.catchupWindow.microseconds)
    parameters.append(policies.pauseOnFailure)
    parameters.append(state.isPaused)
    parameters.append(state.note.withoutNull)
    parameters.append(state.remainingActions)
    parameters.appendTimestamp(microseconds: cursor)
    let mayAct = !state.isPaused && state.remainingActions != 0
    if mayAct, let next { parameters.appendTimestamp(microseconds: next.actual.microseconds) } else { parameters.appendNull() }
    return parameters
  }
}
