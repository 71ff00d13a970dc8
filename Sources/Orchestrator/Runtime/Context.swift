import Foundation

/// The door between workflow code and the world: every call is durable, recorded once and repeated from history after a crash.
///
/// A context is valid inside its workflow's `run` only. Calls from `Task {}`, `Task.detached`, actors or callbacks throw.
public struct Context<W: Workflow>: Sendable {
  let instance: TypedInstance<W>

  init(_ instance: TypedInstance<W>) {
    self.instance = instance
  }

  public var info: WorkflowInfo { instance.info }

  /// The workflow's state; stored beside the run in the same commit as the events that changed it.
  public var state: W.State {
    get { instance.isEntered(by: "state") ? instance.currentState : W.State() }
    nonmutating set {
      if instance.isEntered(by: "state") { instance.currentState = newValue }
    }
  }

  /// Runs an activity to its result. It runs at least once; its result is recorded exactly once.
  /// - Throws: `ActivityFailure` when no attempt is left, `CancellationError` when this run was cancelled.
  nonisolated(nonsending) public func execute<Input, Output>(
    _ activity: Activity<Input, Output>, _ input: Input, options: ActivityOptions? = nil
  ) async throws -> Output {
    try await instance.checkEntry("execute(\(activity.name))")
    let task = ActivityTask(
      sequence: instance.nextSequence(), activityType: activity.name, input: try PayloadCodec.encode(input),
      options: options ?? activity.options, header: instance.headers(.activity, activity.name))
    return try await instance.perform(
      .activity(task.options.cancellationType ?? .tryCancel), name: activity.name, sequence: task.sequence,
      decode: { try PayloadCodec.decode(Output.self, from: $0) },
      command: { instance.give(.scheduleActivity(task)) })
  }

  /// As `execute`, on the process that a step before named by its `workerQueue`.
  /// - Parameter scheduleToStart: how long the step waits for that process where its options do not say; it may be gone. Default 1 minute.
  /// - Throws: as `execute`; `ActivityFailure` of kind `scheduleToStartTimeout` when the process did not take it in time.
  nonisolated(nonsending) public func execute<Input, Output>(
    _ activity: Activity<Input, Output>, _ input: Input, on queue: WorkerQueue, scheduleToStart: Duration = .seconds(60),
    options: ActivityOptions? = nil
  ) async throws -> Output {
    var options = options ?? activity.options
    options.taskQueue = queue.name
    options.scheduleToStartMilliseconds = options.scheduleToStartMilliseconds ?? scheduleToStart.boundedMilliseconds
    options.priority = nil
    return try await execute(activity, input, options: options)
  }

  /// Runs a fast, idempotent step in the owner's process and records it with its result in one row: one commit, no schedule event.
  /// - Throws: as `execute`.
  nonisolated(nonsending) public func inline<Input, Output>(_ activity: Activity<Input, Output>, _ input: Input) async throws -> Output {
    try await instance.checkEntry("inline(\(activity.name))")
    let task = InlineTask(
      sequence: instance.nextSequence(), activityType: activity.name, input: input, options: activity.options,
      header: instance.headers(.inlineStep, activity.name))
    return try await instance.perform(
      .inlineStep, name: activity.name, sequence: task.sequence, decode: { try PayloadCodec.decode(Output.self, from: $0) },
      command: { instance.runInline(task) })
  }

  /// Sleeps durably, also over restarts; never shorter than asked by PostgreSQL's clock.
  nonisolated(nonsending) public func sleep(_ duration: Duration) async throws {
    try await instance.checkEntry("sleep")
    let sequence = instance.nextSequence()
    try await instance.perform(
      .timer, name: "sleep", sequence: sequence, decode: { _ in },
      command: { instance.give(.startTimer(sequence: sequence, milliseconds: duration.boundedMilliseconds)) })
  }

  /// Waits until the state fulfils a condition; signals change the state.
  nonisolated(nonsending) public func wait(until condition: @escaping @Sendable (W.State) -> Bool) async throws {
    _ = try await wait(within: nil, until: condition)
  }

  /// Waits until the state fulfils a condition, or the time is up.
  /// - Returns: false when the time was up first.
  nonisolated(nonsending) public func wait(upTo duration: Duration, until condition: @escaping @Sendable (W.State) -> Bool) async throws
    -> Bool
  {
    try await wait(within: duration, until: condition)
  }

