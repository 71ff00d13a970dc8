/// What reaches the owner's thread from other threads.
enum OwnerInput: Sendable {
  case message(OwnerMessage)
  /// For the open run of a workflow id, if the owner has it in memory.
  case send(WorkflowKey, OwnerMessage.Body, Reply)
  case take(slots: [Slot], lowWater: RunID)
  case release(slots: [Slot], deadline: Int64, whenReleased: @Sendable (RunID) -> Void)
  case escaped(RunID)
  case wakeInbox
  /// Queues whose activities are rows wherever they run.
  case orderedQueues(Set<String>)
  /// Which versions new runs begin with.
  case versionRoutes(VersionRoutes)
  /// Activities that nobody begins.
  case pauses(ActivityPauses)
}

extension OwnerInput {
  func refuse() {
    let error = OrchestratorError(.unavailable, "this process gave its slots up; send the message again")
    switch self {
    case .message(let message): message.reply?(error)
    case .send(_, _, let reply): reply(error)
    case .take, .release, .escaped, .wakeInbox, .orderedQueues, .versionRoutes, .pauses: break
    }
  }
}

extension SlotOwner {
  /// Deals with what another thread brought.
  func take(_ input: OwnerInput) {
    switch input {
    case .message(let message): handle(message)
    case .send(let key, let body, let reply): send(body, toOpenRunOf: key, reply)
    case .take(let slots, let lowWater): take(slots, from: lowWater)
    case .release(let slots, let deadline, let whenReleased): release(slots, deadline: deadline, whenReleased: whenReleased)
    case .escaped(let runID): escaped(runID)
    case .wakeInbox: inbox.wake()
    case .orderedQueues(let queues): orderedQueues = queues
    case .versionRoutes(let routes): follow(routes)
    case .pauses(let pauses): hold(pauses)
    }
    if pipeline.hasSealed { send(isIdle: false) }
  }
}
