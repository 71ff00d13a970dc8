/// A child that the code started: how it ended, or who waits for that.
struct PendingChild {
  struct Waiter {
    let identifier: Int
    /// Decodes the outcome first and resumes the waiting code only then.
    let resolve: (Result<Payload, any Error>) throws -> Void
  }

  let workflowType: String
  let workflowID: String
  var cancellationType = ChildCancellationType.tryCancel
  var outcome: ChildOutcome?
  var isCancelRequested = false
  var waiters: [Waiter] = []

  /// What waiting for it gives.
  /// - Throws: `PayloadError` when the failure cannot be read.
  func result(of outcome: ChildOutcome) throws -> Result<Payload, any Error> {
    if outcome.status == .completed { return .success(outcome.payload ?? .null) }
    // Who was cancelled itself, and waited for this.
    if outcome.status == .canceled, isCancelRequested, cancellationType == .waitCancellationCompleted {
      return .failure(CancellationError())
    }
    let failure = try outcome.payload.map { try PayloadCodec.decode(Failure.self, from: $0) }
    let kind: ChildWorkflowFailure.Kind =
      switch outcome.status {
      case .canceled: .canceled
      case .terminated: .terminated
      case .timedOut: .timedOut
      default: failure?.kind == .engine && failure?.type == Failure.alreadyStarted ? .alreadyStarted : .failed
      }
    return .failure(
      ChildWorkflowFailure(kind: kind, workflowType: workflowType, workflowID: workflowID, runID: outcome.runID, failure: failure))
  }
}

extension WorkflowInstance {
  func startChild(_ task: ChildTask, _ cancellationType: ChildCancellationType = .tryCancel) {
    children[task.sequence] = PendingChild(
      workflowType: task.workflowType, workflowID: task.workflowID, cancellationType: cancellationType)
    give(.startChild(task))
  }

  /// The child ended: whoever waits for it goes on, who asks later is answered at once.
  func end(_ outcome: ChildOutcome) throws {
    let sequence = outcome.sequence
    guard let child = children[sequence], child.outcome == nil else { return }
    try decoding("the outcome of child '\(child.workflowID)' (sequence \(sequence))") {
      let result = try child.result(of: outcome)
      children[sequence]?.outcome = outcome
      while let waiter = children[sequence]?.waiters.first {
        try waiter.resolve(result)
        children[sequence]?.waiters.removeFirst()
      }
    }
  }

  /// Waits for the end of a child.
  nonisolated(nonsending) func outcome<Output: Codable & Sendable>(ofChild sequence: Int32, as type: Output.Type) async throws -> Output {
    if let child = children[sequence], let outcome = child.outcome {
      do {
        return try decoding("the outcome of child '\(child.workflowID)' (sequence \(sequence))") {
          try PayloadCodec.decode(type, from: try child.result(of: outcome).get())
        }
      } catch let problem as WorkflowProblem {
        block(on: problem)
        throw CancellationError()
      }
    }
    let identifier = nextIdentifier()
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Output, any Error>) in
        children[sequence]?.waiters.append(
          PendingChild.Waiter(identifier: identifier) { result in
            switch result {
            case .success(let payload): continuation.resume(returning: try PayloadCodec.decode(type, from: payload))
            case .failure(let error): continuation.resume(throwing: error)
            }
          })
      }
    } onCancel: {
      cancelWait(forChild: sequence, identifier)
    }
  }

  /// Swift's cancellation reached who waits.
  private func cancelWait(forChild sequence: Int32, _ identifier: Int) {
    guard executor.isCurrent, let child = children[sequence], child.waiters.contains(where: { $0.identifier == identifier }) else { return }
    switch child.cancellationType {
    case .abandon: endWait(forChild: sequence, identifier)
    case .tryCancel:
      requestCancelChild(sequence)
      endWait(forChild: sequence, identifier)
    case .waitCancellationCompleted: requestCancelChild(sequence)
    case .waitCancellationRequested: awaitCancelRequest(ofChild: sequence, child.workflowID, identifier)
    }
  }

  private func endWait(forChild sequence: Int32, _ identifier: Int) {
    guard let index = children[sequence]?.waiters.firstIndex(where: { $0.identifier == identifier }) else { return }
    let waiter = children[sequence]?.waiters.remove(at: index)
    try? waiter?.resolve(.failure(CancellationError()))
  }

  /// The request goes to the open run of the child's workflow id, whose owner answers when it stands there; or that there is none.
  private func awaitCancelRequest(ofChild child: Int32, _ workflowID: String, _ identifier: Int) {
    guard !isEvicting else { return endWait(forChild: child, identifier) }
    children[child]?.isCancelRequested = true
    let sequence = nextSequence()
    give(.requestCancelExternal(sequence: sequence, workflowID: workflowID))
    add(PendingOperation(kind: .external, name: workflowID) { [unowned self] _ in endWait(forChild: child, identifier) }, sequence)
  }

  /// Once is enough, and none when it ended.
  func requestCancelChild(_ sequence: Int32) {
    guard let child = children[sequence], child.outcome == nil, !child.isCancelRequested else { return }
    children[sequence]?.isCancelRequested = true
    give(.requestCancelChild(sequence: sequence))
  }

  func evictChildren() {
    for sequence in children.keys.sorted() {
      for waiter in children[sequence]?.waiters ?? [] { try? waiter.resolve(.failure(CancellationError())) }
      children[sequence]?.waiters = []
    }
  }
}
