import Foundation
import PostgreSQL

@testable import Orchestrator

/// A workflow whose values stand everywhere where values can stand.
struct Confidential: Workflow {
  struct State: WorkflowState {
    var secret = ""
    var note: String?
  }

  static let note = Signal<Self, String>("note") { state, note in state.note = note }
  static let later = Signal<Self, String>("later") { _, _ in }
  static let add = Update<Self, String, String>("add") { workflow, text in
    workflow.state.secret += text
    return workflow.state.secret
  }
  static let reject = Update<Self, String, String>("reject") { _, _ in
    throw ApplicationFailure(type: "Rejected", message: "no", details: "")
  } handle: { _, text in
    text
  }
  static let secret = Query<Self, String>("secret") { $0.secret }
  static let handlers: [Handler<Self>] = [.signal(note), .update(add), .update(reject), .query(secret)]

  func run(_ workflow: Context<Self>, _ secret: String) async throws -> String {
    workflow.state.secret = try await workflow.execute(ConfidentialSteps.echo, secret)
    workflow.state.secret = try await workflow.inline(ConfidentialSteps.echo, workflow.state.secret)
    workflow.state.secret = try await workflow.execute(ConfidentialSteps.remote, workflow.state.secret)
    if !secret.hasSuffix("child") {
      _ = try await workflow.child(Confidential.self, id: "\(workflow.info.workflowID)-child", secret + "-child")
      try await workflow.external(Confidential.self, id: workflow.info.workflowID).signal(Self.later, secret)
      do { _ = try await workflow.execute(ConfidentialSteps.refuse, secret) } catch is ActivityFailure {}
      try await workflow.wait { $0.note != nil }
    }
    return workflow.state.secret
  }
}

enum ConfidentialSteps {
  static let echo = Activity<String, String>("echo")
  static let remote = Activity<String, String>("remote-echo", ActivityOptions(taskQueue: "elsewhere"))
  static let refuse = Activity<String, Nothing>(
    "refuse", ActivityOptions(retryPolicy: RetryPolicy(initialInterval: .milliseconds(1), maximumAttempts: 2)))

  static var registry: Registry {
    var registry = Registry()
    registry.register(Confidential.self)
    registry.implement(echo) { text, _ in text }
    registry.implement(remote) { text, context in
      try context.heartbeat(text)
      return text
    }
    registry.implement(refuse) { text, _ in throw ApplicationFailure(type: "Refused", message: "refused: \(text)", details: text) }
    return registry
  }
}

extension EngineFixture {
  /// Runs the body with an engine whose values pass these codecs.
  func withEngine<Result>(_ registry: Registry, codec: CodecChain?, _ body: (Engine) async throws -> Result) async throws -> Result {
    let engine = try await engine(registry) { $0.codec = codec }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(engine)) } catch { result = .failure(error) }
    await engine.shutdown()
    return try result.get()
  }

  /// Places of this database's files and of the write-ahead log that hold a text: rows that are gone long since count too.
  func places(of text: String) async throws -> [String] {
    _ = try await pool.query(Statement(name: "checkpoint", sql: "checkpoint"))
    let folder = try await self.text("current_setting('data_directory')")
    let database = try await self.text("(select oid from pg_database where datname = current_database())")
    let needle = Data(text.utf8)
    var found: [String] = []
    for part in ["base/\(database)", "pg_wal"] {
      for file in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)") {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(part)/\(file)") else { continue }
        if data.range(of: needle) != nil { found.append("\(part)/\(file)") }
      }
    }
    return found
  }
}
