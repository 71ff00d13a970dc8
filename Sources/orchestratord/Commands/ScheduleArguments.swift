import Orchestrator

/// The options that describe a schedule.
extension Arguments {
  /// Changes what the options name; options of times replace all times of their kind.
  mutating func change(_ schedule: inout Schedule) throws {
    if let input = try json("--input") { schedule.action.input = input }
    try changeTimes(&schedule.specification)
    if let overlap = try overlapPolicy() { schedule.policies.overlap = overlap }
    if let window = try interval("--catchup-window") { schedule.policies.catchupWindow = window }
    if let answer = try option("--pause-on-failure") {
      guard ["yes", "no"].contains(answer) else { throw UsageError("--pause-on-failure takes yes or no, not '\(answer)'") }
      schedule.policies.pauseOnFailure = answer == "yes"
    }
    if let note = try option("--note") { schedule.state.note = note }
    if let count = try number("--remaining-actions", in: 0...Int(Int32.max)) { schedule.state.remainingActions = Int64(count) }
  }

  private mutating func changeTimes(_ specification: inout ScheduleSpecification) throws {
    if let whole = try decoded("--spec", as: ScheduleSpecification.self).first { specification = whole }
    let crons = try every("--cron") { $0 }
    let intervals = try every("--interval") { text throws(UsageError) in
      guard let interval = IntervalSpecification(text: text) else {
        throw UsageError("--interval takes a duration such as 90m, or 1h/15m with a phase, not '\(text)'")
      }
      return interval
    }
    let calendars = try decoded("--calendar", as: CalendarSpecification.self)
    if !(crons.isEmpty && intervals.isEmpty && calendars.isEmpty) {
      (specification.cronExpressions, specification.intervals, specification.calendars) = (crons, intervals, calendars)
    }
    let excluded = try decoded("--exclude", as: CalendarSpecification.self)
    if !excluded.isEmpty { specification.excludeCalendars = excluded }
    if let zone = try option("--time-zone") { specification.timeZone = zone }
    if let jitter = try interval("--jitter") { specification.jitter = jitter }
    if let start = try time("--start-time") { specification.startTime = start }
    if let end = try time("--end-time") { specification.endTime = end }
  }

  /// The value of an option as a time.
  mutating func time(_ name: String) throws(UsageError) -> RecordedTime? {
    guard let text = try option(name) else { return nil }
    guard let time = RecordedTime(text) else { throw UsageError("\(name) takes a time such as 2026-01-31T12:00:00Z, not '\(text)'") }
    return time
  }

  /// The value of `--overlap-policy`, in any case.
  mutating func overlapPolicy() throws(UsageError) -> OverlapPolicy? {
    guard let text = try option("--overlap-policy") else { return nil }
    guard let policy = OverlapPolicy.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
      throw UsageError("--overlap-policy takes \(OverlapPolicy.allCases.map(\.rawValue).joined(separator: ", ")), not '\(text)'")
    }
    return policy
  }

  /// The value of an option as a duration.
  mutating func interval(_ name: String) throws(UsageError) -> Duration? {
    guard let text = try option(name) else { return nil }
    guard let interval = IntervalSpecification(text: text), interval.phase == .zero else {
      throw UsageError("\(name) takes a duration such as 30s, 1h30m or 2d, not '\(text)'")
    }
    return interval.every
  }

  /// An option that may be there several times.
  private mutating func every<Value>(_ name: String, _ read: (String) throws(UsageError) -> Value) throws(UsageError) -> [Value] {
    var values: [Value] = []
    while let text = try option(name) { values.append(try read(text)) }
    return values
  }

  private mutating func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws -> [Value] {
    var values: [Value] = []
    while let payload = try json(name) {
      do {
        values.append(try PayloadCodec.decode(type, from: payload))
      } catch {
        throw UsageError("\(name): \(error)")
      }
    }
    return values
  }
}
