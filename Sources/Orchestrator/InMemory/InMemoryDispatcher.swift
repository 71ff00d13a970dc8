/// Runs activities and inline steps beside an engine in memory, on Swift's own threads. One that lets virtual time pass is not at work meanwhile.
final class InMemoryDispatcher: ActivityDispatcher {
  private struct Running {
    /// 0 for an inline step.
    let attempt: Int32
    let name: String
    /// Microseconds since the Unix epoch when its time is up.
    let deadline: Int64
    let timeout: Failure.Kind
    let beganAt: Int64
    let heartbeats: HeartbeatRecorder
    var task: Task<Void, Never>?
    var sleepers = 0
  }

  private struct Sleeper {
    let key: ActivityKey
    let attempt: Int32
    let at: Int64
    let continuation: UnsafeContinuation<Void, Never>
  }

  private let registry: Registry
  weak var engine: InMemoryEngine?
  private var running: [ActivityKey: Running] = [:]
  private var sleepers: [Int: Sleeper] = [:]
  private var lastSleeper = 0
  /// To be cancelled when the turn is over: their clean-up wants a turn of its own.
  private var cancelled: [Task<Void, Never>] = []
  /// Asked for, but not implemented.
  private var missing: Set<String> = []

  init(_ registry: Registry) {
    self.registry = registry
  }

  func start(_ work: [LocalWork]) {
    for item in work {
      switch item {
      case .attempt(let attempt): start(attempt)
      case .step(let step): start(step)
      }
    }
  }

  private func start(_ attempt: ActivityAttempt) {
    guard let engine else { return }
    let now = engine.model.now
    guard let implementation = registry.implementation(of: attempt.task.activityType) else {
      missing.insert(attempt.task.activityType)
      return engine.put(.message(attempt.report(.failed(Self.unknown(attempt.task.activityType)), from: now, to: now)))
    }
    let (deadline, timeout) = attempt.deadline(from: now)
    let recorder = HeartbeatRecorder()
    running[attempt.key] = Running(
      attempt: attempt.attempt, name: attempt.task.activityType, deadline: deadline, timeout: timeout, beganAt: now, heartbeats: recorder)
    let context = ActivityContext(info: attempt.info, heartbeats: recorder, ownQueue: .inMemory)
    let sleeper = engine.sleeper(attempt.key, attempt.attempt)
    running[attempt.key]?.task = Task.detached { [weak engine] in
      let outcome: AttemptReport.Outcome
      do {
        let result = try await VirtualTime.$sleeper.withValue(sleeper) {
          try await implementation.body(.payload(attempt.task.input), context)
        }
        outcome = .completed(result)
      } catch {
        outcome = .failed(Failure(error))
      }
      engine?.finish(attempt, outcome)
    }
  }

  private func start(_ step: InlineStep) {
    guard let engine else { return }
    guard let implementation = registry.implementation(of: step.task.activityType) else {
      missing.insert(step.task.activityType)
      return engine.put(.message(step.report(.failure(Self.unknown(step.task.activityType)))))
    }
    running[step.key] = Running(
      attempt: 0, name: step.task.activityType, deadline: .max, timeout: .startToCloseTimeout, beganAt: engine.model.now,
      heartbeats: HeartbeatRecorder())
    let sleeper = engine.sleeper(step.key, 0)
    let now: @Sendable () -> Int64 = { [weak engine] in engine?.now ?? 0 }
    running[step.key]?.task = Task.detached { [weak engine] in
      let outcome = await VirtualTime.$sleeper.withValue(sleeper) { await step.run(implementation, now: now) }
      engine?.finish(step, outcome)
    }
  }

  private static func unknown(_ name: String) -> Failure {
    Failure(
      kind: .engine, type: "UnknownActivity", message: "no activity '\(name)' is known here: give the environment a mock of it",
      isRetryable: false)
  }

  func checkMissing() throws {
    guard let name = missing.min() else { return }
    throw OrchestratorError(
      .activityNotFound, "a workflow asked for activity '\(name)', which the environment does not know: give it a mock")
  }

  func cancel(_ key: ActivityKey) {
    guard let gone = running.removeValue(forKey: key) else { return }
    if let task = gone.task { cancelled.append(task) }
    engine?.noteChange()
  }

  func stop(_ key: ActivityKey) { running[key]?.task?.cancel() }

  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)] {
    let keys = running.keys.sorted { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }
    return keys.compactMap { key in running[key]?.heartbeats.takeNewDetails().map { (key, $0) } }
  }

  func takeCancelled() -> [Task<Void, Never>] {
    defer { cancelled = [] }
    return cancelled
  }

  func stopAll() -> [Task<Void, Never>] {
    defer { running = [:] }
    return running.values.compactMap(\.task) + takeCancelled()
  }

  /// An attempt ended.
  /// - Returns: when it began, and a heartbeat that nobody took yet; nil when nobody waits for it any more.
  func remove(_ key: ActivityKey, _ attempt: Int32) -> (beganAt: Int64, heartbeat: Payload?)? {
    guard let ended = running[key], ended.attempt == attempt else { return nil }
    running[key] = nil
    return (ended.beganAt, ended.heartbeats.takeNewDetails())
  }
}

// Virtual time.
extension InMemoryDispatcher {
  /// Those at work: time stands still for them.
  var busyCount: Int { running.values.count { $0.sleepers == 0 } }

