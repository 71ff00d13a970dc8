import Foundation

/// The date format of HTTP headers (IMF-fixdate, RFC 9110 section 5.6.7).
public enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  private static let calendar: Calendar = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }()

  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  public static func format(_ date: Date) -> String {
    let parts = calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: date)
    func padded(_ number: Int?, _ width: Int = 2) -> String {
      let digits = String(number ?? 0)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let day = "\(days[(parts.weekday ?? 1) - 1]), \(padded(parts.day)) \(months[(parts.month ?? 1) - 1])"
    return "\(day) \(padded(parts.year, 4)) \(padded(parts.hour)):\(padded(parts.minute)):\(padded(parts.second)) GMT"
  }

  /// The date, or nil when the text is not an IMF-fixdate, digit by digit; a leap second is the first of the next minute.
  public static func parse(_ text: String) -> Date? {
    let words = text.split(separator: " ")
    // Always 29 characters, so that no number in it is large.
    guard text.utf8.count == 29, words.count == 6, let month = months.firstIndex(of: String(words[2])) else { return nil }
    let clock = words[4].split(separator: ":").compactMap { Int($0) }
    guard clock.count == 3, let day = Int(words[1]), let year = Int(words[3]) else { return nil }
    let isLeapSecond = clock[2] == 60
    let parts = DateComponents(
      year: year, month: month + 1, day: day, hour: clock[0], minute: clock[1], second: isLeapSecond ? 59 : clock[2])
    // Whatever the numbers leave open (signs, missing digits, the name of the day), the date is written in one way only.
    guard parts.isValidDate(in: calendar), let date = calendar.date(from: parts),
      format(date) == (isLeapSecond ? text.replacing(":60 GMT", with: ":59 GMT") : text)
    else { return nil }
    return isLeapSecond ? date + 1 : date
  }
}
