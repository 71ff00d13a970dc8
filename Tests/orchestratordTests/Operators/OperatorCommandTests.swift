import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import orchestratord

@Suite struct OperatorCommandTests {
  /// Runs one command line without a terminal and gives what it wrote.
  private static func run(
    _ service: OperatorFixture, registry: Registry = OperatorFixture.registry, hasColour: Bool = false, _ words: String...
  ) async throws -> String {
    let written = Mutex("")
    let output = TerminalOutput(
      hasColour: hasColour, now: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, write: { text in written.withLock { $0 += text } })
    let client = Client(service.database, registry, identity: "cli/test")
    let session = OperatorSession(client: client, registry: registry, output: output)
    var arguments = Arguments(Array(words.dropFirst()))
    switch words[0] {
    case "activity": try await ActivityCommand(session: session).run(&arguments)
    case "search-attribute": try await SearchAttributeCommand(session: session).run(&arguments)
    default: try await WorkflowCommand(session: session).run(&arguments)
    }
    return written.withLock { $0 }
  }

  private static func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func `A workflow is started, watched, signalled, queried and ended by commands`() async throws {
    try await OperatorFixture.run { service in
      let started = try await Self.run(service, "workflow", "start", "Waiting", "w1", "--input", #""hi""#)
      #expect(started.hasPrefix("started w1, run "))
      _ = try await service.status(of: "w1", becomes: "Running")
      #expect(try await Self.run(service, "workflow", "query", "w1", "note") == "\"none\"\n")
      #expect(try await Self.run(service, "workflow", "signal", "w1", "tell", "--input", #""you""#) == "w1: signal tell sent\n")
      _ = try await service.status(of: "w1", becomes: "Completed")
      let shown = try await Self.run(service, "workflow", "show", "w1")
      #expect(shown.hasPrefix("w1  Waiting  Completed\n") && shown.contains("outcome    \"hi you\""))
      #expect(shown.contains("#2 WorkflowExecutionSignaled tell\n") && shown.contains("#3 WorkflowExecutionCompleted  because of #2\n"))
      let document = try Self.object(try await Self.run(service, "workflow", "show", "w1", "--json"))
      #expect(document["status"] as? String == "Completed" && (document["history"] as? [Any])?.count == 3)
      for (id, command, status) in [("w2", "cancel", "Canceled"), ("w3", "terminate", "Terminated")] {
        _ = try await Self.run(service, "workflow", "start", "Waiting", id, "--input", #""x""#)
        _ = try await service.status(of: id, becomes: "Running")
        _ = try await Self.run(service, "workflow", command, id, "--reason", "test")
        _ = try await service.status(of: id, becomes: status)
      }
    }
  }

  @Test func `A list is an aligned table, in colour only on a terminal, or one JSON document`() async throws {
    try await OperatorFixture.run { service in
      _ = try await service.engine.client.start(Waiting.self, id: "short", input: "x")
      _ = try await service.engine.client.start(Waiting.self, id: "a-much-longer-id\u{1B}[31m", input: "x")
      let lines = try await Self.run(service, "workflow", "list").split(separator: "\n").map(String.init)
      #expect(lines.count == 3 && lines[0].hasPrefix("STATUS   WORKFLOW ID"))
      let column = try #require(lines[0].range(of: "TYPE")?.lowerBound.utf16Offset(in: lines[0]))
      #expect(lines.dropFirst().allSatisfy { $0.dropFirst(column).hasPrefix("Waiting") })
      #expect(!lines.joined().contains("\u{1B}"), "what is stored must not steer the terminal")
      #expect(try await Self.run(service, hasColour: true, "workflow", "list").contains("\u{1B}[2mSTATUS"))
      let page = try Self.object(try await Self.run(service, "workflow", "list", "--json", "--limit", "1"))
      #expect((page["items"] as? [Any])?.count == 1 && page["nextCursor"] is String)
      #expect(try await Self.run(service, "workflow", "list", "--status", "failed") == "no workflows\n")
      #expect(try await Self.run(service, "workflow", "list", "--query", "WorkflowId = 'short'").split(separator: "\n").count == 2)
      #expect(try await Self.run(service, "workflow", "count", "--query", "WorkflowId = 'short'", "--type", "Waiting") == "1\n")
      let groups = try await Self.run(service, "workflow", "count", "--query", "GROUP BY ExecutionStatus")
      #expect(groups == "STATUS   COUNT\nRunning  2\n")
      #expect(try Self.object(try await Self.run(service, "workflow", "count", "--json"))["count"] as? Int == 2)
    }
  }

  @Test func `A run is found by search attributes that were added, given and asked for by commands`() async throws {
    try await OperatorFixture.run { service in
      #expect(try await Self.run(service, "search-attribute", "list") == "no search attributes\n")
      #expect(try await Self.run(service, "search-attribute", "add", "Tier", "keyword") == "Tier: Keyword\n")
      #expect(try await Self.run(service, "search-attribute", "add", "Tags", "KeywordList") == "Tags: KeywordList\n")
      #expect(try await Self.run(service, "search-attribute", "list") == "NAME  TYPE\nTags  KeywordList\nTier  Keyword\n")
      _ = try await Self.run(
        service, "workflow", "start", "Waiting", "a", "--input", "1", "--search-attribute", "Tier=a=b", "--search-attribute=Tags=x,y",
        "--memo", #"{"note": 1}"#)
      _ = try await service.status(of: "a", becomes: "Blocked")
      #expect(try await Self.run(service, "workflow", "count", "--query", "Tier = 'a=b' AND Tags = 'y'") == "1\n")
      let shown = try await Self.run(service, "workflow", "show", "a")
      #expect(shown.contains(#"attributes {"Tags": ["x", "y"], "Tier": "a=b"}"#) && shown.contains(#"memo       {"note": 1}"#))
      for words in [["--search-attribute", "Tier"], ["--search-attribute", "Colour=red"], ["--memo", "{"]] {
        await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "start", "Waiting", "b", words[0], words[1]) }
      }
      await #expect(throws: UsageError.self) { try await Self.run(service, "search-attribute", "add", "Colour", "Red") }
      await #expect(throws: OrchestratorError.self) { try await Self.run(service, "search-attribute", "add", "Tier", "Int") }
    }
  }

  @Test func `A parked activity is found, retried, completed and failed by commands`() async throws {
    try await OperatorFixture.run { service in
      for id in ["a", "b", "c"] { try await service.park(id) }
      let list = try await Self.run(service, "activity", "list")
      #expect(list.split(separator: "\n").count == 4 && list.contains("stuck-step") && list.contains("NotYet: attempt 2"))
      let shown = try await Self.run(service, "workflow", "show", "a")
      #expect(shown.contains("waits for  operator for activity stuck-step (1)") && shown.contains("failed attempts"))
      #expect(shown.contains("#2 ActivityTaskScheduled stuck-step  because of #1\n"))
      #expect(try await Self.run(service, "activity", "retry", "a", "1") == "a: activity 1 will be tried again at once\n")
      _ = try await Self.run(service, "activity", "complete", "b", "1", "--result", "5")
      _ = try await Self.run(service, "activity", "fail", "c", "1", "--reason", "no")
      #expect(try await service.status(of: "a", becomes: "Completed")["outcome"] as? Int == 43)
      #expect(try await service.status(of: "b", becomes: "Completed")["outcome"] as? Int == 5)
      _ = try await service.status(of: "c", becomes: "Failed")
      #expect(try await Self.run(service, "activity", "list") == "no activity waits for an operator\n")
    }
  }

  @Test func `A blocked run shows what blocks it and what to do; a replay shows both sides`() async throws {
    let database = try OperatorFixture.migratedDatabase()
    try await OperatorFixture.run(on: database) { service in
      _ = try await service.engine.client.start(Original.self, id: "v", input: 1)
      _ = try await service.answer("/api/v1/workflows/v/history") { ($0["events"] as? [Any])?.count == 4 }
    }
    try await OperatorFixture.run(OperatorFixture.changedRegistry, on: database) { service in
      _ = try await Self.run(service, "workflow", "cancel", "v")
      _ = try await service.status(of: "v", becomes: "Blocked")
      let shown = try await Self.run(service, "workflow", "show", "v")
      #expect(shown.contains("v  Versioned  Blocked\n") && shown.contains("docs/errors/non-determinism.md"))
      let text = try await Self.run(service, "workflow", "export", "v")
      let export = try HistoryExport(reading: Array(text.utf8))
      let written = Mutex("")
      let output = TerminalOutput(hasColour: false, now: { 0 }, write: { text in written.withLock { $0 += text } })
      try ReplayCommand(registry: OperatorFixture.registry, output: output).replay(export, isJSON: false)
      #expect(written.withLock { $0 }.hasSuffix("the code repeats the history\n"))
      let error = #expect(throws: OrchestratorError.self) {
        try ReplayCommand(registry: OperatorFixture.changedRegistry, output: output).replay(export, isJSON: false)
      }
      #expect(error?.code.exitStatus == 70)
      let sides = written.withLock { $0 }
      #expect(sides.contains("recorded  ActivityTaskScheduled 'first'") && sides.contains("code      ActivityTaskScheduled 'second'"))
      #expect(try await Self.run(service, "workflow", "retry", "v") == "v: will be tried again at once\n")
    }
  }

