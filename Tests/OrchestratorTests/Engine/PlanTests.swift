import Foundation
import PostgreSQL
import Testing

@testable import Orchestrator

/// A plan is made once per session and kept, often while a table is empty: it must be the right one for full tables too.
@Suite struct PlanTests {
  private static let statements: [Statement] =
    [
      CommitStatements.fence, CommitStatements.checkStarts, CommitStatements.insertRuns,
      CommitStatements.insertHistory, CommitStatements.insertLargeValues, CommitStatements.insertLargeValueReferences,
      RetentionStatements.dropReferences, RetentionStatements.removeLargeValues, ClientStatements.largeValues,
      ResetStatements.copyReferences,
      CommitStatements.upsertStates, CommitStatements.upsertSearchAttributes, CommitStatements.insertParked,
      CommitStatements.deleteParked,
      CommitStatements.insertTimers, CommitStatements.deleteTimers, CommitStatements.deleteMessages, CommitStatements.insertMessages,
      CommitStatements.insertTasks, CommitStatements.cancelTasks, CommitStatements.expediteTasks,
      CommitStatements.changeTasks, CommitStatements.clearTasks, CommitStatements.upsertActivityOptions,
      CommitStatements.deleteActivityOptions, CommitStatements.deleteTasks,
      CommitStatements.insertAttempts, CommitStatements.forgiveAttempts, CommitStatements.upsertHeartbeats, CommitStatements.upsertUpdates,
      CommitStatements.deleteHeartbeats, CommitStatements.insertParkedActivities, CommitStatements.deleteParkedActivities,
      CommitStatements.upsertBlocked, CommitStatements.deleteBlocked, CommitStatements.checkClosing, CommitStatements.insertCloses,
      ActivityTaskStatements.lease, ActivityTaskStatements.leaseKnown, ActivityTaskStatements.leaseOrdered, QueueStatements.hasTasks,
      ActivityTaskStatements.heartbeat, ActivityTaskStatements.complete, ActivityTaskStatements.lock,
      ActivityTaskStatements.retry, ActivityTaskStatements.remove, ActivityTaskStatements.logAttempt, ActivityTaskStatements.discard,
      ActivityTaskStatements.giveBack, ActivityTaskStatements.postpone, ActivityTaskStatements.workflows, ActivityTaskStatements.expired,
      ActivityTaskStatements.overdue, ReadStatements.inbox, ReadStatements.inboxWithKeys,
      ReadStatements.timers, ReadStatements.openRuns, ReadStatements.findRuns, ClientStatements.latestRun,
      ClientStatements.updateAnswer, ClientStatements.state,
      ClientStatements.outcomes, RetentionStatements.page,
      ScheduleRunnerStatements.due, ScheduleRunnerStatements.statuses, ScheduleRunnerStatements.start, ScheduleRunnerStatements.remember,
      ScheduleRunnerStatements.postpone, ScheduleStatements.update, ScheduleStatements.describe, ScheduleStatements.list,
      CommitStatements.insertPauses, CommitStatements.deletePauses, ResetStatements.copyHistory, ResetStatements.insertResets,
      ResetStatements.standing, ResetStatements.childOutcomes, ResetStatements.answer, ResetStatements.resets,
      BatchStatements.standing, BatchStatements.page, BatchStatements.asked, BatchStatements.end, BatchStatements.forget,
      BatchStatements.failures,
    ] + ReadStatements.run + RetentionStatements.removal

  @Test func `no plan made on empty tables reads a whole table or index`() throws {
    let fixture = try EngineFixture()
    var configuration = fixture.database
    configuration.settings = PostgresStore.sessionSettings
    let connection = try PipelineConnection(configuration)
    func run(_ sql: String) throws -> Rows {
      try connection.run((Statement(name: "s\(UUID().uuidString.prefix(8))", sql: sql), Parameters()))[0]
    }
    for table in [
      "runs", "history", "closes", "inbox", "timers", "activity_tasks", "activity_attempts", "activity_heartbeats",
      "parked_activities", "parked_runs", "blocked_runs", "run_states", "search_attributes", "updates", "schedules", "resets",
      "paused_runs", "activity_options", "activity_pauses", "batches", "batch_runs", "batch_failures", "queue_settings", "large_values",
      "large_value_references",
      "version_settings", "run_versions", "known_versions",
    ] {
      _ = try run("vacuum analyze orchestrator.\(table)")
    }
    for statement in Self.statements {
      let types = statement.parameterTypes.map(\.description).joined(separator: ", ")
      let nulls = statement.parameterTypes.map { _ in "null" }.joined(separator: ", ")
      _ = try run("prepare plan_\(statement.name)\(types.isEmpty ? "" : "(\(types))") as \(statement.sql)")
      let rows = try run("explain (costs off) execute plan_\(statement.name)\(nulls.isEmpty ? "" : "(\(nulls))")")
      let plan = try (0..<rows.count).map { try rows.text($0, 0) }
      #expect(Self.wholeReads(plan) == [], "\(statement.name):\n\(plan.joined(separator: "\n"))")
    }
  }

  @Test func `a plan that reads a whole index is found`() {
    #expect(Self.wholeReads(["->  Index Scan using a on t", "  Filter: x"]) == ["->  Index Scan using a on t"])
    #expect(Self.wholeReads(["->  Index Scan using a on t", "  Index Cond: x", "->  Seq Scan on t"]) == ["->  Seq Scan on t"])
  }

  /// Lines of a plan that read a table or index without a condition on a key.
  private static func wholeReads(_ plan: [String]) -> [String] {
    plan.indices.filter { index in
      let line = plan[index]
      if line.contains("Seq Scan on") || line.contains("Hash Join") || line.contains("Hash Anti") { return true }
      guard line.contains("Index Scan using") || line.contains("Index Only Scan using") else { return false }
      return !(index + 1 < plan.count && plan[index + 1].contains("Index Cond"))
    }.map { plan[$0].trimmingCharacters(in: .whitespaces) }
  }
}
