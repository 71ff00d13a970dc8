import Foundation
import Testing

@testable import Orchestrator

@Suite struct LogTests {
  private static let fields = [(name: "run_id", value: "7"), (name: "request_id", value: "a-1")]

  @Test func `A line for people has time, level, event, message and fields, and is one line`() {
    let line = Log.line("2026-11-22T04:20:01.810Z", .warning, "lease-lost", "first\nsecond", Self.fields, .text)
    #expect(line == "2026-11-22T04:20:01.810Z warning lease-lost: first\\nsecond run_id=7 request_id=a-1")
  }

  @Test func `A line for programs is one JSON object, whatever stands in the message`() throws {
    let message = "a \"quoted\" \\ line\nand \u{1B}[31m another"
    let line = Log.line("2026-11-22T04:20:01.810Z", .error, "boom", message, Self.fields + [(name: "level", value: "mine")], .json)
    #expect(!line.contains("\n"))
    let members = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    #expect(
      members == [
        "time": "2026-11-22T04:20:01.810Z", "level": "error", "event": "boom", "message": message, "run_id": "7", "request_id": "a-1",
      ])
  }
}
