@testable import Orchestrator

/// A cluster of a few slots: what the engine does is the same for 12 and for 256, and costs less. Workflow ids are chosen so that the engine's
/// own hash puts them there.
enum SimulatedSlots {
  static let count = 12
  private static let idsPerClient = 16
  private static let clients = 8

  /// Enough for every client to draw from.
  private static let workflowIDs: [String] = {
    let candidates = (0...).lazy.map { "w\($0)" }
    return Array(candidates.filter { WorkflowKey(workflowID: $0).slot.number < count }.prefix(clients * idsPerClient))
  }()

  /// An identifier for a child, in one of these slots as well: the same at every replay.
  static func childID(of parentID: String, _ index: Int) -> String {
    var attempt = 0
    while true {
      let candidate = "\(parentID)/\(index).\(attempt)"
      if WorkflowKey(workflowID: candidate).slot.number < count { return candidate }
      attempt += 1
    }
  }

  static func workflowID(of client: Int, _ random: inout Randomness) -> String {
    workflowIDs[client * idsPerClient + random.draw(0...(idsPerClient - 1))]
  }
}
