import Foundation
import Testing

@testable import HTTP

@Suite("HTTP dates and Retry-After") struct RetryAfterTests {
  /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
  private static let example = Date(timeIntervalSince1970: 784_111_777)

  @Test("a date is written and read as the RFC's example")
  func date() {
    #expect(HTTPDate.format(Self.example) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == Self.example)
  }

  @Test("every date comes back", arguments: 0..<100 as Range<UInt64>)
  func roundTrip(_ seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let date = Date(timeIntervalSince1970: Double(Int.random(in: 0...4_000_000_000, using: &generator)))
    #expect(HTTPDate.parse(HTTPDate.format(date)) == date, "seed \(seed)")
  }

  @Test(
    "other texts are no dates",
    arguments: [
      "", "1994-11-06", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT",
    ])
  func noDate(_ text: String) {
    #expect(HTTPDate.parse(text) == nil)
  }

  @Test(
    "Retry-After is seconds or a date",
    arguments: [
      ("120", .seconds(120)), ("0", .zero), (" 7 ", .seconds(7)), ("Sun, 06 Nov 1994 08:50:37 GMT", .seconds(60)),
      ("Sun, 06 Nov 1994 08:00:00 GMT", .zero), ("99999999999999999999", .seconds(Int64(Int32.max))), ("-1", nil), ("1.5", nil),
      ("soon", nil), ("", nil),
    ] as [(String, Duration?)])
  func retryAfter(_ text: String, _ expected: Duration?) {
    #expect(RetryAfter.parse(text, now: Self.example) == expected)
  }
}
