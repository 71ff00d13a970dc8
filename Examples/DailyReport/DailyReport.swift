import ExampleSupport
import Orchestrator

enum Steps {
  static let compose = Activity<String, String>("compose")
}

struct DailyReport: Workflow {
  /// The workflow id ends with the time that the run is for, however late it starts.
  func run(_ workflow: Context<Self>, _ desk: String) async throws -> String {
    try await workflow.execute(Steps.compose, "\(desk): \(workflow.info.workflowID)")
  }
}

@main struct Main {
  static func main() async throws {
    var registry = Registry()
    registry.register(DailyReport.self)
    registry.implement(Steps.compose) { text, _ in text }
    try await withEngine(registry) { client, _ in
      // Every workday at 7 in Berlin, but not at Christmas; a report that takes too long lets the next one wait.
      let daily = Schedule(
        specification: ScheduleSpecification(
          cronExpressions: ["0 7 * * mon-fri"],
          excludeCalendars: [CalendarSpecification(hour: [7], dayOfMonth: [CalendarRange(24, through: 26)], month: [12])],
          timeZone: "Europe/Berlin"),
        action: try ScheduleAction(starting: DailyReport.self, workflowID: "report", input: "sales"),
        policies: SchedulePolicies(overlap: .bufferOne, pauseOnFailure: true))
      try await client.createSchedule("daily-report", daily)

      // The clocks go back on 25 October: 7 in Berlin is 5 in UTC before and 6 after.
      let times = try await client.previewTimes("daily-report", from: time("2026-10-22"), through: time("2026-10-28"))
      for time in times { print("due:", time.nominal) }

      // Reports of the past that nobody made, one after another.
      try await client.backfillSchedule("daily-report", from: time("2026-10-22"), through: time("2026-10-28"))
      let finished = WorkflowFilter(status: .completed, workflowType: DailyReport.name)
      var reports: [WorkflowSummary] = []
      while reports.count < times.count {
        try await Task.sleep(for: .milliseconds(20))
        reports = try await client.listWorkflows(finished).items
      }
      for report in reports.reversed() {
        print("made:", try await client.handle(DailyReport.self, id: report.workflowID).result())
      }

      try await client.pauseSchedule("daily-report", note: "the desk is on holiday")
      let description = try await client.describeSchedule("daily-report")
      print("started \(description.info.actionCount), next times \(description.info.nextTimes.count):", description.schedule.state.note)
    }
  }

  private static func time(_ day: String) throws -> RecordedTime {
    guard let time = RecordedTime("\(day)T00:00:00Z") else { throw ApplicationFailure(type: "BadTime", message: day) }
    return time
  }
}
