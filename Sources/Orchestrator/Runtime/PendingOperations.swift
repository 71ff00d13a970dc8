/// What a run waits for. Everything is found by sequence number or in order of insertion: the iteration order of a dictionary would differ
/// between processes.
struct PendingOperation {
  enum Kind: Sendable, Equatable {
    case activity, inlineStep, timer, external
    /// It goes on when nobody waits for it any more.
    case abandonableActivity
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
