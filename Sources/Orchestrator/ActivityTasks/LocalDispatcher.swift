import Synchronization

/// Runs activities in the owner's process, without a queue row: as many at a time per task queue as configured, the others wait in order.
final class LocalDispatcher: ActivityDispatcher, Sendable {
  fileprivate struct Running {
    var attempt: ActivityAttempt
    var startedAt: ContinuousClock.Instant
    var startedTime: Int64
    var heartbeats: HeartbeatRecorder
    var task: Task<Void, Never>?
  }

  fileprivate struct Queue {
    var running = 0
    var waiting: [ActivityAttempt] = []
    var head = 0
  }

  fileprivate struct State {
    var running: [ActivityKey: Running] = [:]
    var queues: [String: Queue] = [:]
    var isDraining = false
  }

  private let state = Mutex(State())
  private let registry: Registry
  private let concurrency: [String: Int]
  private let identity: String
  private let clock: DatabaseClock
  private let report: @Sendable (OwnerMessage) -> Void

  static let defaultConcurrency = 200

  init(
    registry: Registry, concurrency: [String: Int], identity: String, clock: DatabaseClock,
    report: @escaping @Sendable (OwnerMessage) -> Void
  ) {
    self.registry = registry
    self.concurrency = concurrency
    self.identity = identity
    self.clock = clock
    self.report = report
  }

  func start(_ attempt: ActivityAttempt) {
    let name = attempt.task.options.taskQueue
    let mayRun = state.withLock { state in
      if state.isDraining { return false }
      let limit = concurrency[name] ?? Self.defaultConcurrency
      if state.queues[name, default: Queue()].running < limit {
        state.queues[name, default: Queue()].running += 1
        return true
      }
      state.queues[name, default: Queue()].waiting.append(attempt)
      return false
    }
    if mayRun { launch(attempt) }
  }

  private func launch(_ attempt: ActivityAttempt) {
    guard let implementation = registry.activities[attempt.task.activityType] else { return }
    let heartbeats = HeartbeatRecorder()
    let startedTime = clock.now()
    let context = ActivityContext(info: attempt.info, heartbeats: heartbeats)
    state.withLock {
      $0.running[attempt.key] = Running(attempt: attempt, startedAt: .now, startedTime: startedTime, heartbeats: heartbeats)
    }
    let task = Task {
      let outcome: AttemptReport.Outcome
      do {
        outcome = .completed(try await implementation.body(attempt.task.input, context))
      } catch {
        outcome = .failed(Failure(error))
      }
      self.ended(attempt, outcome)
    }
    // It may have ended already.
    state.withLock { if $0.running[attempt.key]?.attempt.attempt == attempt.attempt { $0.running[attempt.key]?.task = task } }
  }

  private func ended(_ attempt: ActivityAttempt, _ outcome: AttemptReport.Outcome) {
    guard let running = remove(attempt.key, attempt: attempt.attempt) else { return }
    tell(running, outcome)
  }

  private func tell(_ running: Running, _ outcome: AttemptReport.Outcome) {
    let attempt = running.attempt
    let outcomeReport = AttemptReport(
      attempt: attempt.attempt, outcome: outcome, worker: identity, startedAt: running.startedTime, endedAt: clock.now())
    report(OwnerMessage(runID: attempt.key.runID, body: .activityOutcome(sequence: attempt.key.sequence, outcomeReport)))
  }

  /// Takes an attempt off the list, once, and lets the next of its queue begin.
  private func remove(_ key: ActivityKey, attempt: Int32?) -> Running? {
    let (running, next) = state.withLock { state -> (Running?, ActivityAttempt?) in
      guard let running = state.running[key], attempt == nil || running.attempt.attempt == attempt else { return (nil, nil) }
      state.running[key] = nil
      return (running, state.queues[running.attempt.task.options.taskQueue]?.takeNext())
    }
    if let next { launch(next) }
    return running
  }

