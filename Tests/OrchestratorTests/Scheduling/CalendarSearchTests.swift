import Foundation
import Testing

@testable import Orchestrator

/// The search for the next time agrees with looking at every second, and ends where there is none.
@Suite struct CalendarSearchTests {
  private static let second: Int64 = 1_000_000

  private static func time(_ text: String) throws -> RecordedTime { try #require(RecordedTime(text)) }

  private static func next(_ specification: ScheduleSpecification, after text: String, id: String = "s") throws -> ScheduledTime? {
    try ScheduleTimes(specification).next(after: try time(text).microseconds / second, scheduleID: id)
  }

  /// Ranges that are drawn, and the numbers they mean by their definition.
  private static func draw(_ unit: CalendarUnit, _ random: inout DeterministicRandom) -> ([CalendarRange], Set<Int>) {
    let all = unit == .year ? 2026...2029 : unit.values
    guard Int.random(in: 0..<3, using: &random) > 0 else { return ([], []) }
    var (ranges, numbers): ([CalendarRange], Set<Int>) = ([], [])
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let start = Int.random(in: all, using: &random)
      let end = Int.random(in: start...all.upperBound, using: &random)
      let step = Int.random(in: 1...3, using: &random)
      ranges.append(CalendarRange(start, through: end, step: step))
      for number in start...end where (number - start) % step == 0 { numbers.insert(unit == .dayOfWeek && number == 7 ? 0 : number) }
    }
    return (ranges, numbers)
  }

  @Test func `the next time of a random calendar is the first second that matches by definition`() throws {
    let seed: UInt64 = 4711
    var random = DeterministicRandom(seed: seed)
    let foundation = Calendar.inUTC
    for round in 0..<60 {
      var calendar = CalendarSpecification()
      var meant: [CalendarUnit: Set<Int>] = [:]
      for unit in CalendarUnit.allCases { (calendar[unit], meant[unit]) = Self.draw(unit, &random) }
      // Only days are looked at one by one, with Foundation's calendar; the times of a day are a set.
      let times = Self.timesOfDay(meant)
      let matcher = try CalendarMatcher(calendar)
      let start = Int64(Date.of(2026, 1, 1).timeIntervalSince1970) + Int64.random(in: 0..<86_400 * 900, using: &random)
      var (expected, day): ([Int64], Int64) = ([], start / 86_400)
      while expected.count < 5, day < start / 86_400 + 900 {
        let parts = foundation.dateComponents([.year, .month, .day, .weekday], from: Date(timeIntervalSince1970: Double(day * 86_400)))
        func fits(_ unit: CalendarUnit, _ value: Int?) -> Bool { meant[unit].map { $0.isEmpty || $0.contains(value ?? -1) } ?? true }
        if fits(.year, parts.year), fits(.month, parts.month), fits(.dayOfMonth, parts.day), fits(.dayOfWeek, (parts.weekday ?? 0) - 1) {
          expected += times.map { day * 86_400 + $0 }.filter { $0 > start }.prefix(5 - expected.count)
        }
        day += 1
      }
      var (found, after): ([Int64], Int64) = ([], start)
      while found.count < expected.count, let next = matcher.next(after: after) {
        found.append(next)
        after = next
      }
      #expect(found == expected, "seed \(seed), round \(round): \(calendar) from \(start)")
      for time in found { #expect(matcher.matches(time)) }
    }
  }

  private static func timesOfDay(_ meant: [CalendarUnit: Set<Int>]) -> [Int64] {
    func numbers(_ unit: CalendarUnit) -> [Int] { (meant[unit] ?? []).isEmpty ? [0] : (meant[unit] ?? []).sorted() }
    return numbers(.hour).flatMap { hour in
      numbers(.minute).flatMap { minute in numbers(.second).map { Int64(hour * 3600 + minute * 60 + $0) } }
    }
  }

  @Test func `dates are those of Foundation's calendar, over four centuries`() {
    var day = Date.of(1900, 1, 1)
    let foundation = Calendar.inUTC
    for number in stride(from: Int64(-25_567), to: 120_000, by: 1) {
      let date = CivilDate(number: number)
      #expect(date.number == number)
      if number % 97 == 0 {
        day = Date(timeIntervalSince1970: Double(number * 86_400))
        let parts = foundation.dateComponents([.year, .month, .day, .weekday], from: day)
        #expect([date.year, date.month, date.day] == [parts.year, parts.month, parts.day])
        #expect(CivilDate.dayOfWeek(ofNumber: number) == (parts.weekday ?? 0) - 1)
      }
    }
  }

  @Test func `intervals count from the epoch with their phase`() throws {
    let every = ScheduleSpecification(intervals: [IntervalSpecification(every: .hours(1), phase: .minutes(19))])
    #expect(try Self.next(every, after: "2026-11-21T18:00:00Z")?.nominal == Self.time("2026-11-21T18:19:00Z"))
    #expect(try Self.next(every, after: "2026-11-21T18:19:00Z")?.nominal == Self.time("2026-11-21T19:19:00Z"))
    let weekly = ScheduleSpecification(intervals: [IntervalSpecification(every: .days(7))])
    #expect(try Self.next(weekly, after: "2026-11-21T18:00:00Z")?.nominal == Self.time("2026-11-26T00:00:00Z"))
  }

  @Test func `calendars, intervals and cron expressions are one list of times, without what is excluded`() throws {
    let specification = ScheduleSpecification(
      calendars: [CalendarSpecification(hour: [9], dayOfWeek: [CalendarRange(1, through: 5)])],
      intervals: [IntervalSpecification(every: .hours(12))], cronExpressions: ["30 10 * * *"],
      excludeCalendars: [CalendarSpecification(hour: [CalendarRange(0, through: 23)], dayOfMonth: [25], month: [12])])
    let times = try specification.times(from: Self.time("2026-12-24T09:00:00Z"), through: Self.time("2026-12-26T12:00:00Z"), limit: 20)
    #expect(
      times.map { "\($0.nominal)" } == [
        "2026-12-24T09:00:00.000000Z", "2026-12-24T10:30:00.000000Z", "2026-12-24T12:00:00.000000Z", "2026-12-25T10:30:00.000000Z",
        "2026-12-26T00:00:00.000000Z", "2026-12-26T10:30:00.000000Z", "2026-12-26T12:00:00.000000Z",
      ])
  }

