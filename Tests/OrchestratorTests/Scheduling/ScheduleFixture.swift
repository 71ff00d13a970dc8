import Foundation
import PostgreSQL

@testable import Orchestrator

extension EngineFixture {
  /// A client of a process without an engine.
  var client: Client { Client(pool, testRegistry(), identity: "test") }

  /// A runner that does what it is told only.
  func runner(_ database: Database? = nil) -> ScheduleRunner {
    ScheduleRunner(database ?? pool, isElected: { true }, onStarts: {})
  }

  /// A schedule of approvals that wait for their signal, once an hour at a minute that is far from now unless said otherwise.
  static func schedule(
    _ overlap: OverlapPolicy = .skip, cron: String? = nil, of prefix: String = "run", _ adjust: (inout Schedule) -> Void = { _ in }
  ) throws -> Schedule {
    let distantMinute = (Int(Date().timeIntervalSince1970) / 60 + 30) % 60
    var schedule = Schedule(
      specification: ScheduleSpecification(cronExpressions: [cron ?? "\(distantMinute) * * * *"]),
      action: try ScheduleAction(starting: Approval.self, workflowID: prefix, input: 600_000), policies: SchedulePolicies(overlap: overlap))
    adjust(&schedule)
    return schedule
  }

  /// As if nobody had looked at the schedules for so many hours.
  func pass(hours: Int) async throws {
    try await pool.execute(
      script: """
        update orchestrator.schedules
        set cursor_at = cursor_at - interval '\(hours) hours', look_at = case when paused then look_at else clock_timestamp() end
        """)
  }

  /// Workflow ids of all starts, begun or still in the inbox, in order.
  func started() async throws -> [String] {
    let rows = try await pool.query(
      Statement(
        name: "started_workflow_ids",
        sql: """
          select workflow_id from orchestrator.runs union all select workflow_id from orchestrator.inbox where kind = 1 order by 1
          """))
    return try (0..<rows.count).map { try rows.text($0, 0) }
  }

  /// Runs with this status.
  func runs(_ status: String) async throws -> Int64 {
    try await count("select count(*) from orchestrator.workflows where status = '\(status)'")
  }
}
