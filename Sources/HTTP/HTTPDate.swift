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

  /// The date, or nil when the text is not an IMF-fixdate.
  public static func parse(_ text: String) -> Date? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", words[0].last == ",", days.contains(String(words[0].dropLast())) else { return nil }
    let clock = words[4].split(separator: ":")
    guard clock.count == 3, clock.allSatisfy({ $0.count == 2 }), let month = months.firstIndex(of: String(words[2])) else { return nil }
    guard let day = Int(words[1]), let year = Int(words[3]), words[3].count == 4 else { return nil }
    guard let hour = Int(clock[0]), let minute = Int(clock[1]), let second = Int(clock[2]) else { return nil }
    guard (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second) else { return nil }
    let parts = DateComponents(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
    guard parts.isValidDate(in: calendar) || second == 60 else { return nil }
    return calendar.date(from: parts)
  }
}