  func cancel(_ key: ActivityKey) {
    state.withLock { state in
      for name in state.queues.keys { state.queues[name]?.dropWaiting { $0.key == key } }
    }
    remove(key, attempt: nil)?.task?.cancel()
  }

  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)] {
    let recorders = state.withLock { $0.running.map { ($0.key, $0.value.heartbeats) } }
    return recorders.compactMap { key, recorder in recorder.takeNewDetails().map { (key, $0) } }
  }

  /// Ends attempts whose time is up; called several times a second.
  func expire() {
    let now = ContinuousClock.now
    let time = clock.now()
    let expired = state.withLock { state in
      state.running.values.compactMap { running in Self.timeout(running, now, time).map { (running, $0) } }
    }
    for (running, failure) in expired {
      guard let removed = remove(running.attempt.key, attempt: running.attempt.attempt) else { continue }
      removed.task?.cancel()
      tell(removed, .failed(failure))
    }
    expireWaiting(time)
  }

  private func expireWaiting(_ time: Int64) {
    let late = state.withLock { state -> [ActivityAttempt] in
      var late: [ActivityAttempt] = []
      for name in state.queues.keys {
        let isLate: (ActivityAttempt) -> Bool = { attempt in
          guard let limit = attempt.task.options.scheduleToStartMilliseconds else { return false }
          return time - attempt.scheduledAt > limit * 1000
        }
        late.append(contentsOf: state.queues[name]?.dropWaiting(where: isLate) ?? [])
      }
      return late
    }
    for attempt in late {
      let failure = Failure(
        kind: .scheduleToStartTimeout, type: "ScheduleToStartTimeout", message: "no worker took the attempt in time", isRetryable: false)
      tell(Running(attempt: attempt, startedAt: .now, startedTime: time, heartbeats: HeartbeatRecorder()), .failed(failure))
    }
  }

  private static func timeout(_ running: Running, _ now: ContinuousClock.Instant, _ time: Int64) -> Failure? {
    let options = running.attempt.task.options
    if let total = options.scheduleToCloseMilliseconds, time - running.attempt.scheduledAt > total * 1000 {
      return Failure(
        kind: .scheduleToCloseTimeout, type: "ScheduleToCloseTimeout", message: "all attempts together took longer than \(total) ms",
        isRetryable: false)
    }
    if now - running.startedAt > .milliseconds(options.startToCloseMilliseconds) {
      return Failure(
        kind: .startToCloseTimeout, type: "StartToCloseTimeout",
        message: "the attempt took longer than \(options.startToCloseMilliseconds) ms")
    }
    if let gap = options.heartbeatMilliseconds, now - running.heartbeats.lastAt > .milliseconds(gap) {
      return Failure(
        kind: .heartbeatTimeout, type: "HeartbeatTimeout", message: "no heartbeat for \(gap) ms")
    }
    return nil
  }

  func start(_ step: InlineStep) {
    guard let implementation = registry.activities[step.task.activityType] else {
      tell(
        step, .failure(Failure(kind: .engine, type: "UnknownActivity", message: "no activity '\(step.task.activityType)' in this build")))
      return
    }
    Task {
      var attempt: Int32 = 1
      while true {
        let context = ActivityContext(info: step.info(attempt), heartbeats: HeartbeatRecorder())
        do {
          self.tell(step, .success(try await implementation.body(step.task.input, context)))
          return
        } catch {
          let failure = Failure(error)
          let outcome = AttemptOutcome.decide(
            failure: failure, attempt: attempt, elapsedMilliseconds: (self.clock.now() - step.scheduledAt) / 1000,
            options: step.task.options,
            random: Double.random(in: 0...1))
          guard case .retry(let delay) = outcome else {
            self.tell(step, .failure(failure))
            return
          }
          attempt += 1
          try? await Task.sleep(for: .milliseconds(delay))
        }
      }
    }
  }

  private func tell(_ step: InlineStep, _ outcome: StepOutcome) {
    report(
      OwnerMessage(
        runID: step.key.runID, body: .inlineOutcome(sequence: step.key.sequence, name: step.task.activityType, outcome)))
  }

  /// Starts nothing more and waits for what runs, at most so long; the rest is cancelled, and another owner repeats it.
  func drain(within limit: Duration) async {
    state.withLock { $0.isDraining = true }
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline, state.withLock({ !$0.running.isEmpty }) { try? await Task.sleep(for: .milliseconds(10)) }
    for running in state.withLock({ Array($0.running.values) }) { running.task?.cancel() }
  }

  /// How many attempts run and wait, by task queue.
  var load: [String: (running: Int, waiting: Int)] {
    state.withLock { $0.queues.mapValues { ($0.running, $0.waiting.count - $0.head) } }
  }
}

extension LocalDispatcher.Queue {
  /// Takes waiting attempts out of the queue.
  @discardableResult
  fileprivate mutating func dropWaiting(where isDropped: (ActivityAttempt) -> Bool) -> [ActivityAttempt] {
    guard head < waiting.count else { return [] }
    let dropped = waiting[head...].filter(isDropped)
    guard !dropped.isEmpty else { return [] }
    waiting = waiting[head...].filter { !isDropped($0) }
    head = 0
    return dropped
  }

  /// One attempt ended: the next one takes its place.
  fileprivate mutating func takeNext() -> ActivityAttempt? {
    guard head < waiting.count else {
      running -= 1
      return nil
    }
    let next = waiting[head]
    head += 1
    if head > 64 && head * 2 > waiting.count {
      waiting.removeFirst(head)
      head = 0
    }
    return next
  }
}

extension ActivityAttempt {
  var info: ActivityInfo {
    ActivityInfo(
      namespace: workflow.namespace, workflowID: workflow.workflowID, runID: key.runID, sequence: key.sequence,
      activityType: task.activityType, taskQueue: task.options.taskQueue, attempt: attempt, scheduledAt: scheduledAt,
      heartbeatDetails: heartbeatDetails)
  }
}

extension InlineStep {
  fileprivate func info(_ attempt: Int32) -> ActivityInfo {
    ActivityInfo(
      namespace: workflow.namespace, workflowID: workflow.workflowID, runID: key.runID, sequence: key.sequence,
      activityType: task.activityType, taskQueue: task.options.taskQueue, attempt: attempt, scheduledAt: scheduledAt, heartbeatDetails: nil)
  }
}
