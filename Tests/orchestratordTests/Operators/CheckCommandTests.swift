import Foundation
import Orchestrator
import Synchronization
import TestSupport
import Testing

@testable import orchestratord

@Suite struct CheckCommandTests {
  /// What a check with this build writes, and what it throws.
  private static func check(
    _ service: OperatorFixture, _ registry: Registry, _ words: String...
  ) async throws -> (text: String, error: OrchestratorError?) {
    let written = Mutex("")
    let output = TerminalOutput(hasColour: false, now: { 0 }, write: { text in written.withLock { $0 += text } })
    let client = Client(service.database, registry, identity: "cli/test")
    var arguments = Arguments(words)
    do {
      try await CheckCommand(session: OperatorSession(client: client, registry: registry, output: output)).run(&arguments)
      return (written.withLock { $0 }, nil)
    } catch let error as OrchestratorError {
      return (written.withLock { $0 }, error)
    }
  }

  /// Runs that wait: `count` of a type that another build writes otherwise, and one that it knows as well.
  private static func withOpenRuns(_ count: Int, _ body: (OperatorFixture) async throws -> Void) async throws {
    try await OperatorFixture.run { service in
      for number in 0..<count { _ = try await service.engine.client.start(Original.self, id: "v\(number)", input: number) }
      _ = try await service.engine.client.start(Waiting.self, id: "w", input: "x")
      for number in 0..<count {
        _ = try await service.answer("/api/v1/workflows/v\(number)/history") { ($0["events"] as? [Any])?.count == 4 }
      }
      try await body(service)
    }
  }

  @Test func `A build that repeats every open run is told so, and nothing is written`() async throws {
    try await Self.withOpenRuns(45) { service in
      let check = try await Self.check(service, OperatorFixture.registry)
      #expect(check.error == nil)
      #expect(check.text == "46 open runs, 181 events: the code repeats them all\n")
      let typed = try await Self.check(service, OperatorFixture.registry, "--type", "Waiting", "--json")
      #expect(typed.text == "{\"events\":1,\"groups\":[],\"runs\":1}\n")
      #expect(try await Self.check(service, OperatorFixture.registry, "--namespace", "elsewhere").text.hasPrefix("0 open runs"))
    }
  }

  @Test func `A build that would block open runs fails the check, and is told which ones, together, with both sides`() async throws {
    try await Self.withOpenRuns(7) { service in
      let check = try await Self.check(service, OperatorFixture.changedRegistry)
      #expect(check.error?.code == .nonDeterminism && check.error?.code.exitStatus == 70)
      #expect(check.error?.message.hasPrefix("8 of 8 open runs would be blocked") == true)
      let lines = check.text.split(separator: "\n").map(String.init)
      #expect(lines.first == "Versioned: non-determinism in 7: v0, v1, v2, v3, v4 and 2 more")
      #expect(
        check.text.contains("recorded  ActivityTaskScheduled 'first'") && check.text.contains("code      ActivityTaskScheduled 'second'"))
      #expect(check.text.contains("Waiting: unknown-workflow-type in 1: w\n"))
      // A check is a question: the runs stand where they stood.
      _ = try await service.status(of: "v0", becomes: "Running")
    }
  }

  @Test func `Histories in files are checked like open runs`() async throws {
    try await Self.withOpenRuns(1) { service in
      let export = try await service.engine.client.export(try await service.engine.client.newestRun(of: WorkflowKey(workflowID: "v0")))
      let file = FileManager.default.temporaryDirectory.appending(path: "check-\(UUID().uuidString).json").path
      defer { try? FileManager.default.removeItem(atPath: file) }
      try Data(try export.encoded()).write(to: URL(fileURLWithPath: file))
      var arguments = Arguments([file, file])
      let error = #expect(throws: OrchestratorError.self) {
        try CheckCommand.checkFiles(
          &arguments, OperatorFixture.changedRegistry, TerminalOutput(hasColour: false, now: { 0 }, write: { _ in }))
      }
      #expect(error?.message.hasPrefix("2 of 2 histories") == true)
      var missing = Arguments([file + ".none"])
      #expect(throws: UsageError.self) { try CheckCommand.checkFiles(&missing, OperatorFixture.registry, .standard) }
      var nothing = Arguments([])
      #expect(throws: UsageError.self) { try CheckCommand.checkFiles(&nothing, OperatorFixture.registry, .standard) }
    }
  }
}
