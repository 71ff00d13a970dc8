import Foundation
import Testing

@testable import Orchestrator

/// Local times where clocks are set: what does not exist is skipped, what comes twice counts once, unless every hour counts.
@Suite struct ZoneTests {
  private func times(_ cron: String, _ zone: String, from: String, count: Int) throws -> [String] {
    let times = try ScheduleTimes(ScheduleSpecification(cronExpressions: [cron], timeZone: zone))
    var after = try #require(RecordedTime(from)).microseconds / 1_000_000
    return try (0..<count).map { _ in
      let next = try #require(times.next(after: after, scheduleID: ""))
      after = next.nominalSeconds
      return CivilDate.text(ofUnixSeconds: after)
    }
  }

  @Test func `a time that the clocks jump over is skipped on that day`() throws {
    #expect(
      try times("30 2 * * *", "Europe/Berlin", from: "2026-03-28T00:00:00Z", count: 3) == [
        "2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z",
      ])
    #expect(
      try times("30 2 * * *", "America/New_York", from: "2026-03-07T00:00:00Z", count: 2) == [
        "2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z",
      ])
  }

  @Test func `a time that comes twice counts once, at its first coming`() throws {
    #expect(
      try times("30 2 * * *", "Europe/Berlin", from: "2026-10-24T00:00:00Z", count: 3) == [
        "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z",
      ])
    #expect(
      try times("*/20 1-2 * * *", "America/New_York", from: "2026-11-01T05:15:00Z", count: 4) == [
        "2026-11-01T05:20:00Z", "2026-11-01T05:40:00Z", "2026-11-01T07:00:00Z", "2026-11-01T07:20:00Z",
      ])
  }

  @Test func `what is due every hour is due in the repeated hour too, and no hour is without it`() throws {
    #expect(
      try times("0 * * * *", "Europe/Berlin", from: "2026-10-24T22:30:00Z", count: 4) == [
        "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z",
      ])
    #expect(
      try times("*/30 * * * *", "Australia/Lord_Howe", from: "2026-04-04T14:30:00Z", count: 4) == [
        "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:00:00Z", "2026-04-04T16:30:00Z",
      ])
    #expect(
      try times("0 * * * *", "Europe/Berlin", from: "2026-03-28T23:30:00Z", count: 3) == [
        "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z",
      ])
  }

  /// Instants by Python's zoneinfo, looked for minute by minute; `make_zone_times.py` beside this file wrote them.
  private struct Expectation: Decodable {
    let zone: String
    let cron: String
    let from: Int64
    let times: [Int64]
  }

  @Test func `next times in twelve zones over the changes of many years are those that Python finds`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "zone-times.json")
    let expectations = try JSONDecoder().decode([Expectation].self, from: try Data(contentsOf: file))
    #expect(expectations.count >= 300)
    for expected in expectations {
      let times = try ScheduleTimes(ScheduleSpecification(cronExpressions: [expected.cron], timeZone: expected.zone))
      var (found, after) = ([Int64](), expected.from)
      while found.count < expected.times.count, let next = times.next(after: after, scheduleID: "") {
        found.append(next.nominalSeconds)
        after = next.nominalSeconds
      }
      #expect(found == expected.times, "'\(expected.cron)' in \(expected.zone) from \(expected.from)")
    }
  }
}