  @Test func `What cannot be done is said with a code, what is mistyped with what to type`() async throws {
    try await OperatorFixture.run { service in
      for words in [["show", "none"], ["signal", "none", "tell"], ["cancel", "none"], ["query", "none", "note"]] {
        let error = await #expect(throws: OrchestratorError.self) {
          switch words.count {
          case 3: _ = try await Self.run(service, "workflow", words[0], words[1], words[2])
          default: _ = try await Self.run(service, "workflow", words[0], words[1])
          }
        }
        #expect(error?.code == .workflowNotFound && error?.code.exitStatus == 66)
      }
      await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "show") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "dance") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "list", "--status", "Sleeping") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "list", "--statu", "Running") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "workflow", "start", "Waiting", "x", "--input", "{") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "activity", "complete", "x", "1") }
      await #expect(throws: UsageError.self) { try await Self.run(service, "activity", "retry", "x", "first") }
    }
  }
}

@Suite struct MigrateCommandTests {
  @Test func `The binary carries the migrations of the repository`() throws {
    let folder = URL(filePath: #filePath).appending(path: "../../../../Migrations").standardizedFileURL.path
    #expect(Schema.migrations == (try Migration.load(from: folder)), "run `make migrations`")
  }

  @Test func `A dry run says what would be done and does nothing`() throws {
    let database = try TestCluster.createDatabase()
    let written = Mutex<[String]>([])
    let output = TerminalOutput(hasColour: false, now: { 0 }, write: { text in written.withLock { $0.append(text) } })
    func migrate(isDryRun: Bool) throws -> [String] {
      written.withLock { $0 = [] }
      try MigrateCommand.run(Schema.migrations, on: database, isDryRun: isDryRun, output: output)
      return written.withLock { $0 }
    }
    let planned = try migrate(isDryRun: true)
    #expect(planned.count == Schema.migrations.count && planned[0] == "would apply 1 history\n")
    #expect(try migrate(isDryRun: true) == planned)
    #expect(try migrate(isDryRun: false).first == "applied 1 history\n")
    #expect(try migrate(isDryRun: true) == ["nothing to do: the database has all \(Schema.migrations.count) migrations\n"])
  }
}
