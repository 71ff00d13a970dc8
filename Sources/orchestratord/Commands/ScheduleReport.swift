import Orchestrator

/// A schedule for people.
struct ScheduleReport {
  let description: ScheduleDescription

  func print(to output: TerminalOutput) throws {
    let (schedule, info) = (description.schedule, description.info)
    let state = ScheduleCommand.stateCell(description)
    output.write(
      "\(output.styled(description.scheduleID, .strong))  \(schedule.action.workflowType.printable)  \(output.styled(state.text, state.style))\n"
    )
    var lines = [("times", try PayloadCodec.encode(schedule.specification).text), ("workflow id", "\(schedule.action.workflowID)-TIME")]
    lines.append(("input", schedule.action.input.text.shortened(to: 200)))
    let policies = schedule.policies
    lines.append(
      (
        "policies",
        "\(policies.overlap.rawValue), catch-up window \(policies.catchupWindow)\(policies.pauseOnFailure ? ", pauses on failure" : "")"
      ))
    if !schedule.state.note.isEmpty { lines.append(("note", schedule.state.note)) }
    if let remaining = schedule.state.remainingActions { lines.append(("remaining", "\(remaining) actions")) }
    if let problem = info.problem { lines.append(("problem", problem)) }
    lines.append(
      (
        "so far",
        "\(info.actionCount) started, \(info.overlapSkipped) skipped, \(info.missedCatchupWindow) missed, \(info.bufferDropped) dropped"
      ))
    if info.bufferSize > 0 || info.backfills > 0 { lines.append(("waiting", "\(info.bufferSize) starts, \(info.backfills) backfills")) }
    lines.append(("version", "\(description.version), changed \(output.relative(info.updatedAt))"))
    let width = lines.map(\.0.count).max() ?? 0
    for (name, value) in lines {
      output.line("\(name)\(String(repeating: " ", count: width - name.count + 2))\(value)")
    }
    printRuns(to: output)
  }

  private func printRuns(to output: TerminalOutput) {
    let info = description.info
    if !info.nextTimes.isEmpty {
      output.line("next times")
      for time in info.nextTimes { output.line("  \(time.nominal)  \(output.relative(time.actual))") }
    }
    guard !info.recentActions.isEmpty else { return }
    output.line("newest starts")
    let open = Set(info.runningWorkflows.map(\.workflowID))
    var table = TerminalTable("TIME", "STARTED", "WORKFLOW ID", "RUN", "")
    for action in info.recentActions {
      table.add(
        .init("\(action.scheduledAt)"), .init(output.relative(action.startedAt)), .init(action.workflowID), .init("\(action.runID)"),
        .init(open.contains(action.workflowID) ? "open" : ""))
    }
    output.table(table, indent: "  ")
  }
}
