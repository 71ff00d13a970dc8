import Foundation
import Orchestrator
import Synchronization
import Testing

@testable import orchestratord

@Suite struct VersionCommandTests {
  private static func session(_ service: OperatorFixture, _ write: @escaping @Sendable (String) -> Void) -> OperatorSession {
    let output = TerminalOutput(hasColour: false, now: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, write: write)
    let client = Client(service.database, OperatorFixture.registry, identity: "cli/test")
    return OperatorSession(client: client, registry: OperatorFixture.registry, output: output)
  }

  /// Runs one command line without a terminal and gives what it wrote.
  private static func run(_ service: OperatorFixture, _ words: String...) async throws -> String {
    let written = Mutex("")
    var arguments = Arguments(words)
    try await VersionCommand(session: session(service) { text in written.withLock { $0 += text } }).run(&arguments)
    return written.withLock { $0 }
  }

  @Test func `Versions of workflow code are set, ramped, listed and taken back by commands`() async throws {
    try await OperatorFixture.run { service in
      #expect(try await Self.run(service, "list") == "no workflow type has versions\n")
      await #expect(throws: OrchestratorError.self) { _ = try await Self.run(service, "set-current", "Waiting", "2") }
      let set = try await Self.run(service, "set-current", "Waiting", "2", "--force")
      #expect(set == "Waiting: new runs begin with version 2\n")
      let ramped = try await Self.run(service, "ramp", "Waiting", "3", "12.5", "--force")
      #expect(ramped == "Waiting: 12.5 % of the workflow ids begin with version 3\n")
      await #expect(throws: UsageError.self) { _ = try await Self.run(service, "ramp", "Waiting", "3", "101") }
      let list = try await Self.run(service, "list", "Waiting")
      #expect(list.contains("Current") && list.contains("Ramping 12.5 %"))
      #expect(try await Self.run(service, "clear", "Waiting") == "Waiting: new runs begin as the code says\n")
      #expect(try await Self.run(service, "list") == "no workflow type has versions\n")
    }
  }

  @Test func `A run is started with a version, blocked without its code, and moved by commands`() async throws {
    try await OperatorFixture.run { service in
      let written = Mutex("")
      let command = WorkflowCommand(session: Self.session(service) { text in written.withLock { $0 += text } })
      for words in [
        ["start", "Waiting", "w", "--input", "\"x\"", "--version", "9"], ["move", "w", "--version", "8"], ["move", "w", "--auto-upgrade"],
      ] {
        var arguments = Arguments(words)
        try await command.run(&arguments)
        if words[0] == "start" { _ = try await service.status(of: "w", becomes: "Blocked") }
      }
      #expect(written.withLock { $0 }.hasSuffix("w: will go on with version 8\nw: will go on with the current version\n"))
      let run = try await service.status(of: "w", becomes: "Running")
      #expect(run["version"] == nil)
      var wrong = Arguments(["move", "w"])
      await #expect(throws: UsageError.self) { try await command.run(&wrong) }
    }
  }
}
