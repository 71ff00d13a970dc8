/// A calendar made ready for search: local times as seconds since 1970-01-01 00:00 on the wall clock, without a zone. Pure.
struct CalendarMatcher: Sendable {
  private let seconds: NumberSet
  private let minutes: NumberSet
  private let hours: NumberSet
  private let daysOfMonth: NumberSet
  private let months: NumberSet
  private let years: NumberSet
  private let daysOfWeek: NumberSet

  init(_ calendar: CalendarSpecification) throws(CalendarProblem) {
    func numbers(_ unit: CalendarUnit) throws(CalendarProblem) -> NumberSet { try unit.numbers(in: calendar[unit]) }
    seconds = try numbers(.second)
    minutes = try numbers(.minute)
    hours = try numbers(.hour)
    daysOfMonth = try numbers(.dayOfMonth)
    months = try numbers(.month)
    years = try numbers(.year)
    daysOfWeek = try numbers(.dayOfWeek)
  }

  /// No hour is left out.
  var coversEveryHour: Bool { hours.count == 24 }

  func matches(_ local: Int64) -> Bool {
    let (day, second) = Self.parts(of: local)
    return matches(day: day) && hours.contains(second / 3600) && minutes.contains(second / 60 % 60) && seconds.contains(second % 60)
  }

  /// The first match behind a local time; nil when there is none up to the year 2100.
  func next(after local: Int64) -> Int64? {
    let (day, second) = Self.parts(of: local + 1)
    if matches(day: day), let found = secondOfDay(from: second) { return day * CivilDate.secondsPerDay + Int64(found) }
    guard let next = nextDay(from: day + 1), let first = secondOfDay(from: 0) else { return nil }
    return next * CivilDate.secondsPerDay + Int64(first)
  }

  /// For a match: the last second of the longest whole stretch that matches throughout, of a minute, an hour or a day.
  func endOfStretch(from local: Int64) -> Int64 {
    let lengths: [Int64] =
      seconds.count < 60 ? [] : minutes.count < 60 ? [60] : hours.count < 24 ? [60, 3600] : [60, 3600, CivilDate.secondsPerDay]
    guard let length = lengths.last else { return local }
    return local.floored(by: length) * length + length - 1
  }

  private static func parts(of local: Int64) -> (day: Int64, second: Int) {
    let day = local.floored(by: CivilDate.secondsPerDay)
    return (day, Int(local - day * CivilDate.secondsPerDay))
  }

  private func matches(day: Int64) -> Bool {
    let date = CivilDate(number: day)
    return years.contains(date.year) && months.contains(date.month) && daysOfMonth.contains(date.day)
      && daysOfWeek.contains(CivilDate.dayOfWeek(ofNumber: day))
  }

  /// The first matching second of a day that is not before this one.
  private func secondOfDay(from start: Int) -> Int? {
    var (minute, second) = (start / 60 % 60, start % 60)
    guard let hour = hours.first(from: start / 3600) else { return nil }
    if hour > start / 3600 { (minute, second) = (0, 0) }
    if let found = minutes.first(from: minute) {
      if found > minute { second = 0 }
      if let last = seconds.first(from: second) { return hour * 3600 + found * 60 + last }
      if let next = minutes.first(from: found + 1), let first = seconds.first(from: 0) { return hour * 3600 + next * 60 + first }
    }
    guard let next = hours.first(from: hour + 1), let minute = minutes.first(from: 0), let second = seconds.first(from: 0) else {
      return nil
    }
    return next * 3600 + minute * 60 + second
  }

  /// The first matching day that is not before this one. Years and months that do not match are passed over whole.
  private func nextDay(from number: Int64) -> Int64? {
    var date = CivilDate(number: number)
    while let year = years.first(from: date.year) {
      if year > date.year { date = CivilDate(year: year, month: 1, day: 1) }
      guard let month = months.first(from: date.month) else {
        date = CivilDate(year: year + 1, month: 1, day: 1)
        continue
      }
      if month > date.month { date = CivilDate(year: year, month: month, day: 1) }
      let first = CivilDate(year: year, month: month, day: 1).number
      for day in stride(from: date.day, through: CivilDate.daysInMonth(month, of: year), by: 1) {
        let number = first + Int64(day) - 1
        if daysOfMonth.contains(day), daysOfWeek.contains(CivilDate.dayOfWeek(ofNumber: number)) { return number }
      }
      date = CivilDate(year: year, month: month + 1, day: 1)
    }
    return nil
  }
}
