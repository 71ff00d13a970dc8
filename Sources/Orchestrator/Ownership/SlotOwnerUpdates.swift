/// Updates from the request to the answer.
extension SlotOwner {
  func take(_ update: UpdateAttributes, _ entry: RunEntry, _ instance: WorkflowInstance, _ message: OwnerMessage) {
    if entry.updates.contains(update.updateID) { return acknowledge(message, entry) }
    let at = max(clock(), entry.lastActiveAt)
    monitor.began(entry.runID, instance)
    let refusal = instance.refusal(of: update)
    monitor.ended()
    if let refusal {
      acknowledge(message, entry)
      return record(update.updateID, update.name, .rejected, refusal.payload, entry, at)
    }
    apply(.updateAccepted(update), to: entry, from: message) {
      record(update.updateID, update.name, .accepted, nil, entry, entry.lastActiveAt)
    }
  }

  func completeUpdate(_ updateID: String, _ outcome: StepOutcome, _ entry: RunEntry, _ slot: Slot, _ at: Int64) {
    switch outcome {
    case .success(let result): record(updateID, nil, .completed, result, entry, at)
    case .failure(let failure): record(updateID, nil, .failed, failure.payload, entry, at)
    }
  }

  /// The run ends with this message unseen.
  func refuse(_ update: UpdateAttributes, _ entry: RunEntry, _ message: OwnerMessage, _ at: Int64) {
    acknowledge(message, entry)
    if entry.updates.contains(update.updateID) { return }
    record(update.updateID, update.name, .rejected, Self.closed.payload, entry, at)
  }

  /// The run ends without its code.
  /// - Parameter kept: those that go on in another run.
  func failOpenUpdates(of entry: RunEntry, _ at: Int64, except kept: Set<String>) {
    guard let instance = entry.instance else { return }
    for updateID in instance.openUpdates where !kept.contains(updateID) {
      record(updateID, nil, .failed, Self.closed.payload, entry, at)
    }
  }

  private static let closed = Failure(
    kind: .engine, type: "WorkflowClosed", message: "the run ended before it answered", isRetryable: false)

  /// - Parameter name: nil for what was accepted before.
  private func record(
    _ updateID: String, _ name: String?, _ status: UpdateStatus, _ outcome: Payload?, _ entry: RunEntry, _ at: Int64
  ) {
    entry.updates.insert(updateID)
    let key = UpdateKey(runID: entry.runID, updateID: updateID)
    // Accepted in this very batch: one row tells both.
    let name = name ?? pipeline.open.updates[key]?.name
    pipeline.open.updates[key] = UpdateRow(
      key: key, slot: entry.slot ?? Slot(0), name: name, status: status, at: at, outcome: outcome)
  }
}