  var busyNames: [String] { running.values.filter { $0.sleepers == 0 }.map(\.name).sorted() }

  var nextDueAt: Int64? {
    let deadlines = running.values.lazy.filter { $0.sleepers > 0 }.map(\.deadline)
    return [sleepers.values.map(\.at).min(), deadlines.min()].compactMap { $0 }.min()
  }

  /// - Returns: false when nobody waits for its activity any more.
  func addSleeper(
    _ number: Int, _ key: ActivityKey, _ attempt: Int32, until at: Int64, _ continuation: UnsafeContinuation<Void, Never>
  ) -> Bool {
    guard running[key]?.attempt == attempt else { return false }
    running[key]?.sleepers += 1
    sleepers[number] = Sleeper(key: key, attempt: attempt, at: at, continuation: continuation)
    engine?.noteChange()
    return true
  }

  func nextSleeper() -> Int {
    lastSleeper += 1
    return lastSleeper
  }

  func wakeSleeper(_ number: Int) {
    guard let sleeper = sleepers.removeValue(forKey: number) else { return }
    if running[sleeper.key]?.attempt == sleeper.attempt { running[sleeper.key]?.sleepers -= 1 }
    sleeper.continuation.resume()
  }

  /// Attempts whose time is up end, and who slept until now goes on.
  func wake(at now: Int64) {
    let late = running.filter { $0.value.sleepers > 0 && $0.value.deadline <= now }.keys
    for key in late.sorted(by: { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }) {
      guard let attempt = running.removeValue(forKey: key) else { continue }
      let failure = Failure(
        kind: attempt.timeout, type: attempt.timeout.typeName, message: "the attempt of '\(attempt.name)' took too long",
        isRetryable: attempt.timeout != .scheduleToCloseTimeout)
      var report = AttemptReport(
        attempt: attempt.attempt, outcome: .failed(failure), worker: "in-memory", startedAt: attempt.beganAt, endedAt: now)
      report.heartbeatDetails = attempt.heartbeats.takeNewDetails()
      engine?.put(.message(OwnerMessage(runID: key.runID, body: .activityOutcome(sequence: key.sequence, report))))
      if let task = attempt.task { cancelled.append(task) }
    }
    for number in sleepers.filter({ $0.value.at <= now }).keys.sorted() { wakeSleeper(number) }
  }
}

extension InMemoryEngine {
  fileprivate func finish(_ attempt: ActivityAttempt, _ outcome: AttemptReport.Outcome) {
    take {
      guard let ended = dispatcher.remove(attempt.key, attempt.attempt) else { return }
      put(.message(attempt.report(outcome, from: ended.beganAt, to: model.now, heartbeat: ended.heartbeat)))
    }
  }

  fileprivate func finish(_ step: InlineStep, _ outcome: StepOutcome) {
    take {
      guard dispatcher.remove(step.key, 0) != nil else { return }
      put(.message(step.report(outcome)))
    }
  }
}

extension ActivityAttempt {
  fileprivate func report(
    _ outcome: AttemptReport.Outcome, from beganAt: Int64, to endedAt: Int64, heartbeat: Payload? = nil
  ) -> OwnerMessage {
    var report = AttemptReport(attempt: attempt, outcome: outcome, worker: "in-memory", startedAt: beganAt, endedAt: endedAt)
    if case .failed = outcome { report.heartbeatDetails = heartbeat }
    return OwnerMessage(runID: key.runID, body: .activityOutcome(sequence: key.sequence, report))
  }

  /// When the attempt's time is up, and what it fails with then.
  fileprivate func deadline(from now: Int64) -> (at: Int64, kind: Failure.Kind) {
    let options = task.options
    var limits: [(at: Int64, kind: Failure.Kind)] = [(now + options.startToCloseMilliseconds * 1000, .startToCloseTimeout)]
    if let gap = options.heartbeatMilliseconds { limits.append((now + gap * 1000, .heartbeatTimeout)) }
    if let total = options.scheduleToCloseMilliseconds { limits.append((scheduledAt + total * 1000, .scheduleToCloseTimeout)) }
    return limits.min { $0.at < $1.at } ?? (.max, .startToCloseTimeout)
  }
}

extension InlineStep {
  /// With its retries, as the owner's own process makes them.
  fileprivate func run(_ implementation: ActivityImplementation, now: @Sendable () -> Int64) async -> StepOutcome {
    var attempt: Int32 = 1
    while true {
      let context = ActivityContext(info: info(attempt), heartbeats: HeartbeatRecorder(), ownQueue: .inMemory)
      do {
        return .success(try await implementation.body(.value(task.input), context))
      } catch {
        let failure = Failure(error)
        let outcome = AttemptOutcome.decide(
          failure: failure, attempt: attempt, elapsedMilliseconds: (now() - scheduledAt) / 1000, options: task.options, random: 0.5)
        guard case .retry(let delay) = outcome else { return .failure(failure) }
        attempt += 1
        do { try await VirtualTime.sleep(for: .milliseconds(delay)) } catch { return .failure(failure) }
      }
    }
  }

  fileprivate func report(_ outcome: StepOutcome) -> OwnerMessage {
    OwnerMessage(runID: key.runID, body: .inlineOutcome(sequence: key.sequence, name: task.activityType, outcome))
  }
}

extension Failure.Kind {
  /// `StartToCloseTimeout`, as the engine names the failures of its own.
  fileprivate var typeName: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
