/// When runs begin and must have ended, and what follows when one did not complete.
extension SlotOwner {
  /// Their numbers in the table of timers, where those of code count from 1.
  private enum Sequence {
    static let startDelay: Int32 = 0
    static let deadline: Int32 = -1
  }

  func adopt(_ entry: RunEntry, _ options: RunOptions, _ started: StartedAttributes, _ startedAt: Int64) {
    guard let slot = entry.slot else { return }
    // A run that goes on from a part of another's history has its own time.
    let startedAt = started.lineage?.reset?.at ?? startedAt
    if options.retryPolicy != nil { entry.again = started }
    func row(_ kind: TimerRow.Kind, _ sequence: Int32, _ dueAt: Int64) -> TimerRow {
      TimerRow(slot: slot, dueAt: dueAt, runID: entry.runID, sequence: sequence, kind: kind)
    }
    entry.deadlines = []
    if let at = options.beginsAt(startedAt: startedAt) { entry.deadlines.append(row(.startDelay, Sequence.startDelay, at)) }
    if let at = options.endsAt(startedAt: startedAt) { entry.deadlines.append(row(.deadline, Sequence.deadline, at)) }
  }

  func endDeadlines(of entry: RunEntry, where isEnded: (TimerRow) -> Bool) {
    for row in entry.deadlines where isEnded(row) {
      pipeline.open.endedTimers.append(row)
      timers.remove(row)
    }
    entry.deadlines.removeAll(where: isEnded)
  }

  /// Nothing has begun, so there is nothing to clean up: the run ends at once, without its code.
  func cancelBeforeBeginning(_ entry: RunEntry, _ reason: String, _ identity: String, _ message: OwnerMessage) {
    guard let slot = entry.slot else { return }
    let at = max(clock(), entry.lastActiveAt)
    record(message, entry, at: at)
    let request = IncomingEvent.cancelRequested(reason: reason, identity: identity)
    _ = append(request.type, causedBy: 0, request.encoded(), entry, slot, at)
    recordFollowers(of: entry, slot, at)
    _ = append(.workflowExecutionCanceled, causedBy: 0, Command.cancelWorkflow.encoded(), entry, slot, at)
    close(entry, .canceled, outcome: nil, at: at)
  }

  /// Its time is over: it ends without its code, also when that is blocked.
  func timeOut(_ entry: RunEntry, _ row: TimerRow, _ message: OwnerMessage) {
    guard let slot = entry.slot, entry.deadlines.contains(row) else {
      acknowledge(message, entry)
      pipeline.open.endedTimers.append(row)
      return
    }
    let at = max(clock(), entry.lastActiveAt, row.dueAt)
    record(message, entry, at: at)
    let isChain = entry.info?.options?.expiresAt.map { row.dueAt >= $0 } ?? false
    let failure = Failure(
      kind: isChain ? .scheduleToCloseTimeout : .startToCloseTimeout, type: "WorkflowTimeout",
      message: isChain ? "the execution did not end within its execution timeout" : "the run did not end within its run timeout",
      isRetryable: !isChain)
    end(entry, .timedOut, failure, slot, at) { retryState, successor in
      let event = IncomingEvent.timedOut(failure: failure, retryState: retryState, newRunID: successor)
      _ = append(event.type, causedBy: 0, event.encoded(), entry, slot, at)
    }
  }

  /// A run with a retry policy failed.
  func fail(_ entry: RunEntry, _ failure: Failure, causedBy eventID: Int32, _ slot: Slot, _ at: Int64) {
    end(entry, .failed, failure, slot, at) { retryState, successor in
      let command = Command.failWorkflow(failure)
      _ = append(
        command.type, causedBy: eventID, command.encoded(newRunID: successor, retryState: retryState), entry, slot, at)
    }
  }

  /// Ends a run that did not complete. With a retry policy that allows it the next try begins in the same batch, behind its backoff.
  /// - Parameter record: writes the closing event.
  private func end(
    _ entry: RunEntry, _ status: CloseStatus, _ failure: Failure, _ slot: Slot, _ at: Int64, record: (String?, RunID?) -> Void
  ) {
    let outcome = retry(of: entry, failure, at)
    guard case .retry(let delay)? = outcome, var next = entry.again, let options = next.options else {
      recordFollowers(of: entry, slot, at)
      record(outcome?.name, nil)
      return close(entry, status, outcome: failure.payload, at: at)
    }
    next.options = options.again(afterMilliseconds: delay)
    succeed(entry, by: next, slot, at) { successor in
      record(outcome?.name, successor)
      close(entry, status, outcome: failure.payload(triedAgainBy: successor), at: at, goesOn: true)
    }
  }

  /// Nil without a retry policy.
  private func retry(of entry: RunEntry, _ failure: Failure, _ at: Int64) -> AttemptOutcome? {
    guard let options = entry.again?.options, let policy = options.retryPolicy else { return nil }
    return WorkflowRetry.decide(
      failure, policy: policy, attempt: options.attempt ?? 1, now: at, expiresAt: options.expiresAt,
      isCancelRequested: entry.instance?.isCancelRequested ?? false, random: random())
  }
}

extension Failure {
  /// As the outcome of a run whose next try has begun: who waits for the result goes on with that.
  fileprivate func payload(triedAgainBy runID: RunID) -> Payload {
    Payload(json: payload.bytes.dropLast() + Array(#","newExecutionRunId":"\#(runID)"}"#.utf8))
  }
}
