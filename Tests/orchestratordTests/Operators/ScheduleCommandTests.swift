import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import Testing

@testable import orchestratord

@Suite struct ScheduleCommandTests {
  /// Runs one command line without a terminal and gives what it wrote.
  private static func run(_ service: OperatorFixture, _ words: String...) async throws -> String {
    let written = Mutex("")
    let output = TerminalOutput(
      hasColour: false, now: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, write: { text in written.withLock { $0 += text } })
    let client = Client(service.database, OperatorFixture.registry, identity: "cli/test")
    var arguments = Arguments(words)
    try await ScheduleCommand(session: OperatorSession(client: client, registry: OperatorFixture.registry, output: output)).run(&arguments)
    return written.withLock { $0 }
  }

  @Test func `A schedule is created, watched, changed, triggered and deleted by commands`() async throws {
    try await OperatorFixture.run { service in
      let created = try await Self.run(
        service, "create", "nightly", "Waiting", "--input", #""x""#, "--cron", "30 2 * * *", "--time-zone", "Europe/Berlin",
        "--overlap-policy",
        "bufferone")
      #expect(created.hasPrefix("created nightly, next time 2"))
      let list = try await Self.run(service, "list").split(separator: "\n")
      #expect(list.count == 2 && list[1].hasPrefix("nightly      Waiting  Active  in "))
      let preview = try await Self.run(service, "preview", "nightly", "--from", "2026-10-24T00:00:00Z", "--limit", "3")
      #expect(preview == "2026-10-24T00:30:00.000000Z\n2026-10-25T00:30:00.000000Z\n2026-10-26T01:30:00.000000Z\n")
      #expect(try await Self.run(service, "update", "nightly", "--catchup-window", "1h", "--note", "short") == "nightly: updated\n")
      let shown = try await Self.run(service, "describe", "nightly")
      #expect(shown.hasPrefix("nightly  Waiting  Active\n") && shown.contains("BufferOne, catch-up window 3600.0 seconds"))
      #expect(shown.contains(#"{"cronExpressions":["30 2 * * *"],"timeZone":"Europe/Berlin"}"#) && shown.contains("short"))
      #expect(try await Self.run(service, "pause", "nightly", "--note", "holidays") == "nightly: paused\n")
      #expect(try await Self.run(service, "trigger", "nightly") == "nightly: starts now\n")
      _ = try await service.answer("/api/v1/workflows?status=running") { ($0["items"] as? [Any])?.count == 1 }
      let paused = try await Self.run(service, "describe", "nightly")
      #expect(paused.hasPrefix("nightly  Waiting  Paused\n") && paused.contains("holidays") && paused.contains("nightly-2"))
      #expect(try await Self.run(service, "unpause", "nightly") == "nightly: unpaused\n")
      let filled = try await Self.run(
        service, "backfill", "nightly", "--from", "2026-01-01T00:00:00Z", "--through", "2026-01-02T00:00:00Z", "--overlap-policy",
        "allowall")
      #expect(filled.hasPrefix("nightly: starts its times from 2026-01-01"))
      _ = try await service.answer("/api/v1/workflows?workflowId=nightly-2026-01-01T01:30:00Z") { ($0["items"] as? [Any])?.count == 1 }
      #expect(try await Self.run(service, "delete", "nightly") == "nightly: deleted\n")
      #expect(try await Self.run(service, "list") == "no schedules\n")
    }
  }

  @Test func `What is mistyped about a schedule is said with what to type, and nothing is stored`() async throws {
    try await OperatorFixture.run { service in
      for words in [
        ["--interval", "often"], ["--calendar", #"{"hours": 1}"#], ["--calendar", "{"], ["--jitter", "some"], ["--start-time", "today"],
        ["--overlap-policy", "none"], ["--pause-on-failure", "maybe"], ["--cron"],
      ] {
        await #expect(throws: UsageError.self, "\(words)") {
          switch words.count {
          case 1: _ = try await Self.run(service, "create", "s", "Waiting", words[0])
          default: _ = try await Self.run(service, "create", "s", "Waiting", words[0], words[1])
          }
        }
      }
      let error = await #expect(throws: OrchestratorError.self) {
        try await Self.run(service, "create", "s", "Waiting", "--cron", "0 24 * * *")
      }
      #expect(error?.message.contains("'24' is no hour: it takes a number from 0 to 23, at character 3") == true)
      await #expect(throws: UsageError.self) { try await Self.run(service, "dance") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "backfill", "s") }
      let list = try await Self.run(service, "list")
      #expect(list == "no schedules\n")
    }
  }
}
