import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import orchestratord

@Suite struct BatchCommandTests {
  /// Runs one command line without a terminal and gives what it wrote.
  private static func run(_ service: OperatorFixture, _ words: String...) async throws -> String {
    let written = Mutex("")
    let output = TerminalOutput(
      hasColour: false, now: { Int64(Date().timeIntervalSince1970 * 1_000_000) }, write: { text in written.withLock { $0 += text } })
    let client = Client(service.database, OperatorFixture.registry, identity: "cli/test")
    var arguments = Arguments(words)
    try await BatchCommand(session: OperatorSession(client: client, registry: OperatorFixture.registry, output: output)).run(&arguments)
    return written.withLock { $0 }
  }

  @Test func `A batch is tried out, followed, listed and shown by commands`() async throws {
    try await OperatorFixture.run { service in
      for number in 1...3 { try await service.engine.client.start(Waiting.self, id: "w-\(number)", input: "x") }
      let query = "WorkflowId STARTS_WITH 'w-'"
      let dry = try await Self.run(service, "start", "terminate", "--query", query, "--dry-run")
      #expect(dry.hasPrefix("terminate: 3 runs\n") && dry.contains("w-2"))
      #expect(try await Self.run(service, "list") == "no batches\n")
      let followed = try await Self.run(
        service, "start", "terminate", "--query", query, "--id", "tidy", "--rate", "1000", "--reason", "over", "--follow")
      #expect(followed.contains("tidy  terminate  Completed\n") && followed.contains("3 done, 0 skipped, 0 refused, of 3"))
      let list = try await Self.run(service, "list")
      #expect(list.contains("Completed  tidy") && list.contains("cli/test"))
      #expect(try await Self.run(service, "show", "tidy").contains("over"))
      #expect(try await Self.run(service, "start", "resume", "--query", query, "--id", "none").hasPrefix("none: begun"))
      await #expect(throws: UsageError.self) { _ = try await Self.run(service, "start", "terminate") }
      await #expect(throws: UsageError.self) { _ = try await Self.run(service, "start", "explode", "--query", query) }
      await #expect(throws: OrchestratorError.self) { _ = try await Self.run(service, "cancel", "w-1") }
    }
  }

  @Test func `A batch is begun, watched and cancelled over HTTP`() async throws {
    try await OperatorFixture.run { service in
      for number in 1...20 { try await service.engine.client.start(Waiting.self, id: "w-\(number)", input: "x") }
      // One for a slot that is not taken yet lies in the inbox for a moment.
      try await eventually("all have begun") {
        try await service.engine.client.countWorkflows(query: "WorkflowType = 'Waiting'").count == 20
      }
      let body = #"{"action":"signal","name":"tell","input":"hi","query":"WorkflowType = 'Waiting'","operationsPerSecond":2,"batchId":"b"}"#
      let preview = try await service.send(.post, "/api/v1/batch-preview?limit=2", body)
      #expect(preview.json["count"] as? Int == 20 && (preview.json["items"] as? [Any])?.count == 2)
      let begun = try await service.send(.post, "/api/v1/batches", body)
      #expect(begun.status == 202 && begun.json["batchId"] as? String == "b")
      #expect(try await service.send(.post, "/api/v1/batches", body).status == 409)
      _ = try await service.answer("/api/v1/batches/b") { (($0["progress"] as? [String: Any])?["done"] as? Int ?? 0) > 0 }
      #expect(try await service.send(.post, "/api/v1/batches/b/cancel", #"{"reason":"enough"}"#).status == 202)
      let ended = try await service.answer("/api/v1/batches/b") { $0["status"] as? String == "Canceled" }
      #expect((ended["progress"] as? [String: Any])?["total"] as? Int == 20)
      let items = try await service.send(.get, "/api/v1/batches").json["items"] as? [[String: Any]]
      #expect(items?.first?["action"] as? String == "signal tell")
      let wrong = [
        #"{"action":"signal","query":"WorkflowType = 'Waiting'"}"#, #"{"action":"explode","query":"WorkflowType = 'Waiting'"}"#,
        #"{"action":"reset","point":"nowhere","query":"WorkflowType = 'Waiting'"}"#,
      ]
      for body in wrong { #expect(try await service.send(.post, "/api/v1/batches", body).status == 422, "\(body)") }
      #expect(try await service.send(.post, "/api/v1/batches", #"{"action":"cancel","query":""}"#).status == 400)
      #expect(try await service.send(.post, "/api/v1/batches", body, as: "artist-token-0001").status == 403)
      #expect(try await service.send(.get, "/api/v1/batches/nobody").status == 404)
    }
  }
}
