/// What runs say to each other by workflow id: only the owner of the id's slot knows which run is open, so the message goes to it and an answer
/// comes back, each a row of the inbox in the commit of what caused it.
extension SlotOwner {
  /// Sends a message to the open run of a workflow id that is in memory; the caller goes through the inbox otherwise.
  func send(_ body: OwnerMessage.Body, toOpenRunOf key: WorkflowKey, _ reply: @escaping Reply) {
    guard slots.contains(key.slot), let runID = openRuns[key] else {
      reply(OrchestratorError(.ownershipLost, "the run is not in this process's memory"))
      return
    }
    handle(OwnerMessage(runID: runID, body: body, reply: reply))
  }

  func sendExternal(_ workflowID: String, _ signal: (name: String, input: Payload)?, _ sequence: Int32, _ entry: RunEntry, _ at: Int64) {
    guard let sender = entry.key else { return }
    let key = WorkflowKey(namespace: sender.namespace, workflowID: workflowID)
    let identity = configuration.identity
    let attributes = signal.map {
      SignaledAttributes(name: $0.name, input: $0.input, identity: identity, requestID: "\(entry.runID)/\(sequence)")
    }
    let message = ExternalMessage(
      key: key, signal: attributes, identity: identity, sender: .init(runID: entry.runID, key: sender, sequence: sequence))
    // Its own identifier: it is for a workflow id, and keeps no run from closing.
    pipeline.open.sentMessages.append(
      SpilledMessage(
        runID: runID(following: entry.runID, at), slot: key.slot, kind: .external, attributes: message.encoded(), recipient: key))
  }

  /// Gives the message to the run that is open; who it is, memory or the database tells.
  func deliver(_ external: ExternalMessage, _ message: OwnerMessage) {
    if let runID = openRuns[external.key] { return give(external, message, to: runID) }
    guard slots.contains(external.key.slot) else { return }
    ask(about: external.key, message)
  }

  /// The message waits until the database has told of the runs of its workflow id.
  func ask(about key: WorkflowKey, _ message: OwnerMessage) {
    if asked[key, default: []].isEmpty { store.findRuns([key]) }
    asked[key, default: []].append(message)
  }

  func found(_ runs: FoundRuns) {
    let key = runs.key
    if askedAgain.remove(key) != nil { return store.findRuns([key]) }
    for message in asked.removeValue(forKey: key) ?? [] {
      if case .start = message.body {
        answered[message.runID] = runs
        handle(message)
      }
      guard case .external(let external) = message.body else { continue }
      if let open = openRuns[key] ?? runs.open {
        give(external, message, to: open)
      } else {
        answer(external, nil)
        if let messageID = message.messageID { pipeline.open.takenMessages.append(messageID) }
      }
    }
  }

  private func give(_ external: ExternalMessage, _ message: OwnerMessage, to runID: RunID) {
    var given = OwnerMessage(runID: runID, body: external.body, messageID: message.messageID)
    given.external = external
    given.isForwarded = true
    handle(given)
  }

  /// In the batch that takes the message.
  func answer(_ external: ExternalMessage, _ runID: RunID?) {
    pipeline.open.sentMessages.append(
      SpilledMessage(
        runID: external.sender.runID, slot: external.sender.key.slot, kind: .externalAnswer,
        attributes: external.answer(runID).encoded()))
  }
}
