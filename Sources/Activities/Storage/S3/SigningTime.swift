import Foundation

/// A second as signatures write it: `20261122T034245Z`.
public struct SigningTime: Sendable, Hashable, Comparable {
  /// Since the Unix epoch.
  public let seconds: Int64

  public init(seconds: Int64) { self.seconds = seconds }

  /// The second in which the date lies.
  public init(_ date: Date) { seconds = Int64(date.timeIntervalSince1970.rounded(.down)) }

  /// Nil for every text but the one that this second is written as.
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 16 else { return nil }
    func number(_ range: Range<Int>) -> Int32 { Int32(String(decoding: bytes[range], as: UTF8.self)) ?? -1 }
    var parts = tm()
    parts.tm_year = number(0..<4) - 1900
    parts.tm_mon = number(4..<6) - 1
    parts.tm_mday = number(6..<8)
    parts.tm_hour = number(9..<11)
    parts.tm_min = number(11..<13)
    parts.tm_sec = number(13..<15)
    seconds = Int64(timegm(&parts))
    // Whatever the digits leave open (the 31st of April, signs), a second is written in one way only.
    guard self.text == text else { return nil }
  }

  public var date: Date { Date(timeIntervalSince1970: Double(seconds)) }

  var text: String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    func padded(_ number: Int32, _ width: Int = 2) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let day = padded(parts.tm_year + 1900, 4) + padded(parts.tm_mon + 1) + padded(parts.tm_mday)
    return "\(day)T\(padded(parts.tm_hour))\(padded(parts.tm_min))\(padded(parts.tm_sec))Z"
  }

  /// `20261122`.
  var day: String { String(text.prefix(8)) }

  public static func < (one: SigningTime, other: SigningTime) -> Bool { one.seconds < other.seconds }
}
