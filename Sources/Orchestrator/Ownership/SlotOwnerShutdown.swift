/// What becomes of messages when the owner ends.
extension SlotOwner {
  /// Ends: whoever waits for a word is told that there will be none.
  func shutDown() {
    let error = OrchestratorError(.unavailable, "this process is shutting down; send the message again")
    for message in pending + takeWaitingMessages() { message.reply?(error) }
    for effect in pipeline.uncommittedEffects {
      if case .reply(let reply, _) = effect { reply(error) }
    }
    dropSlots(slots)
  }

  /// Takes all messages that wait for something, in an order that does not depend on this process: each is told once how it ends.
  func takeWaitingMessages() -> [OwnerMessage] {
    var waiting: [OwnerMessage] = []
    for entry in orderedEntries {
      waiting += entry.takeWaiting()
    }
    waiting += asked.keys.sorted { $0.workflowID < $1.workflowID }.flatMap { asked.removeValue(forKey: $0) ?? [] }
    waiting += deferred.map(\.message) + held.keys.sorted().flatMap { held[$0]?.messages ?? [] }
    deferred = []
    held = [:]
    return waiting
  }

  var orderedEntries: [RunEntry] { entries.values.sorted { $0.runID < $1.runID } }
}
