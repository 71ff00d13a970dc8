@testable import Orchestrator

/// What an operator does to a client's runs.
extension ClientModel {
  /// An operator lets a run stand still for a while, or go on from a part of its history.
  func repairSometimes() {
    guard errand == nil, type != "Family", type != "Relay" else { return }
    if let open = world.store.openRuns[key]?.first, world.store.paused.contains(open) {
      if world.random.chance(0.6) { post(.pause, PauseRequest(isPaused: false, reason: "", identity: "operator").encoded()) }
    } else if pauses < 3, world.random.chance(0.1) {
      pauses += 1
      post(.pause, PauseRequest(isPaused: true, reason: "", identity: "operator").encoded())
    }
    if world.random.chance(0.05) { command(Int32(world.random.draw(1...6))) }
    guard resets < 2, world.random.chance(0.1), let base = world.store.runs.filter({ $0.value.key == key }).keys.max() else { return }
    resets += 1
    let last = world.store.history[base]?.count ?? 1
    let request = ResetRequest(
      baseRunID: base, newRunID: world.makeRunID(), target: key, isFork: false,
      point: world.random.chance(0.3) ? .first : .event(Int32(world.random.draw(1...max(1, last)))),
      exclusions: world.random.chance(0.2) ? [.signals] : [], reason: "", identity: "operator")
    let transaction = world.store.begin()
    world.store.insertMessage(key.slot, base, .reset, request.encoded(), in: transaction)
    world.store.commit(transaction)
    world.notifyOwners()
  }

  func command(_ sequence: Int32) {
    var writer = AttributesWriter()
    writer.field("sequence", Int64(sequence))
    switch world.random.draw(0...9) {
    case 0: writer.field("action", "fail")
    case 1...3:
      writer.field("action", "reset")
      writer.field("result", ActivityReset(keepHeartbeat: world.random.chance(0.5), restoreOptions: world.random.chance(0.5)).payload)
    case 4, 5:
      let queue = world.random.chance(0.5) ? "remote" : "default"
      writer.field("action", "update-options")
      writer.field("result", world.random.chance(0.3) ? .null : Payload(json: Array(#"{"taskQueue":"\#(queue)"}"#.utf8)))
    default: writer.field("action", "retry")
    }
    writer.field("reason", "by the operator")
    writer.field("identity", "operator")
    world.note(.command, index, Int64(sequence))
    post(.activityCommand, writer.finish())
  }
}
