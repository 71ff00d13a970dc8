import Foundation

@testable import Orchestrator

/// What a client wants of a program: started once, told and asked all that it waits for, and ended as it was foretold.
struct Errand {
  let steps: [Action]

  var input: Payload {
    get throws { try PayloadCodec.encode(Program.Plan(rest: steps, total: 0)) }
  }

  /// Signals that the outermost run waits for.
  var signals: [Int] { steps.flatMap(\.own).compactMap { if case .hear(let number) = $0 { number } else { nil } } }

  /// Updates that it waits for.
  var updates: [Int] { steps.flatMap(\.own).compactMap { if case .confirm(let number) = $0 { number } else { nil } } }

  var text: String { steps.flatMap { $0.lines("    ") }.joined(separator: "\n") }

  /// How the stored runs differ from what is foretold; nil when they do not.
  func mismatch(_ store: StoreModel, _ key: WorkflowKey) -> String? {
    if let problem = mismatch(store, key, Prediction(steps: steps)) ?? wrongAnswer(store, key) { return problem }
    return abandoned(steps, key.workflowID).lazy.compactMap { child in
      let key = WorkflowKey(workflowID: child.workflowID)
      // Who should have started it may have been cancelled before.
      guard store.workflowKeys.contains(key) else { return nil }
      return mismatch(store, key, Prediction(steps: child.steps))
    }.first
  }

  /// An update that was answered otherwise than it should.
  private func wrongAnswer(_ store: StoreModel, _ key: WorkflowKey) -> String? {
    for row in store.updateRows.values where store.runs[row.key.runID]?.key == key {
      let number = row.key.updateID.split(separator: "u").last.flatMap { Int($0) } ?? 0
      let isRight =
        switch row.status {
        case .accepted, .failed: false
        case .completed: row.outcome?.text == "\(Arithmetic.value(of: number))"
        // One that came when the run was about to close is refused as well.
        case .rejected: number < 0 || store.closes[row.key.runID] != nil
        }
      if !isRight { return "update \(row.key.updateID) is \(row.status): \(row.outcome?.text ?? "")" }
    }
    return nil
  }

  private func mismatch(_ store: StoreModel, _ key: WorkflowKey, _ expected: Prediction) -> String? {
    let ends = store.runs.filter { $0.value.key == key }.keys.sorted().compactMap { store.closes[$0] }
    guard let last = ends.last(where: { $0.status != .continuedAsNew }) else { return "\(key.workflowID) has no end" }
    let found = Self.ending(last)
    return found == "\(expected)" ? nil : "\(key.workflowID) ended as \(found), expected is \(expected)"
  }

  private static func ending(_ row: CloseRow) -> String {
    switch row.status {
    case .completed: return "\(Prediction.value(row.outcome.flatMap { try? PayloadCodec.decode(Int.self, from: $0) } ?? -1))"
    case .failed:
      let failure = row.outcome.flatMap { try? PayloadCodec.decode(Failure.self, from: $0) }
      guard failure?.type == "Program", let code = failure.flatMap({ Int($0.message) }) else {
        return "a failure: \(failure?.message ?? "")"
      }
      return "\(Prediction.failure(code))"
    case .canceled, .timedOut, .terminated, .continuedAsNew: return "\(row.status)"
    }
  }

  /// Children that live on by themselves, wherever they are.
  private func abandoned(_ actions: [Action], _ parentID: String) -> [(workflowID: String, steps: [Action])] {
    actions.flatMap { action -> [(workflowID: String, steps: [Action])] in
      guard case .child(let child) = action else { return abandoned(action.parts, parentID) }
      let workflowID = SimulatedSlots.childID(of: parentID, child.number)
      let own = child.policy == .abandon ? [(workflowID: workflowID, steps: child.steps)] : []
      return own + abandoned(child.steps, workflowID)
    }
  }
}
