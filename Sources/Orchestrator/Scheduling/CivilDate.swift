/// A day of the proleptic Gregorian calendar, without a zone. Pure.
struct CivilDate: Equatable {
  let year: Int
  /// 1 to 12.
  let month: Int
  /// 1 to 31.
  let day: Int

  static let secondsPerDay: Int64 = 86_400
  private static let daysPerEra: Int64 = 146_097
  /// Days from 1 March of the year 0, where the 400 years of an era begin, to 1 January 1970.
  private static let epoch: Int64 = 719_468

  init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// The day so many days after 1 January 1970. Years begin in March here, so that a leap day is the last of its year.
  init(number: Int64) {
    let days = number + Self.epoch
    let era = days.floored(by: Self.daysPerEra)
    let dayOfEra = Int(days - era * Self.daysPerEra)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days since 1 January 1970.
  var number: Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = Int64(shifted).floored(by: 400)
    let yearOfEra = Int64(shifted) - era * 400
    let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
    return era * Self.daysPerEra + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - Self.epoch
  }

  /// 0 for Sunday to 6 for Saturday; 1 January 1970 was a Thursday.
  static func dayOfWeek(ofNumber number: Int64) -> Int { Int((number + 4) - (number + 4).floored(by: 7) * 7) }

  static func daysInMonth(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// `2026-11-21T18:00:00Z` for seconds since the Unix epoch.
  static func text(ofUnixSeconds seconds: Int64) -> String {
    let number = seconds.floored(by: secondsPerDay)
    let date = CivilDate(number: number)
    let second = Int(seconds - number * secondsPerDay)
    return "\(padded(date.year, 4))-\(padded(date.month))-\(padded(date.day))T"
      + "\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60))Z"
  }

  static func padded(_ number: Int, _ digits: Int = 2) -> String {
    let text = String(number)
    return text.count >= digits ? text : String(repeating: "0", count: digits - text.count) + text
  }
}

extension Int64 {
  /// Division that rounds towards negative infinity.
  func floored(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
