import Foundation

/// Runs that start others: a child begins once for each event of its start, its parent is told once, and policies reach whom they mean.
struct CheckedFamilies {
  struct Child {
    let run: UUID
    let event: Int
    let policy: String
    var isSettled = false
  }

  /// By parent and the number that it calls the child.
  private var children: [UUID: [Int: Child]] = [:]
  private var parents: [UUID: (run: UUID, sequence: Int)] = [:]
  // Of the batch that is being written.
  private var closedParents: [UUID] = []
  private var initiated: [UUID] = []

  /// - Parameter ending: of a run that ended, the type of its last event.
  /// - Returns: what is wrong with the event.
  mutating func take(
    _ run: UUID, _ event: Int, _ type: Int, causedBy: Int, _ fields: AttributeScanner, ending: (UUID) -> Int?
  ) -> String? {
    if CheckedRun.Number.endings.contains(type) { closedParents.append(run) }
    let sequence = fields.integer("sequence") ?? 0
    if type == CheckedRun.Number.childInitiated {
      guard let child = fields.text("runId").flatMap(UUID.init(uuidString:)) else { return "child \(sequence) has no run" }
      let known = children[run, default: [:]].updateValue(
        Child(run: child, event: event, policy: fields.text("parentClosePolicy") ?? ""), forKey: sequence)
      if known != nil || parents.updateValue((run, sequence), forKey: child) != nil { return "child \(sequence) started twice" }
      initiated.append(child)
    } else if let expected = CheckedRun.Number.childOutcomes[type] {
      guard let child = children[run]?[sequence], child.event == causedBy else {
        return "an outcome of child \(sequence), which nobody started"
      }
      if child.isSettled { return "child \(sequence) settled twice" }
      children[run]?[sequence]?.isSettled = true
      guard let last = fields.text("runId").flatMap(UUID.init(uuidString:)), ending(last) == expected else {
        return "child \(sequence) did not end as its parent was told"
      }
    } else if type == CheckedRun.Number.started, let parent = fields.text("parentRunId").flatMap(UUID.init(uuidString:)) {
      let child = children[parent]?[fields.integer("parentSequence") ?? 0]
      if child == nil || child?.run != run && !fields.has("continuedExecutionRunId") { return "a child that its parent did not start" }
    }
    return nil
  }

  func isSettled(_ sequence: Int, of parent: UUID) -> Bool { children[parent]?[sequence]?.isSettled ?? true }

  /// The batch is written.
  /// - Parameters:
  ///   - isStarted: whether the run began, or its start stands in the inbox.
  ///   - isTold: whether a message of this kind for the run stands in the inbox, or the run is over.
  mutating func endBatch(isStarted: (UUID) -> Bool, isTold: (UUID, Int) -> Bool) -> [String] {
    var found = initiated.filter { !isStarted($0) }.map { "child \($0) has no start" }
    for parent in closedParents {
      for (sequence, child) in children[parent] ?? [:] where !child.isSettled {
        if child.policy == "terminate", !isTold(child.run, 4) { found.append("child \(sequence) of \(parent) was not terminated with it") }
        if child.policy == "requestCancel", !isTold(child.run, 3) {
          found.append("child \(sequence) of \(parent) was not cancelled with it")
        }
      }
    }
    initiated = []
    closedParents = []
    return found
  }

  /// At the end: parents that waited for an end heard of it.
  func unsettled(isEnded: (UUID) -> Bool) -> [String] {
    children.flatMap { parent, children in
      children.filter { !$0.value.isSettled && !isEnded(parent) }.map { "child \($0.key) of \(parent) has no outcome" }
    }
  }
}
