/// Replays stored histories against the code at hand without a database: what an owner does when a run comes back into its memory.
package struct HistoryReplay: Sendable {
  private let registry: Registry

  package init(_ registry: Registry) {
    self.registry = registry
  }

  /// Rebuilds the run, checks every command, and lets go of it.
  /// - Parameter isLastEventNew: whether the code has never seen the last event, so that what it does about it is not in the history.
  /// - Throws: `WorkflowProblem` at the first difference.
  package func replay(_ history: [HistoryEvent], runID: RunID, isLastEventNew: Bool = false) throws {
    guard let first = history.first, case .started(let started) = try IncomingEvent(first) else {
      throw WorkflowProblem.damagedHistory(eventID: 1, reason: "it does not begin with WorkflowExecutionStarted")
    }
    guard let definition = registry.workflows[started.workflowType] else {
      throw WorkflowProblem.unknownWorkflowType(started.workflowType)
    }
    let instance = definition.makeInstance(WorkflowInfo(runID, started)) {}
    defer { instance.evict() }
    _ = try ReplayMatcher.replay(history, into: instance, isLastEventNew: isLastEventNew)
  }
}
