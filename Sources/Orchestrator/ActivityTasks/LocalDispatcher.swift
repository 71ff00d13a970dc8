import Foundation
import Synchronization

/// Runs activities in the owner's process, without a queue row: as many at a time per task queue as configured, the others wait in order.
///
/// What may begin stands in one list that a few lanes, as many as there are processors, empty. A lane begins each activity on its own thread
/// and goes on when it ends or waits: an activity that never waits costs no switch between threads.
final class LocalDispatcher: ActivityDispatcher, Sendable {
  private struct State {
    var running: [ActivityKey: LocalAttempt] = [:]
    var queues: [String: LocalQueue] = [:]
    var ready = ReadyWork()
    var lanes = 0
    var isDraining = false
  }

  private let state = Mutex(State())
  private let registry: Registry
  private let concurrency: [String: Int]
  private let identity: String
  private let clock: DatabaseClock
  private let report: @Sendable (OwnerMessage) -> Void

  static let defaultConcurrency = 200
  private static let laneLimit = max(1, ProcessInfo.processInfo.activeProcessorCount)
  /// Activities that a lane begins before it lets others of the process have its thread.
  private static let worksPerTurn = 32

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
    guard let implementation = registry.activities[attempt.task.activityType] else { return }
    let name = attempt.task.options.taskQueue
    makeReady { state in
      if state.isDraining { return nil }
      guard let admitted = state.queues[name, default: LocalQueue(limit: limit(name))].admit(attempt) else { return nil }
      return .attempt(admitted, implementation)
    }
  }

  func start(_ step: InlineStep) {
    guard let implementation = registry.activities[step.task.activityType] else {
      let failure = Failure(kind: .engine, type: "UnknownActivity", message: "no activity '\(step.task.activityType)' in this build")
      return tell(step, .failure(failure))
    }
    makeReady { _ in .step(step, implementation) }
  }

  private func limit(_ queue: String) -> Int { concurrency[queue] ?? Self.defaultConcurrency }

  /// Puts what the body gives into the list, with a lane to take it.
  private func makeReady(_ body: (inout State) -> ReadyWork.Item?) {
    let needsLane = state.withLock { state in
      guard let item = body(&state) else { return false }
      state.ready.append(item)
      guard state.lanes < Self.laneLimit else { return false }
      state.lanes += 1
      return true
    }
    if needsLane { Task.detached { await self.runLane() } }
  }

  /// Begins what is ready until nothing is.
  private func runLane() async {
    var begun = 0
    while let item = takeReady() {
      switch item {
      case .attempt(let attempt, let implementation): begin(attempt, implementation)
      case .step(let step, let implementation): Task.immediate { await self.run(step, implementation) }
      }
      begun += 1
      if begun % Self.worksPerTurn == 0 { await Task.yield() }
    }
  }

  private func takeReady() -> RunnableWork? {
    let (startedAt, startedTime) = clock.reading
    return state.withLock { state in
      switch state.ready.popFirst() {
      case nil:
        state.lanes -= 1
        return nil
      case .step(let step, let implementation): return .step(step, implementation)
      case .attempt(let attempt, let implementation):
        let running = LocalAttempt(attempt, startedAt: startedAt, startedTime: startedTime)
        state.running[attempt.key] = running
        return .attempt(running, implementation)
      }
    }
  }

  private func begin(_ running: LocalAttempt, _ implementation: ActivityImplementation) {
    let task = Task.immediate {
      let outcome: AttemptReport.Outcome
      do {
        let context = ActivityContext(info: running.attempt.info, heartbeats: running.heartbeats)
        outcome = .completed(try await implementation.body(.payload(running.attempt.task.input), context))
      } catch {
        outcome = .failed(Failure(error))
      }
      running.end()
      if self.remove(running) { self.tell(running, outcome) }
    }
    running.waits(task)
  }

  private func tell(_ running: LocalAttempt, _ outcome: AttemptReport.Outcome) {
    let attempt = running.attempt
    let outcomeReport = AttemptReport(
      attempt: attempt.attempt, outcome: outcome, worker: identity, startedAt: running.startedTime, endedAt: clock.now())
    report(OwnerMessage(runID: attempt.key.runID, body: .activityOutcome(sequence: attempt.key.sequence, outcomeReport)))
  }

  /// Takes an attempt off the list and lets the next of its queue begin.
  /// - Returns: whether it still stood there: who takes it off tells how it ended.
  private func remove(_ running: LocalAttempt) -> Bool {
    var isRemoved = false
    makeReady { state in
      guard state.running[running.attempt.key] === running else { return nil }
      state.running[running.attempt.key] = nil
      isRemoved = true
      return next(of: running.attempt, &state)
    }
    return isRemoved
  }

  /// The attempt that takes this one's place in its queue.
  private func next(of ended: ActivityAttempt, _ state: inout State) -> ReadyWork.Item? {
    guard let next = state.queues[ended.task.options.taskQueue]?.takeNext() else { return nil }
    // Looked up when it was admitted: the registry does not change.
    return registry.activities[next.task.activityType].map { .attempt(next, $0) }
  }

  func cancel(_ key: ActivityKey) {
    if let running = state.withLock({ $0.running[key] }) {
      if remove(running) { running.stop() }
      return
    }
    makeReady { state in
      for name in state.queues.keys { state.queues[name]?.dropWaiting { $0.key == key } }
      return state.ready.drop(key).flatMap { next(of: $0, &state) }
    }
  }

  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)] {
    let recorders = state.withLock { $0.running.map { ($0.key, $0.value.heartbeats) } }
    return recorders.compactMap { key, recorder in recorder.takeNewDetails().map { (key, $0) } }
  }

  /// Ends attempts whose time is up; called several times a second.
  func expire() {
    let (elapsed, time) = clock.reading
    let expired = state.withLock { state in
      state.running.values.compactMap { running in running.timeout(elapsed: elapsed, time: time).map { (running, $0) } }
    }
    for (running, failure) in expired where remove(running) {
      running.stop()
      tell(running, .failed(failure))
    }
    expireWaiting(time)
  }

  private func expireWaiting(_ time: Int64) {
    let late = state.withLock { state -> [ActivityAttempt] in
      var late: [ActivityAttempt] = []
      for name in state.queues.keys { late.append(contentsOf: state.queues[name]?.dropWaiting { $0.isLate(at: time) } ?? []) }
      return late
    }
    for attempt in late {
      let failure = Failure(
        kind: .scheduleToStartTimeout, type: "ScheduleToStartTimeout", message: "no worker took the attempt in time", isRetryable: false)
      tell(LocalAttempt(attempt, startedAt: 0, startedTime: time), .failed(failure))
    }
  }

  private func run(_ step: InlineStep, _ implementation: ActivityImplementation) async {
    var attempt: Int32 = 1
    while true {
      let context = ActivityContext(info: step.info(attempt), heartbeats: HeartbeatRecorder())
      do {
        return tell(step, .success(try await implementation.body(.value(step.task.input), context)))
      } catch {
        let failure = Failure(error)
        let outcome = AttemptOutcome.decide(
          failure: failure, attempt: attempt, elapsedMilliseconds: (clock.now() - step.scheduledAt) / 1000, options: step.task.options,
          random: Double.random(in: 0...1))
        guard case .retry(let delay) = outcome else { return tell(step, .failure(failure)) }
        attempt += 1
        try? await Task.sleep(for: .milliseconds(delay))
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
    while ContinuousClock.now < deadline, state.withLock({ !$0.running.isEmpty || !$0.ready.isEmpty }) {
      try? await Task.sleep(for: .milliseconds(10))
    }
    for running in state.withLock({ Array($0.running.values) }) { running.stop() }
  }

  /// How many attempts run and wait, by task queue.
  var load: [String: (running: Int, waiting: Int)] {
    state.withLock { $0.queues.mapValues { ($0.running, $0.waitingCount) } }
  }
}

/// What a lane took from the list.
private enum RunnableWork {
  case attempt(LocalAttempt, ActivityImplementation)
  case step(InlineStep, ActivityImplementation)
}
