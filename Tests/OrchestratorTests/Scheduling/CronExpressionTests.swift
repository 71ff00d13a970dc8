import Testing

@testable import Orchestrator

/// The text of a cron table becomes a calendar, or an error that says what is wrong where.
@Suite struct CronExpressionTests {
  private func calendar(_ text: String) throws -> CalendarSpecification? {
    guard case .calendar(let calendar) = try CronExpression(text).times else { return nil }
    return calendar
  }

  @Test func `five, six and seven fields name minutes, years and seconds`() throws {
    #expect(try calendar("5 4 3 2 1") == CalendarSpecification(minute: [5], hour: [4], dayOfMonth: [3], month: [2], dayOfWeek: [1]))
    #expect(
      try calendar("5 4 3 2 1 2030")
        == CalendarSpecification(minute: [5], hour: [4], dayOfMonth: [3], month: [2], year: [2030], dayOfWeek: [1]))
    #expect(
      try calendar("6 5 4 3 2 1 2030")
        == CalendarSpecification(second: [6], minute: [5], hour: [4], dayOfMonth: [3], month: [2], year: [2030], dayOfWeek: [1]))
  }

  @Test func `ranges, steps, lists and names are understood`() throws {
    let calendar = try #require(try calendar("*/15,7 9-17/2 1,15 jan-Mar monday-fri"))
    #expect(calendar.minute == [CalendarRange(0, through: 59, step: 15), 7])
    #expect(calendar.hour == [CalendarRange(9, through: 17, step: 2)])
    #expect(calendar.dayOfMonth == [1, 15])
    #expect(calendar.month == [CalendarRange(1, through: 3)])
    #expect(calendar.dayOfWeek == [CalendarRange(1, through: 5)])
    #expect(try self.calendar("0 8/4 * * *")?.hour == [CalendarRange(8, through: 23, step: 4)])
    #expect(try self.calendar("0 0 * * 5-7")?.dayOfWeek == [CalendarRange(5, through: 7)])
  }

  @Test func `shorthands, intervals, zones and comments are understood`() throws {
    #expect(try calendar("@hourly") == calendar("0 * * * *"))
    #expect(try calendar("@Weekly") == calendar("0 0 * * 0"))
    #expect(try calendar("@yearly") == calendar("0 0 1 1 *"))
    let report = try CronExpression("CRON_TZ=Europe/Berlin 30 9 * * 1-5  # the report")
    #expect(report.timeZone == "Europe/Berlin")
    #expect(try calendar("TZ=UTC 30 9 * * 1-5 # the report")?.comment == "the report")
    #expect(try CronExpression("@every 1h30m/15m").times == .interval(IntervalSpecification(every: .minutes(90), phase: .minutes(15))))
    #expect(try CronExpression("@every 45s").times == .interval(IntervalSpecification(every: .seconds(45))))
  }

  @Test(
    "A mistake is named with its place",
    arguments: [
      ("61 * * * *", "'61' is no minute: it takes a number from 0 to 59, at character 1"),
      ("0 9 * * mon-fry", "'fry' is no dayOfWeek: it takes a number from 0 to 7 or a name such as mon, at character 13"),
      ("0 9 * foo *", "'foo' is no month: it takes a number from 1 to 12 or a name such as jan, at character 7"),
      ("0 17-9 * * *", "hour '17-9' ends before it begins, at character 3"),
      ("*/0 * * * *", "the step '0' of minute is not a number from 1 to 59, at character 3"),
      (
        "0 0 * *",
        "it has 4 fields: 5 are minute, hour, day of month, month, day of week; 6 add a year, 7 begin with a second, at character 7"
      ),
      ("0 0 1,,2 * *", "'' is no dayOfMonth: it takes a number from 1 to 31, at character 7"),
      (
        "@fortnightly",
        "'@fortnightly' is none of @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly, @every, at character 1"
      ),
      ("CRON_TZ=UTC @every soon", "@every takes a duration such as 90m or 1h/15m, at character 20"),
      ("  # nothing", "there is nothing in it, at character 1"),
      ("0 0 0 * *", "'0' is no dayOfMonth: it takes a number from 1 to 31, at character 5"),
      ("0 0 1 1 * 1999", "'1999' is no year: it takes a number from 2000 to 2100, at character 11"),
    ])
  func mistakes(_ text: String, _ message: String) {
    let error = #expect(throws: OrchestratorError.self) { try CronExpression(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message == "cron expression \"\(text)\": \(message)")
  }

  @Test func `text of any kind is read or refused, never more than once around`() {
    var random = DeterministicRandom(seed: 20_261_121)
    let alphabet = Array("0123456789*/-,#@=: \tjanmonCRON_TZé\u{301}")
    for _ in 0..<20_000 {
      let text = String((0..<Int.random(in: 0...24, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? " " })
      guard let times = try? CronExpression(text).times, case .calendar(let calendar) = times else { continue }
      let matcher = try? CalendarMatcher(calendar)
      #expect(matcher != nil, "seed 20261121: '\(text)' was read, but gives no calendar")
    }
  }
}
