import Foundation

/// Times that are a whole number of intervals after the Unix epoch, plus a phase.
public struct IntervalSpecification: Sendable, Equatable {
  /// From 1 s on, in whole seconds.
  public var every: Duration
  /// Less than the interval, in whole seconds; default 0.
  public var phase: Duration

  public init(every: Duration, phase: Duration = .zero) {
    self.every = every
    self.phase = phase
  }

  /// `90m` or `1h/15m`; nil for anything else.
  public init?(text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let every = DurationText.duration(in: parts[0]) else { return nil }
    guard parts.count == 2 else {
      self.init(every: every)
      return
    }
    guard let phase = DurationText.duration(in: parts[1]) else { return nil }
    self.init(every: every, phase: phase)
  }
}

/// When a schedule acts: at every time of any calendar, interval or cron expression that no excluded calendar matches. Temporal's names in JSON.
public struct ScheduleSpecification: Sendable, Equatable {
  public var calendars: [CalendarSpecification]
  public var intervals: [IntervalSpecification]
  /// `30 9 * * mon-fri`, with 5, 6 or 7 fields, `@hourly`, `@every 90m`, `CRON_TZ=Europe/Berlin` in front.
  public var cronExpressions: [String]
  /// Times that are left out.
  public var excludeCalendars: [CalendarSpecification]
  /// Name in the IANA database for calendars and cron expressions; nil, the default, is UTC.
  public var timeZone: String?
  /// Each time is late by a part of this, at most until the next one comes; always the same part for the same schedule and time. Default none.
  public var jitter: Duration
  /// Nothing before this.
  public var startTime: RecordedTime?
  /// Nothing after this.
  public var endTime: RecordedTime?

  public init(
    calendars: [CalendarSpecification] = [], intervals: [IntervalSpecification] = [], cronExpressions: [String] = [],
    excludeCalendars: [CalendarSpecification] = [], timeZone: String? = nil, jitter: Duration = .zero, startTime: RecordedTime? = nil,
    endTime: RecordedTime? = nil
  ) {
    self.calendars = calendars
    self.intervals = intervals
    self.cronExpressions = cronExpressions
    self.excludeCalendars = excludeCalendars
    self.timeZone = timeZone
    self.jitter = jitter
    self.startTime = startTime
    self.endTime = endTime
  }

  /// The times of the schedule with this id in order, without any that was left out.
  /// - Parameters:
  ///   - through: the last time that may be given.
  ///   - limit: how many, 1 to 1000.
  /// - Throws: `OrchestratorError` with code `invalid-argument`, which says what is wrong where.
  public func times(from: RecordedTime, through: RecordedTime, limit: Int = 10, scheduleID: String = "") throws -> [ScheduledTime] {
    let limit = try Client.checked(limit)
    let times = try ScheduleTimes(self)
    var found: [ScheduledTime] = []
    var after = (from.microseconds - 1).floored(by: 1_000_000)
    while found.count < limit, let next = times.next(after: after, scheduleID: scheduleID), next.nominal <= through {
      found.append(next)
      after = next.nominalSeconds
    }
    return found
  }
}

extension IntervalSpecification: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FieldName.self)
    try container.refuseFields(exceptFor: ["interval", "phase"], of: "an interval")
    guard let every = try DurationText.decode("interval", of: container) else {
      throw DecodingError.keyNotFound(
        FieldName("interval"), .init(codingPath: container.codingPath, debugDescription: "an interval needs its length"))
    }
    self.init(every: every, phase: try DurationText.decode("phase", of: container) ?? .zero)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FieldName.self)
    try container.encode(DurationText.text(of: every), forKey: "interval")
    if phase != .zero { try container.encode(DurationText.text(of: phase), forKey: "phase") }
  }
}

extension ScheduleSpecification: Codable {
  private static let fields = [
    "calendars", "intervals", "cronExpressions", "excludeCalendars", "timeZone", "jitter", "startTime", "endTime",
  ]

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FieldName.self)
    try container.refuseFields(exceptFor: Self.fields, of: "a specification")
    self.init(
      calendars: try container.decodeIfPresent([CalendarSpecification].self, forKey: "calendars") ?? [],
      intervals: try container.decodeIfPresent([IntervalSpecification].self, forKey: "intervals") ?? [],
      cronExpressions: try container.decodeIfPresent([String].self, forKey: "cronExpressions") ?? [],
      excludeCalendars: try container.decodeIfPresent([CalendarSpecification].self, forKey: "excludeCalendars") ?? [],
      timeZone: try container.decodeIfPresent(String.self, forKey: "timeZone"),
      jitter: try DurationText.decode("jitter", of: container) ?? .zero,
      startTime: try container.decodeIfPresent(RecordedTime.self, forKey: "startTime"),
      endTime: try container.decodeIfPresent(RecordedTime.self, forKey: "endTime"))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: FieldName.self)
    if !calendars.isEmpty { try container.encode(calendars, forKey: "calendars") }
    if !intervals.isEmpty { try container.encode(intervals, forKey: "intervals") }
    if !cronExpressions.isEmpty { try container.encode(cronExpressions, forKey: "cronExpressions") }
    if !excludeCalendars.isEmpty { try container.encode(excludeCalendars, forKey: "excludeCalendars") }
    try container.encodeIfPresent(timeZone, forKey: "timeZone")
    if jitter != .zero { try container.encode(DurationText.text(of: jitter), forKey: "jitter") }
    try container.encodeIfPresent(startTime, forKey: "startTime")
    try container.encodeIfPresent(endTime, forKey: "endTime")
  }
}
