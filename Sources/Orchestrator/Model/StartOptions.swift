/// Whether a workflow id may be used again once its last run has ended. A run that was refused because the id had an open one does not count.
public enum WorkflowIDReusePolicy: String, Codable, Sendable, CaseIterable {
  case allowDuplicate
  /// Only when the last run did not complete: it failed, timed out, was cancelled or terminated.
  case allowDuplicateFailedOnly
  /// As long as a run of it is kept.
  case rejectDuplicate
}

/// What a start means for a run of its workflow id that is open.
public enum WorkflowIDConflictPolicy: String, Codable, Sendable, CaseIterable {
  /// The start is refused.
  case fail
  /// The start begins nothing: its caller gets the open run.
  case useExisting
  /// The open run is terminated, and the new one begins in the same commit.
  case terminateExisting
}

/// When a run begins, how long it may take, whether it is tried again, and what becomes of other runs of its workflow id.
public struct StartOptions: Sendable, Equatable {
  public var reusePolicy: WorkflowIDReusePolicy
  public var conflictPolicy: WorkflowIDConflictPolicy
  /// Milliseconds before its first code runs; messages wait until then. Nil for none.
  public var startDelayMilliseconds: Int64?
  /// Milliseconds for the whole chain of runs that continue it as new or try it again; nil for no limit.
  public var executionTimeoutMilliseconds: Int64?
  /// Milliseconds for each run of the chain; nil for no limit.
  public var runTimeoutMilliseconds: Int64?
  /// How a run that failed or timed out is tried again, as a new run of the same workflow id; nil for not at all.
  public var retryPolicy: RetryPolicy?
  /// With which version of its type's code it begins and goes on; nil as the version's registration says.
  public var versioning: RunVersioning?

  /// - Parameters:
  ///   - startDelay: default none. A start with a signal or an update begins at once.
  ///   - executionTimeout: from the end of the start delay; default no limit.
  ///   - runTimeout: from the end of the run's start delay or of the wait between two tries; default no limit.
  public init(
    reusePolicy: WorkflowIDReusePolicy = .allowDuplicate, conflictPolicy: WorkflowIDConflictPolicy = .fail, startDelay: Duration? = nil,
    executionTimeout: Duration? = nil, runTimeout: Duration? = nil, retryPolicy: RetryPolicy? = nil,
    versioning: RunVersioning? = nil
  ) {
    self.reusePolicy = reusePolicy
    self.conflictPolicy = conflictPolicy
    startDelayMilliseconds = startDelay?.boundedMilliseconds
    executionTimeoutMilliseconds = executionTimeout?.boundedMilliseconds
    runTimeoutMilliseconds = runTimeout?.boundedMilliseconds
    self.retryPolicy = retryPolicy
    self.versioning = versioning
  }

  public static let standard = StartOptions()

  /// As the start records them; nil for standard ones.
  func recorded(with message: StartMessage? = nil) -> RunOptions? {
    if message == nil, self == .standard { return nil }
    return RunOptions(
      reusePolicy: reusePolicy == .allowDuplicate ? nil : reusePolicy, conflictPolicy: conflictPolicy == .fail ? nil : conflictPolicy,
      startDelayMilliseconds: message == nil ? startDelayMilliseconds.flatMap { $0 > 0 ? $0 : nil } : nil,
      executionTimeoutMilliseconds: executionTimeoutMilliseconds, runTimeoutMilliseconds: runTimeoutMilliseconds, retryPolicy: retryPolicy,
      versioning: versioning.map { RecordedVersioning($0) }, startMessage: message)
  }
}

/// The signal or update that comes with a start.
struct StartMessage: Codable, Sendable, Equatable {
  let isUpdate: Bool
  let name: String
  let input: Payload
  /// Of a signal its request id, of an update its update id.
  let requestID: String

  /// As the event that it becomes.
  func event(identity: String) -> IncomingEvent {
    isUpdate
      ? .updateAccepted(UpdateAttributes(updateID: requestID, name: name, input: input, identity: identity, isWithStart: true))
      : .signaled(SignaledAttributes(name: name, input: input, identity: identity, requestID: requestID, isWithStart: true))
  }

  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  func check(_ options: StartOptions) throws {
    try Client.checkSize(input)
    guard options.conflictPolicy != .fail else {
      throw OrchestratorError(
        .invalidArgument, "a start with a signal or an update has the conflict policy useExisting or terminateExisting")
    }
  }
}

/// What a start records of how its run lives. A class: few runs have one, and what starts a run passes through many hands.
final class RunOptions: Codable, Sendable, Equatable {
  let reusePolicy: WorkflowIDReusePolicy?
  let conflictPolicy: WorkflowIDConflictPolicy?
  /// Before the first code; of a run that tries another again, the wait between the two.
  let startDelayMilliseconds: Int64?
  let executionTimeoutMilliseconds: Int64?
  let runTimeoutMilliseconds: Int64?
  let retryPolicy: RetryPolicy?
  /// Nil for the first.
  let attempt: Int32?
  /// Microseconds since the Unix epoch when the time of the chain is over; known once its first run began.
  let expiresAt: Int64?
  /// Nil for code without a version.
  let versioning: RecordedVersioning?
  /// Only on its way to the owner, who gives it to the run.
  let startMessage: StartMessage?