  @Test func `nothing comes before the start time or after the end time, both included`() throws {
    var specification = ScheduleSpecification(cronExpressions: ["@hourly"])
    specification.startTime = try Self.time("2026-11-21T18:00:00Z")
    specification.endTime = try Self.time("2026-11-21T20:00:00Z")
    let times = try specification.times(from: Self.time("2026-01-01T00:00:00Z"), through: Self.time("2027-01-01T00:00:00Z"), limit: 100)
    #expect(times.map { $0.nominal.microseconds / 3_600_000_000 % 24 } == [18, 19, 20])
  }

  @Test func `jitter is the same for the same schedule and time, spread out, and never reaches the next time`() throws {
    let specification = ScheduleSpecification(cronExpressions: ["*/5 * * * *"], jitter: .hours(1))
    let times = try ScheduleTimes(specification)
    var late: [Int64] = []
    for number in 0..<1000 {
      let next = try #require(times.next(after: 1_800_000_000, scheduleID: "s-\(number)"))
      #expect(next == times.next(after: 1_800_000_000, scheduleID: "s-\(number)"))
      late.append(next.actual.microseconds - next.nominal.microseconds)
    }
    #expect(late.allSatisfy { (0..<300_000_000).contains($0) })
    let tenths = Dictionary(grouping: late) { $0 / 30_000_000 }.mapValues(\.count)
    #expect(tenths.count == 10 && tenths.values.allSatisfy { (60...140).contains($0) }, "\(tenths)")
  }

  @Test func `a specification that never acts is found out at once`() throws {
    let clock = ContinuousClock.now
    for specification in [
      ScheduleSpecification(), ScheduleSpecification(cronExpressions: ["0 0 30 2 *"]),
      ScheduleSpecification(cronExpressions: ["0 0 1 1 * 2001"]), ScheduleSpecification(cronExpressions: ["0 0 31 4,6,9,11 *"]),
      ScheduleSpecification(
        intervals: [IntervalSpecification(every: .seconds(1))],
        excludeCalendars: [
          CalendarSpecification(
            second: [CalendarRange(0, through: 59)], minute: [CalendarRange(0, through: 59)], hour: [CalendarRange(0, through: 23)])
        ], timeZone: "Europe/Berlin"),
      ScheduleSpecification(
        cronExpressions: ["* * * * * * *"],
        excludeCalendars: [
          CalendarSpecification(
            second: [CalendarRange(0, through: 59)],
            minute: [CalendarRange(0, through: 58, step: 2), CalendarRange(1, through: 59, step: 2)], hour: [CalendarRange(0, through: 23)])
        ]),
    ] {
      #expect(try Self.next(specification, after: "2026-11-21T18:00:00Z") == nil, "\(specification)")
    }
    #expect(ContinuousClock.now - clock < .seconds(10))
  }

  @Test func `leap days and the last day of long months come when they are there`() throws {
    let leap = ScheduleSpecification(cronExpressions: ["0 12 29 2 *"])
    #expect(try Self.next(leap, after: "2026-11-21T18:00:00Z")?.nominal == Self.time("2028-02-29T12:00:00Z"))
    let friday = ScheduleSpecification(cronExpressions: ["0 0 13 * fri"])
    #expect(try Self.next(friday, after: "2026-11-21T18:00:00Z")?.nominal == Self.time("2027-08-13T00:00:00Z"))
  }
}

extension Calendar {
  fileprivate static let inUTC: Calendar = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }()
}

extension Date {
  fileprivate static func of(_ year: Int, _ month: Int, _ day: Int) -> Date {
    Calendar.inUTC.date(from: DateComponents(year: year, month: month, day: day)) ?? .distantPast
  }
}
