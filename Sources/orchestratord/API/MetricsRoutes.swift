import Foundation
import HTTP
import Orchestrator
import PostgreSQL

/// `GET /metrics`, for Prometheus: what this process does, and how the whole system stands.
struct MetricsRoutes: Sendable {
  let database: Database
  let authentication: Authentication
  let requests: RequestMetrics
  let work: WorkMetrics

  func addRoutes(to router: inout Router) {
    router.on(.get, "/metrics") { request in
      _ = try await authentication.authorized(request, .operator, .service)
      return HTTPResponse(
        .ok, headers: ["Content-Type": MetricText.contentType, "Cache-Control": "no-store"], body: .bytes(Array(await text().utf8)))
    }
  }

  /// A database that does not answer leaves out what it would tell, and says so: the rest is wanted then most of all.
  func text() async -> String {
    var text = MetricText()
    text.describe("orchestrator_build_info", .gauge, "Always 1; the build of this process.")
    text.sample("orchestrator_build_info", [("build", Configuration.build)], 1)
    ProcessMetrics.write(to: &text)
    requests.write(to: &text)
    work.write(to: &text)
    do {
      let system = try await database.query(StandingStatements.system)
      let queues = try await database.query(StandingStatements.queues)
      try Self.write(system, to: &text)
      try Self.write(queues: queues, to: &text)
      text.one("orchestrator_database_up", .gauge, "1 when the database answered this request.", 1)
    } catch {
      text.one("orchestrator_database_up", .gauge, "1 when the database answered this request.", 0)
    }
    return text.text
  }

  private static func write(_ rows: Rows, to text: inout MetricText) throws {
    text.one(
      "orchestrator_slots_without_owner", .gauge, "Slots that no process owns: their runs stand still.", Double(try rows.int64(0, 0)))
    text.one("orchestrator_processes", .gauge, "Processes that are registered and not fenced off.", Double(try rows.int64(0, 1)))
    text.one(
      "orchestrator_owner_silence_seconds", .gauge, "Time since the last heartbeat of the owner that is silent longest.",
      try rows.double(0, 2))
    text.one("orchestrator_inbox_messages", .gauge, "Messages that no owner has recorded yet.", Double(try rows.int64(0, 3)))
    text.one("orchestrator_inbox_oldest_seconds", .gauge, "Age of the oldest message in the inbox.", try rows.double(0, 4))
    text.one(
      "orchestrator_workflow_runs_blocked", .gauge, "Runs that the code at hand cannot continue.", Double(try rows.int64(0, 5)))
    text.one("orchestrator_workflow_runs_paused", .gauge, "Runs that somebody paused.", Double(try rows.int64(0, 6)))
    text.one("orchestrator_activities_parked", .gauge, "Activities that wait for an operator.", Double(try rows.int64(0, 7)))
  }

  private static func write(queues rows: Rows, to text: inout MetricText) throws {
    text.describe("orchestrator_task_queue_tasks", .gauge, "Tasks of a queue by state.")
    for row in 0..<rows.count {
      let queue = try rows.text(row, 0)
      for (column, state) in ["ready", "delayed", "leased"].enumerated() {
        text.sample(
          "orchestrator_task_queue_tasks", [("task_queue", queue), ("state", state)], Double(try rows.int64(row, column + 1)))
      }
    }
    text.describe("orchestrator_task_queue_oldest_seconds", .gauge, "How long the oldest task that is ready has waited.")
    for row in 0..<rows.count {
      text.sample("orchestrator_task_queue_oldest_seconds", [("task_queue", try rows.text(row, 0))], try rows.double(row, 4))
    }
  }
}