  nonisolated(nonsending) private func wait(within duration: Duration?, until condition: @escaping @Sendable (W.State) -> Bool) async throws
    -> Bool
  {
    try await instance.checkEntry("wait")
    if condition(state) { return true }
    let identifier = instance.nextIdentifier()
    let instance = instance
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        let timer = duration.map { duration in
          instance.startTimer("wait", duration) { instance.expireCondition(identifier) }
        }
        instance.add(
          PendingCondition(
            identifier: identifier, isFulfilled: { [unowned instance] in condition(instance.currentState) },
            resume: { continuation.resume(with: $0) }, timer: timer))
      }
    } onCancel: {
      instance.cancelCondition(identifier)
    }
  }

  /// Takes the next message of a signal without a handler, in order of arrival; messages that came earlier were kept.
  nonisolated(nonsending) public func receive<Input>(_ signal: Signal<W, Input>) async throws -> Input {
    guard let input = try await receive(signal, limit: nil) else { throw CancellationError() }
    return input
  }

  /// As `receive`, but gives up after a time.
  /// - Returns: nil when no message came in time.
  nonisolated(nonsending) public func receive<Input>(_ signal: Signal<W, Input>, within duration: Duration) async throws -> Input? {
    try await receive(signal, limit: duration)
  }

  nonisolated(nonsending) private func receive<Input>(_ signal: Signal<W, Input>, limit: Duration?) async throws -> Input? {
    try await instance.checkEntry("receive(\(signal.name))")
    if let payload = instance.takeUnreceived(signal.name) {
      do {
        return try instance.decoding("signal '\(signal.name)'") { try PayloadCodec.decode(Input.self, from: payload) }
      } catch let problem as WorkflowProblem {
        instance.block(on: problem)
        throw CancellationError()
      }
    }
    let identifier = instance.nextIdentifier()
    let instance = instance
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        let timer = limit.map { limit in
          instance.startTimer("receive", limit) { try instance.expireReceive(identifier) }
        }
        instance.add(
          PendingReceive(
            identifier: identifier, signalName: signal.name,
            deliver: { continuation.resume(with: try decoded($0, as: Input.self)) }, timer: timer))
      }
    } onCancel: {
      instance.cancelReceive(identifier)
    }
  }

  /// Runs the body even when the run is cancelled meanwhile: for compensation and cleaning up.
  public func shielded<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    guard instance.isEntered(by: "shielded"), !instance.isEvicting else { throw CancellationError() }
    return try await Task(executorPreference: instance.executor) { try await body() }.value
  }

  /// The time of the event being handled: the same at every replay.
  public var now: Date { Date(timeIntervalSince1970: instance.isEntered(by: "now") ? Double(instance.now) / 1_000_000 : 0) }

  /// A random number that every replay draws again.
  public func random(in range: ClosedRange<Int>) -> Int {
    instance.isEntered(by: "random") ? Int.random(in: range, using: &instance.random) : range.lowerBound
  }

  /// A UUID (version 4) that every replay makes again.
  public func uuid() -> UUID {
    guard instance.isEntered(by: "uuid") else { return UUID() }
    let high = instance.random.next()
    let low = instance.random.next()
    func byte(_ value: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> (index * 8)) }
    return UUID(
      uuid: (
        byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5),
        0x40 | (byte(high, 6) & 0x0F), byte(high, 7), 0x80 | (byte(low, 0) & 0x3F), byte(low, 1), byte(low, 2), byte(low, 3),
        byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
      ))
  }

  /// Whether this run takes the new way at a place where code has changed: true for runs that come by for the first time, false for those that
  /// went by with earlier code. Asked again it answers the same. Once no run without the patch is open, the question and the old way may go:
  /// what is recorded of it is ignored then.
  ///
  ///     if workflow.patched("check-loudness") { try await workflow.execute(Steps.checkLoudness, track) }
  public func patched(_ identifier: String) -> Bool { instance.isEntered(by: "patched(\(identifier))") && instance.isPatched(identifier) }

  /// Sets search attributes of this run, beside those that it has: queries find it by them from the commit of this event on.
  /// - Throws: `OrchestratorError` with code `invalid-argument`: a name that `Workflow.searchAttributes` does not declare, a value of
  ///   another type or too large.
  public func upsertSearchAttributes(_ attributes: SearchAttributes) throws {
    guard instance.isEntered(by: "upsertSearchAttributes") else { throw WorkflowEscape(operation: "upsertSearchAttributes") }
    try attributes.check(against: W.searchAttributes)
    instance.upsert(attributes)
  }

  /// Writes to the process's log, once: replays are silent.
  public func log(_ message: @autoclosure () -> String) {
    guard instance.isEntered(by: "log") else { return }
    if !instance.isReplaying && !instance.isEvicting { Log.info("workflow", message(), ["run_id": info.runID.description]) }
  }

  /// Whether cancellation of this run was requested.
  public var isCancelRequested: Bool { instance.isEntered(by: "isCancelRequested") && instance.isCancelRequested }
}

private func decoded<Input: Codable & Sendable>(
  _ result: Result<Payload?, any Error>, as type: Input.Type
) throws -> Result<Input?, any Error> {
  switch result {
  case .success(let payload?): .success(try PayloadCodec.decode(type, from: payload))
  case .success(nil): .success(nil)
  case .failure(let error): .failure(error)
  }
}

extension WorkflowInstance {
  /// Waits for the outcome of an operation that the command asks for.
  nonisolated(nonsending) func perform<Output: Sendable>(
    _ kind: PendingOperation.Kind, name: String, sequence: Int32, decode: @escaping (Payload) throws -> Output, command: () -> Void
  ) async throws -> Output {
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        command()
        add(
          PendingOperation(kind: kind, name: name) { outcome in
            switch outcome {
            case .success(let payload): continuation.resume(returning: try decode(payload))
            case .failure(let error): continuation.resume(throwing: error)
            }
          }, sequence)
      }
    } onCancel: {
      cancelOperation(sequence)
    }
  }

  /// A timer that ends something else than an awaiting operation.
  func startTimer(_ name: String, _ duration: Duration, onFired: @escaping () throws -> Void) -> Int32 {
    let sequence = nextSequence()
    give(.startTimer(sequence: sequence, milliseconds: duration.boundedMilliseconds))
    add(
      PendingOperation(kind: .timer, name: name) { outcome in
        if case .success = outcome { try onFired() }
      }, sequence)
    return sequence
  }
}
