import Cryptography

/// One time at which a schedule acts.
public struct ScheduledTime: Sendable, Equatable, Codable {
  /// What the specification says, in whole seconds; the run's workflow id carries it.
  public let nominal: RecordedTime
  /// The nominal time and its jitter: nothing happens before.
  public let actual: RecordedTime

  var nominalSeconds: Int64 { nominal.microseconds / 1_000_000 }
}

/// A specification made ready for search. Pure: the same specification, id and time give the same answer everywhere.
struct ScheduleTimes: Sendable {
  private let calendars: [ZonedCalendar]
  /// In seconds.
  private let intervals: [(every: Int64, phase: Int64)]
  private let excluded: [ZonedCalendar]
  private let jitterMilliseconds: Int64
  /// In seconds since the Unix epoch.
  private let start: Int64
  private let end: Int64

  /// - Throws: `OrchestratorError` with code `invalid-argument`, which says what is wrong where.
  init(_ specification: ScheduleSpecification) throws(OrchestratorError) {
    let parts =
      specification.calendars.count + specification.intervals.count + specification.cronExpressions.count
      + specification.excludeCalendars.count
    guard parts <= Limits.scheduleParts else {
      throw Self.invalid("the specification has \(parts) parts, at most \(Limits.scheduleParts) are allowed")
    }
    guard (0...Limits.durationMilliseconds).contains(specification.jitter.milliseconds) else {
      throw Self.invalid("the jitter must be between 0 and 1000 years")
    }
    var (calendars, intervals, zone) = (specification.calendars, specification.intervals, specification.timeZone)
    for text in specification.cronExpressions {
      let cron = try CronExpression(text)
      switch cron.times {
      case .calendar(let calendar): calendars.append(calendar)
      case .interval(let interval): intervals.append(interval)
      }
      guard let named = cron.timeZone else { continue }
      guard zone == nil || zone == named else {
        throw Self.invalid("a cron expression names the time zone '\(named)' where the specification has '\(zone ?? "")': name it once")
      }
      zone = named
    }
    let rules = try Self.rules(of: zone)
    self.calendars = try Self.zoned(calendars, rules, "calendar")
    excluded = try Self.zoned(specification.excludeCalendars, rules, "excluded calendar")
    self.intervals = try intervals.map { interval throws(OrchestratorError) in try Self.checked(interval) }
    jitterMilliseconds = specification.jitter.milliseconds
    start = specification.startTime.map { -(-$0.microseconds).floored(by: 1_000_000) } ?? 0
    end = specification.endTime.map { $0.microseconds.floored(by: 1_000_000) } ?? Self.lastSecond
    guard start <= end else { throw Self.invalid("endTime is before startTime") }
  }

  /// The last second of the year 2100: no search goes on behind it.
  private static let lastSecond = CivilDate(year: 2101, month: 1, day: 1).number * CivilDate.secondsPerDay - 1

  /// Whether it has any part that could give a time.
  var isEmpty: Bool { calendars.isEmpty && intervals.isEmpty }

  /// The first time behind a nominal one, in seconds since the Unix epoch; nil when there is none.
  func next(after: Int64, scheduleID: String) -> ScheduledTime? {
    guard let nominal = nextIncluded(after: max(after, start - 1)) else { return nil }
    var late: Int64 = 0
    if jitterMilliseconds > 0 {
      let following = nextOfAnyPart(after: nominal) ?? Self.lastSecond
      let room = min(jitterMilliseconds, (following - nominal) * 1000)
      late = Self.fraction(of: room, for: scheduleID, nominal)
    }
    return ScheduledTime(
      nominal: RecordedTime(microseconds: nominal * 1_000_000),
      actual: RecordedTime(microseconds: nominal * 1_000_000 + late * 1000))
  }

  private func nextIncluded(after: Int64) -> Int64? {
    var after = after
    // What excludes nearly everything ends here and not in the year 2100.
    for _ in 0..<Limits.scheduleSearchSteps {
      guard let found = nextOfAnyPart(after: after), found <= end else { return nil }
      guard let excluding = excluded.first(where: { $0.matches(found) }) else { return found }
      after = Self.endOfExclusion(excluding, at: found)
    }
    return nil
  }

  private func nextOfAnyPart(after: Int64) -> Int64? {
    var first: Int64?
    for interval in intervals {
      let count = (after - interval.phase).floored(by: interval.every) + 1
      first = min(first ?? .max, count * interval.every + interval.phase)
    }
    for calendar in calendars {
      guard let next = calendar.next(after: after) else { continue }
      first = min(first ?? .max, next)
    }
    return first.flatMap { $0 <= Self.lastSecond ? $0 : nil }
  }

  /// A minute, hour or day that is excluded as a whole is passed over at once, where the clocks are not set in it.
  private static func endOfExclusion(_ calendar: ZonedCalendar, at instant: Int64) -> Int64 {
    let offset = calendar.zone.offset(at: instant)
    let stretchEnd = calendar.matcher.endOfStretch(from: instant + offset) - offset
    return calendar.zone.offset(at: stretchEnd) == offset ? stretchEnd : instant
  }

  /// A whole number from 0 up to the room, spread evenly over ids and times.
  private static func fraction(of room: Int64, for scheduleID: String, _ nominal: Int64) -> Int64 {
    guard room > 0 else { return 0 }
    let hash = Digest.sha256(Array("\(nominal)/\(scheduleID)".utf8)).prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return Int64(UInt64(room).multipliedFullWidth(by: hash).high)
  }

  private static func rules(of zone: String?) throws(OrchestratorError) -> ZoneRules {
    guard let zone, !zone.isEmpty else { return .utc }
    guard let rules = ZoneRules(named: zone) else {
      throw invalid("there is no time zone '\(zone.prefix(utf8Bytes: 64))': it takes a name such as Europe/Berlin")
    }
    return rules
  }

  private static func zoned(
    _ calendars: [CalendarSpecification], _ rules: ZoneRules, _ what: String
  ) throws(OrchestratorError) -> [ZonedCalendar] {
    var zoned: [ZonedCalendar] = []
    for (index, calendar) in calendars.enumerated() {
      do throws(CalendarProblem) {
        zoned.append(ZonedCalendar(matcher: try CalendarMatcher(calendar), zone: rules))
      } catch {
        throw invalid("\(what) \(index + 1): \(error.message)")
      }
    }
    return zoned
  }

  private static func checked(_ interval: IntervalSpecification) throws(OrchestratorError) -> (every: Int64, phase: Int64) {
    let (every, phase) = (interval.every.milliseconds, interval.phase.milliseconds)
    guard every >= 1000, every <= Limits.durationMilliseconds, every % 1000 == 0 else {
      throw invalid("an interval must be whole seconds, from 1 s to 1000 years")
    }
    guard phase >= 0, phase < every, phase % 1000 == 0 else {
      throw invalid("the phase of an interval must be whole seconds and less than the interval")
    }
    return (every / 1000, phase / 1000)
  }

  private static func invalid(_ message: String) -> OrchestratorError { OrchestratorError(.invalidArgument, message) }
}
