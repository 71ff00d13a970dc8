import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import Testing

@testable import orchestratord

@Suite struct QueueCommandTests {
  /// Runs one command line without a terminal and gives what it wrote.
  private static func run(_ service: OperatorFixture, _ words: String...) async throws -> String {
    let written = Mutex("")
    let output = TerminalOutput(
      hasColour: false, now: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, write: { text in written.withLock { $0 += text } })
    let client = Client(service.database, OperatorFixture.registry, identity: "cli/test")
    let command = QueueCommand(session: OperatorSession(client: client, registry: OperatorFixture.registry, output: output))
    var arguments = Arguments(words)
    if words == ["workers"] {
      var rest = Arguments([])
      try await command.listWorkers(&rest)
    } else {
      try await command.run(&arguments)
    }
    return written.withLock { $0 }
  }

  @Test func `Limits of a queue are set, shown and taken away by commands`() async throws {
    try await OperatorFixture.run { service in
      let set = try await Self.run(service, "set", "elsewhere", "--concurrency", "0", "--rate", "2.5", "--burst", "5")
      #expect(set == "elsewhere: 0 at once, 2.5 a second, 5 at most after a quiet time\n")
      _ = try await service.engine.client.start(Remote.self, id: "r", input: 1)
      _ = try await service.answer("/api/v1/queues/elsewhere") { document in
        let item = (document["items"] as? [[String: Any]])?.first
        return item?["waiting"] as? Int == 1
      }
      let shown = try await Self.run(service, "show", "elsewhere")
      #expect(shown.contains("default") && shown.contains("0 at once"))
      let list = try await Self.run(service, "list")
      #expect(list.contains("elsewhere  1") && list.contains("default"))
      #expect(try await Self.run(service, "unset", "elsewhere") == "elsewhere: no limits\n")
      #expect(try await Self.run(service, "show", "elsewhere") == "elsewhere: no limits\n")
      let workers = try await Self.run(service, "workers")
      #expect(workers.contains("default") && workers.contains("test"))
      await #expect(throws: UsageError.self) { _ = try await Self.run(service, "set", "elsewhere", "--burst", "3") }
      await #expect(throws: UsageError.self) { _ = try await Self.run(service, "set", "elsewhere", "--rate", "none") }
    }
  }

  @Test func `Limits of a queue are set and taken away over HTTP, and values that cannot be are refused`() async throws {
    try await OperatorFixture.run { service in
      let path = "/api/v1/queues/elsewhere"
      let set = try await service.send(.put, path, #"{"concurrency":3,"rate":10}"#)
      #expect(set.status == 200 && set.json["concurrency"] as? Int == 3)
      let items = try await service.send(.get, path).json["items"] as? [[String: Any]] ?? []
      let limits = try #require(items.first?["limits"] as? [String: Any])
      #expect(limits["rate"] as? Double == 10 && limits["burst"] as? Int == 10)
      #expect(try await service.send(.put, path, #"{"concurrency":-1}"#).status == 400)
      #expect(try await service.send(.put, path, #"{"speed":1}"#).status == 400)
      #expect(try await service.send(.put, path, "{}", as: "artist-token-0001").status == 403)
      #expect(try await service.send(.delete, path).status == 204)
      #expect((try await service.send(.get, path).json["items"] as? [Any])?.isEmpty == true)
      _ = try await service.answer("/api/v1/workers") { ($0["items"] as? [Any])?.count == 1 }
    }
  }
}
