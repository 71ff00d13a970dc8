import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import HTTP
@testable import orchestratord

/// Prometheus' own tool reads what we tell, and the rules and the dashboard name nothing that is not told.
@Suite struct MetricsTests {
  private static let monitoring = URL(filePath: #filePath).appending(path: "../../../../docs/monitoring").standardizedFileURL.path

  /// The metrics of a process that has done something of everything.
  private static func told(as roles: String = "operator") async throws -> String {
    let work = WorkMetrics()
    var registry = OperatorFixture.registry
    registry.intercept(workflows: work)
    registry.intercept(activities: work)
    return try await OperatorFixture.run(registry) { fixture in
      let requests = RequestMetrics()
      var router = Router()
      router.use { try await requests.around($0, $1) }
      MetricsRoutes(
        database: fixture.database, authentication: try Authentication(tokens: "metrics-token-0001:prometheus:\(roles)"),
        requests: requests,
        work: work
      ).addRoutes(to: &router)
      let (client, answering) = (fixture.engine.client, router)
      func get(_ target: String) async throws -> HTTPResponse {
        await answering.respond(
          to: try HTTPRequest(method: .get, target: target, headers: ["Authorization": "Bearer metrics-token-0001"]))
      }
      let waiting = try await client.start(Waiting.self, id: "waiting", input: "it")
      try await waiting.signal(Waiting.tell, "said \"so\"")
      _ = try await waiting.result()
      _ = try await client.start(Stuck.self, id: "stuck", input: 1)
      _ = try await client.start(Remote.self, id: "remote", input: 1)
      try await eventually("one step is parked, one waits") {
        let parked = try await fixture.database.query(StandingStatements.system).int64(0, 7)
        let queues = try await client.queues()
        return parked == 1 && queues.contains { $0.taskQueue == "elsewhere" }
      }
      #expect(try await get("/nowhere/at/all").status == .notFound)
      _ = try await get("/metrics")
      let answer = try await get("/metrics")
      guard answer.status == .ok, answer.headers["Content-Type"] == MetricText.contentType, case .bytes(let bytes) = answer.body else {
        return "\(answer.status.rawValue)"
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  private static func promtool(_ arguments: [String], _ input: String = "") throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/promtool")
    process.arguments = arguments
    let (standardInput, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (standardInput, output, output)
    try process.run()
    try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: printed, as: UTF8.self))
  }

  @Test func `promtool finds nothing wrong with the metrics, and they say what was done`() async throws {
    let text = try await Self.told()
    let checked = try Self.promtool(["check", "metrics"], text)
    #expect(checked.status == 0 && checked.output.isEmpty, "\(checked.output)")
    for line in [
      "orchestrator_database_up 1", "orchestrator_activities_parked 1", "orchestrator_slots_without_owner 0",
      "orchestrator_task_queue_tasks{task_queue=\"elsewhere\",state=\"ready\"} 1",
      "orchestrator_workflow_runs_started_total{type=\"Waiting\"} 1",
      "orchestrator_workflow_runs_ended_total{type=\"Waiting\",outcome=\"completed\"} 1",
      "orchestrator_activity_attempt_seconds_count{type=\"stuck-step\",outcome=\"failed\"} 2",
      "orchestrator_http_request_seconds_count{method=\"GET\",route=\"/metrics\",status=\"200\"} 1",
      "orchestrator_http_request_seconds_count{method=\"GET\",route=\"none\",status=\"404\"} 1",
      "orchestrator_http_requests_under_way 1",
    ] {
      #expect(text.contains(line + "\n"), "no line '\(line)'")
    }
  }

  @Test func `the metrics are for operators and services`() async throws {
    #expect(try await Self.told(as: "service").contains("orchestrator_database_up 1"))
    let refused = try await Self.told(as: "artist")
    #expect(!refused.contains("orchestrator_database_up"))
  }

  @Test func `alert rules are taken by promtool, and rules and dashboard name only metrics that are told`() async throws {
    let checked = try Self.promtool(["check", "rules", "\(Self.monitoring)/alerts.yaml"])
    #expect(checked.status == 0 && checked.output.contains("rules found"), "\(checked.output)")
    let text = try await Self.told()
    let dashboard = try String(contentsOfFile: "\(Self.monitoring)/dashboard.json", encoding: .utf8)
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(dashboard.utf8)) }
    let rules = try String(contentsOfFile: "\(Self.monitoring)/alerts.yaml", encoding: .utf8)
    let named = Set((dashboard + rules).matches(of: /\b(orchestrator|process)_[a-z_]+\b/).map { String($0.output.0) })
    #expect(named.count > 10)
    for name in named.sorted() { #expect(text.contains("\n\(name)"), "\(name) is not told") }
  }
}
