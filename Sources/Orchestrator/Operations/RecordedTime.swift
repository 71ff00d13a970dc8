import Foundation

/// A moment by PostgreSQL's clock; in JSON the text of RFC 3339 in UTC with all six digits, so that nothing is lost on the way.
public struct RecordedTime: Codable, Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Microseconds since the Unix epoch.
  public let microseconds: Int64

  /// A moment of so many microseconds since the Unix epoch.
  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// Parses RFC 3339 of the years 1 to 9999 in UTC with up to six digits of fraction; nil for anything else, also for a leap second.
  public init?(_ text: String) {
    let form = /([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))/
    // Foundation carries over what there is not, such as hour 63 or 30 February: such a time is written in another way.
    guard let match = text.uppercased().wholeMatch(of: form), let clock = try? Date("\(match.1)Z", strategy: .iso8601),
      clock.formatted(.iso8601).dropLast() == match.1
    else { return nil }
    let minutes = (match.4.flatMap { Int64($0) } ?? 0) * 60 + (match.5.flatMap { Int64($0) } ?? 0)
    let seconds = Int64(clock.timeIntervalSince1970.rounded()) + (match.3 == "-" ? minutes : -minutes) * 60
    let digits = (match.2 ?? "").padding(toLength: 6, withPad: "0", startingAt: 0)
    microseconds = seconds * 1_000_000 + (Int64(digits) ?? 0)
    guard Self.writable.contains(microseconds) else { return nil }
  }

  /// The years 1 to 9999, which have four digits, by Foundation's calendar: it is the Julian one before October 1582.
  private static let writable: ClosedRange<Int64> = -62_135_769_600_000_000...253_402_300_799_999_999

  public var description: String {
    let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    let (seconds, fraction) = rest < 0 ? (whole - 1, rest + 1_000_000) : (whole, rest)
    let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    return text.dropLast() + "." + String(fraction + 1_000_000).dropFirst() + "Z"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let time = RecordedTime(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "the time is not written as RFC 3339 asks")
    }
    self = time
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  public static func < (left: RecordedTime, right: RecordedTime) -> Bool { left.microseconds < right.microseconds }
}
