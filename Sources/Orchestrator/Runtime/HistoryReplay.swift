/// Replays stored histories against the code at hand without a database: what an owner does when a run comes back into its memory.
package struct HistoryReplay: Sendable {
  private let registry: Registry
  /// Nil where nobody can say which versions are current: then runs are continued by the version that recorded them.
  private let routes: VersionRoutes?

  package init(_ registry: Registry) {
    self.init(registry, nil)
  }

  init(_ registry: Registry, _ routes: VersionRoutes?) {
    self.registry = registry
    self.routes = routes
  }

  /// Rebuilds the run, checks every command, and lets go of it.
  /// - Parameter isLastEventNew: whether the code has never seen the last event, so that what it does about it is not in the history.
  /// - Throws: `WorkflowProblem` at the first difference.
  package func replay(_ history: [HistoryEvent], runID: RunID, isLastEventNew: Bool = false) throws {
    guard let first = history.first, case .started(var started) = try IncomingEvent(first) else {
      throw WorkflowProblem.damagedHistory(eventID: 1, reason: "it does not begin with WorkflowExecutionStarted")
    }
    guard let code = registry.workflows[started.workflowType] else {
      throw WorkflowProblem.unknownWorkflowType(started.workflowType)
    }
    started = try started.moved(by: history)
    let versioning = started.options?.versioning
    let definition =
      try routes?.definition(continuing: versioning, code, started.key) ?? code.definition(recordedBy: versioning)
    let instance = definition.makeInstance(WorkflowInfo(runID, started)) {}
    defer { instance.evict() }
    _ = try ReplayMatcher.replay(history, into: instance, isLastEventNew: isLastEventNew)
  }
}
