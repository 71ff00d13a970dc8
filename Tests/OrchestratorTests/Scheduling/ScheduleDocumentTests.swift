import Foundation
import Testing

@testable import Orchestrator

/// A schedule as JSON has Temporal's names; what is misspelt or impossible is refused with its place.
@Suite struct ScheduleDocumentTests {
  private func specification(_ json: String) throws -> ScheduleSpecification {
    try PayloadCodec.decode(ScheduleSpecification.self, from: Payload(json: Array(json.utf8)))
  }

  private func refusal(_ json: String) -> String {
    do {
      _ = try ScheduleTimes(try specification(json))
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test func `a specification survives JSON, in the text form of calendars`() throws {
    let json = """
      {"calendars":[{"comment":"workdays","dayOfWeek":"1-5","hour":"9-17/2","minute":"30"}],"cronExpressions":["@daily"],\
      "endTime":"2027-01-01T00:00:00.000000Z","excludeCalendars":[{"dayOfMonth":"25","hour":"*","month":"12"}],\
      "intervals":[{"interval":"5400s","phase":"60s"}],"jitter":"30s","startTime":"2026-01-01T00:00:00.000000Z","timeZone":"Europe/Berlin"}
      """
    let read = try specification(json)
    #expect(read.calendars[0].hour == [CalendarRange(9, through: 17, step: 2)])
    #expect(try PayloadCodec.encode(read).text == json)
    #expect(
      try specification(#"{"calendars":[{"hour":9,"minute":[{"start":5},{"start":10,"end":20,"step":5},40]}]}"#).calendars == [
        CalendarSpecification(minute: [5, CalendarRange(10, through: 20, step: 5), 40], hour: [9])
      ])
    #expect(try specification(#"{"intervals":[{"interval":"1h30m"}]}"#).intervals == [IntervalSpecification(every: .minutes(90))])
  }

  @Test func `a schedule survives JSON`() throws {
    let schedule = Schedule(
      specification: ScheduleSpecification(cronExpressions: ["@hourly"]),
      action: ScheduleAction(workflowType: "Report", workflowID: "report", input: Payload(json: Array(#"{"a":1}"#.utf8))),
      policies: SchedulePolicies(overlap: .bufferOne, catchupWindow: .hours(1), pauseOnFailure: true),
      state: ScheduleState(isPaused: true, note: "later", remainingActions: 3))
    let text = try PayloadCodec.encode(schedule).text
    #expect(text.contains(#""overlapPolicy":"BufferOne""#) && text.contains(#""catchupWindow":"3600s""#) && text.contains(#""spec":{"#))
    #expect(try PayloadCodec.decode(Schedule.self, from: Payload(json: Array(text.utf8))) == schedule)
  }

  @Test(
    "What is misspelt or impossible is refused with its place",
    arguments: [
      (#"{"calendar":[]}"#, "a specification has no field 'calendar'"),
      (#"{"calendars":[{"hours":"9"}]}"#, "a calendar has no field 'hours'"),
      (#"{"calendars":[{"hour":"25"}]}"#, "'25' is no hour"), (#"{"calendars":[{"hour":[{"start":25}]}]}"#, "hour 25-25/1"),
      (#"{"intervals":[{"phase":"1s"}]}"#, "no value for key 'interval'"), (#"{"intervals":[{"interval":"0s"}]}"#, "from 1 s"),
      (#"{"intervals":[{"interval":"90"}]}"#, "a duration such as 90s"), (#"{"intervals":[{"interval":"1m","phase":"1m"}]}"#, "the phase"),
      (#"{"timeZone":"Mars/Olympus"}"#, "there is no time zone 'Mars/Olympus'"),
      (#"{"timeZone":"../etc/passwd"}"#, "there is no time zone"),
      (#"{"timeZone":"UTC","cronExpressions":["CRON_TZ=Europe/Berlin @daily"]}"#, "name it once"),
      (#"{"startTime":"2027-01-01T00:00:00Z","endTime":"2026-01-01T00:00:00Z"}"#, "endTime is before startTime"),
      (#"{"startTime":"tomorrow"}"#, "RFC 3339"),
    ])
  func refused(_ json: String, _ reason: String) {
    #expect(refusal(json).contains(reason), "\(refusal(json))")
  }

  @Test func `a specification with too many parts or ranges is refused`() {
    let crons = Array(repeating: "@daily", count: Limits.scheduleParts + 1)
    #expect(throws: OrchestratorError.self) { try ScheduleTimes(ScheduleSpecification(cronExpressions: crons)) }
    let minutes = Array(repeating: "1", count: Limits.scheduleRanges + 1).joined(separator: ",")
    #expect(throws: OrchestratorError.self) { try ScheduleTimes(ScheduleSpecification(cronExpressions: ["\(minutes) * * * *"])) }
  }
}
