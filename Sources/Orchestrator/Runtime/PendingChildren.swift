/// A child that the code started: how it ended, or who waits for that.
struct PendingChild {
  struct Waiter {
    let identifier: Int
    /// Decodes the outcome first and resumes the waiting code only then.
    let resolve: (Result<Payload, any Error>) throws -> Void
  }

  let workflowType: String
  let workflowID: String
  var outcome: ChildOutcome?
  var isCancelRequested = false
  var waiters: [Waiter] = []

  /// What waiting for it gives.
  /// - Throws: `PayloadError` when the failure cannot be read.
  func result(of outcome: ChildOutcome) throws -> Result<Payload, any Error> {
    if outcome.status == .completed { return .success(outcome.payload ?? .null) }
    let failure = try outcome.payload.map { try PayloadCodec.decode(Failure.self, from: $0) }
    let kind: ChildWorkflowFailure.Kind =
      switch outcome.status {
      case .canceled: .canceled
      case .terminated: .terminated
      default: failure?.kind == .engine && failure?.type == Failure.alreadyStarted ? .alreadyStarted : .failed
      }
    return .failure(
      ChildWorkflowFailure(kind: kind, workflowType: workflowType, workflowID: workflowID, runID: outcome.runID, failure: failure))
  }
}

extension WorkflowInstance {
  func startChild(_ task: ChildTask) {
    children[task.sequence] = PendingChild(workflowType: task.workflowType, workflowID: task.workflowID)
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

  /// Swift's cancellation reached who waits: it throws at once, and the child is asked to cancel.
  private func cancelWait(forChild sequence: Int32, _ identifier: Int) {
    guard executor.isCurrent, let index = children[sequence]?.waiters.firstIndex(where: { $0.identifier == identifier }) else { return }
    let waiter = children[sequence]?.waiters.remove(at: index)
    requestCancelChild(sequence)
    try? waiter?.resolve(.failure(CancellationError()))
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
