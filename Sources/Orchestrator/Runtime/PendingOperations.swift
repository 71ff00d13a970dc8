/// What a run waits for. Everything is found by sequence number or in order of insertion: the iteration order of a dictionary would differ
/// between processes.
struct PendingOperation {
  enum Kind: Sendable, Equatable {
    case activity(ActivityCancellationType)
    case inlineStep, timer, external
  }

  let kind: Kind
  let name: String
  /// Decodes the outcome first and resumes the waiting code only then, so that a payload that cannot be read never reaches user code.
  let resolve: (Result<Payload, any Error>) throws -> Void
}

/// A `wait(until:)`.
struct PendingCondition {
  let identifier: Int
  let isFulfilled: () -> Bool
  let resume: (Result<Bool, any Error>) -> Void
  let timer: Int32?
}

/// A `receive` that no signal has answered yet.
struct PendingReceive {
  let identifier: Int
  let signalName: String
  let deliver: (Result<Payload?, any Error>) throws -> Void
  let timer: Int32?
}

/// Waits that end without what they waited for.
extension WorkflowInstance {
  /// Swift's cancellation reached a waiting operation: it throws at once, and the command tells the world. Only what asked to wait for the
  /// end of its activity goes on waiting.
  func cancelOperation(_ sequence: Int32) {
    guard executor.isCurrent, let operation = operations[sequence] else { return }
    switch operation.kind {
    case .activity(.tryCancel), .activity(.waitCancellationCompleted): give(.requestCancelActivity(sequence: sequence))
    case .timer: give(.cancelTimer(sequence: sequence))
    case .activity(.abandon), .inlineStep, .external: break
    }
    if operation.kind == .activity(.waitCancellationCompleted), !isEvicting { return }
    operations[sequence] = nil
    try? operation.resolve(.failure(CancellationError()))
  }

  func cancelCondition(_ identifier: Int) {
    guard executor.isCurrent, let index = conditions.firstIndex(where: { $0.identifier == identifier }) else { return }
    let condition = conditions.remove(at: index)
    if let timer = condition.timer { cancelTimer(timer) }
    condition.resume(.failure(CancellationError()))
  }

  func cancelReceive(_ identifier: Int) {
    guard executor.isCurrent, let index = receives.firstIndex(where: { $0.identifier == identifier }) else { return }
    let receive = receives.remove(at: index)
    if let timer = receive.timer { cancelTimer(timer) }
    try? receive.deliver(.failure(CancellationError()))
  }

  /// A wait's timer fired: the wait ends without its condition.
  func expireCondition(_ identifier: Int) {
    guard let index = conditions.firstIndex(where: { $0.identifier == identifier }) else { return }
    conditions.remove(at: index).resume(.success(false))
  }

  func expireReceive(_ identifier: Int) throws {
    guard let index = receives.firstIndex(where: { $0.identifier == identifier }) else { return }
    try receives.remove(at: index).deliver(.success(nil))
  }
}
