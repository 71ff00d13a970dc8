/// Thrown by a workflow's `run` to end the run and begin the next one of its chain.
public struct ContinueAsNew: Error, Sendable {
  let input: Result<Payload, any Error>
  let isUpgrading: Bool
}

extension Context {
  /// What `run` throws to continue as a new run: the same workflow id and type, a fresh history. Both happen in one commit. Signals that no code
  /// has received yet and a requested cancellation go on to the new run; state does not: what it must know stands in its input.
  ///
  ///     if workflow.isContinueAsNewSuggested { throw workflow.continueAsNew(subscription) }
  /// - Parameter upgrading: whether a run that is pinned to a version continues with the one that new runs begin with; default no.
  public func continueAsNew(_ input: W.Input, upgrading: Bool = false) -> ContinueAsNew {
    ContinueAsNew(input: Result { try PayloadCodec.encode(input) }, isUpgrading: upgrading)
  }

  /// Events of this run's history up to the one being handled: the same at every replay.
  public var historyLength: Int { instance.isEntered(by: "historyLength") ? Int(instance.eventID) : 0 }

  /// Whether the history is long (`Limits.continueAsNewSuggestion`): it is read again whenever the run comes back into memory.
  public var isContinueAsNewSuggested: Bool { historyLength > Int(Limits.continueAsNewSuggestion) }
}