  init(
    reusePolicy: WorkflowIDReusePolicy? = nil, conflictPolicy: WorkflowIDConflictPolicy? = nil, startDelayMilliseconds: Int64? = nil,
    executionTimeoutMilliseconds: Int64? = nil, runTimeoutMilliseconds: Int64? = nil, retryPolicy: RetryPolicy? = nil,
    attempt: Int32? = nil, expiresAt: Int64? = nil, versioning: RecordedVersioning? = nil, startMessage: StartMessage? = nil
  ) {
    self.reusePolicy = reusePolicy
    self.conflictPolicy = conflictPolicy
    self.startDelayMilliseconds = startDelayMilliseconds
    self.executionTimeoutMilliseconds = executionTimeoutMilliseconds
    self.runTimeoutMilliseconds = runTimeoutMilliseconds
    self.retryPolicy = retryPolicy
    self.attempt = attempt
    self.expiresAt = expiresAt
    self.versioning = versioning
    self.startMessage = startMessage
  }

  static func == (left: RunOptions, right: RunOptions) -> Bool { left.parts == right.parts && left.startMessage == right.startMessage }

  private struct Parts: Equatable {
    let policies: [String?]
    let times: [Int64?]
    let retryPolicy: RetryPolicy?
    let attempt: Int32?
    let versioning: RecordedVersioning?
  }

  private var parts: Parts {
    Parts(
      policies: [reusePolicy?.rawValue, conflictPolicy?.rawValue],
      times: [startDelayMilliseconds, executionTimeoutMilliseconds, runTimeoutMilliseconds, expiresAt], retryPolicy: retryPolicy,
      attempt: attempt, versioning: versioning)
  }

  /// Whether the owner must know what else the workflow id had before it begins the run.
  var isConditional: Bool { reusePolicy != nil || conflictPolicy != nil || startMessage != nil }

  /// Times in milliseconds as microseconds; from outside they may be anything.
  private static func microseconds(_ milliseconds: Int64?) -> Int64? {
    milliseconds.map { min(max(0, $0), Limits.durationMilliseconds) * 1000 }
  }

  /// When the first code may run: microseconds since the Unix epoch; nil for at once.
  func beginsAt(startedAt: Int64) -> Int64? {
    Self.microseconds(startDelayMilliseconds).flatMap { $0 > 0 ? startedAt + $0 : nil }
  }

  /// As the run records them when it begins: the end of the chain's time is known from then on.
  func beginning(at: Int64) -> RunOptions {
    let allowed = Self.microseconds(executionTimeoutMilliseconds)
    return copy(
      delay: startDelayMilliseconds, attempt: attempt, expiresAt: expiresAt ?? allowed.map { (beginsAt(startedAt: at) ?? at) + $0 })
  }

  /// When the run must have ended: microseconds since the Unix epoch; nil for no limit.
  func endsAt(startedAt: Int64) -> Int64? {
    let begun = beginsAt(startedAt: startedAt) ?? startedAt
    let ends = [Self.microseconds(runTimeoutMilliseconds).map { begun + $0 }, expiresAt]
    return ends.compactMap(\.self).min()
  }

  /// Of a run that is recorded only to end.
  var withoutMessage: RunOptions { copy(delay: startDelayMilliseconds, attempt: attempt, expiresAt: expiresAt) }

  /// Of the run that continues this one as new; nil when nothing is left of them.
  /// - Parameter isUpgrading: that one begins like any start.
  func continued(upgrading isUpgrading: Bool) -> RunOptions? {
    let next = copy(delay: nil, attempt: nil, expiresAt: expiresAt).versioned(isUpgrading ? nil : versioning?.inherited)
    return next == RunOptions() ? nil : next
  }

  /// Of the run that tries this one again.
  func again(afterMilliseconds delay: Int64) -> RunOptions {
    copy(delay: delay > 0 ? delay : nil, attempt: (attempt ?? 1) + 1, expiresAt: expiresAt)
  }

  /// The same with another version.
  func versioned(_ versioning: RecordedVersioning?) -> RunOptions {
    guard versioning != self.versioning else { return self }
    return RunOptions(
      reusePolicy: reusePolicy, conflictPolicy: conflictPolicy, startDelayMilliseconds: startDelayMilliseconds,
      executionTimeoutMilliseconds: executionTimeoutMilliseconds, runTimeoutMilliseconds: runTimeoutMilliseconds,
      retryPolicy: retryPolicy, attempt: attempt, expiresAt: expiresAt, versioning: versioning, startMessage: startMessage)
  }

  /// Policies and the message are for the owner that begins a run.
  private func copy(delay: Int64?, attempt: Int32?, expiresAt: Int64?) -> RunOptions {
    RunOptions(
      startDelayMilliseconds: delay, executionTimeoutMilliseconds: executionTimeoutMilliseconds,
      runTimeoutMilliseconds: runTimeoutMilliseconds, retryPolicy: retryPolicy, attempt: attempt, expiresAt: expiresAt,
      versioning: versioning)
  }
}
