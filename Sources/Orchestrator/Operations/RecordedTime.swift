import Foundation

/// A moment by PostgreSQL's clock; in JSON the text of RFC 3339 in UTC with all six digits, so that nothing is lost on the way.
public struct RecordedTime: Codable, Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Microseconds since the Unix epoch.
  public let microseconds: Int64

  /// A moment of so many microseconds since the Unix epoch.
  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// Parses RFC 3339 with up to six digits of fraction; nil for anything else.
  public init?(_ text: String) {
    guard let match = text.wholeMatch(of: /(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([Zz]|[+-]\d\d:\d\d)/),
      let date = try? Date("\(match.1)\(match.3)".uppercased(), strategy: .iso8601)
    else { return nil }
    let digits = (match.2 ?? "").padding(toLength: 6, withPad: "0", startingAt: 0)
    microseconds = Int64(date.timeIntervalSince1970.rounded()) * 1_000_000 + (Int64(digits) ?? 0)
  }

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
