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
  private let ownQueue: OwnQueue
  private let clock: DatabaseClock
  private let report: @Sendable (OwnerMessage) -> Void

  static let defaultConcurrency = 200
  private static let laneLimit = max(1, ProcessInfo.processInfo.activeProcessorCount)
  /// Activities that a lane begins before it lets others of the process have its thread.
  private static let worksPerTurn = 32

  init(
    registry: Registry, concurrency: [String: Int], identity: String, ownQueue: OwnQueue, clock: DatabaseClock,
    report: @escaping @Sendable (OwnerMessage) -> Void
  ) {
    self.registry = registry
    self.concurrency = concurrency
    self.identity = identity
    self.ownQueue = ownQueue
    self.clock = clock
    self.report = report
  }

  func start(_ work: [LocalWork]) {
    var unknown: [InlineStep] = []
    withReady { state in
      for item in work {
        switch item {
        case .attempt(let attempt): admit(attempt, &state)
        case .step(let step):
          if let implementation = registry.implementation(of: step.task.activityType) {
            state.ready.append(.step(step, implementation))
          } else {
            unknown.append(step)
          }
        }
      }
    }
    for step in unknown {
      let failure = Failure(kind: .engine, type: "UnknownActivity", message: "no activity '\(step.task.activityType)' in this build")
      tell(step, .failure(failure))
    }
  }

  private func admit(_ attempt: ActivityAttempt, _ state: inout State) {
    guard !state.isDraining, let implementation = registry.implementation(of: attempt.task.activityType) else { return }
    let name = attempt.task.options.taskQueue
    guard let admitted = state.queues[name, default: LocalQueue(limit: limit(name))].admit(attempt) else { return }
    state.ready.append(.attempt(admitted, implementation))
  }

  private func limit(_ queue: String) -> Int { concurrency[queue] ?? Self.defaultConcurrency }

  /// Changes the state, and sees to lanes for what is ready afterwards.
  private func withReady<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    let (result, newLanes) = state.withLock { state in
      let result = body(&state)
      let wanted = min(state.ready.count, Self.laneLimit)
      let newLanes = max(0, wanted - state.lanes)
      state.lanes += newLanes
      return (result, newLanes)
    }
    for _ in 0..<newLanes { Task.detached { await self.runLane() } }
    return result
  }

  /// Begins what is ready until nothing is.
  private func runLane() async {
    var begun = 0
    var ended: EndedAttempt?
    while true {
      let (item, isOurs) = takeReady(after: ended)
      if let ended, isOurs { tell(ended.attempt, ended.outcome) }
      ended = nil
      switch item {
      case nil: return
      case .attempt(let attempt, let implementation): ended = begin(attempt, implementation)
      case .step(let step, let implementation): Task.immediate { await self.run(step, implementation) }
      }
      begun += 1
      guard begun % Self.worksPerTurn == 0 else { continue }
      if let ended { finish(ended) }
      ended = nil
      await Task.yield()
    }
  }

  /// Takes what may begin, and what ended before off the list.
  /// - Returns: nothing when nothing is ready and the lane ends; whether the ended one still stood there.
  private func takeReady(after ended: EndedAttempt?) -> (RunnableWork?, isOurs: Bool) {
    let (startedAt, startedTime) = clock.reading
    return state.withLock { state in
      let isOurs = ended.map { takeOff($0.attempt, &state) } ?? false
      switch state.ready.popFirst() {
      case nil:
        state.lanes -= 1
        return (nil, isOurs)
      case .step(let step, let implementation): return (.step(step, implementation), isOurs)
      case .attempt(let attempt, let implementation):
        let running = LocalAttempt(attempt, startedAt: startedAt, startedTime: startedTime)
        state.running[attempt.key] = running
        return (.attempt(running, implementation), isOurs)
      }
    }
  }

  /// - Returns: the attempt when its first part was all of it: the lane takes it off the list together with taking the next.
  private func begin(_ running: LocalAttempt, _ implementation: ActivityImplementation) -> EndedAttempt? {
    let task = Task.immediate {
      let outcome: AttemptReport.Outcome
      do {
        let context = ActivityContext(info: running.attempt.info, heartbeats: running.heartbeats, ownQueue: self.ownQueue)
        outcome = .completed(try await implementation.body(.payload(running.attempt.task.input), context))
      } catch {
        outcome = .failed(Failure(error))
      }
      if running.end(outcome) { self.finish(EndedAttempt(attempt: running, outcome: outcome)) }
    }
    return running.waits(task).map { EndedAttempt(attempt: running, outcome: $0) }
  }

  private func finish(_ ended: EndedAttempt) {
    if remove(ended.attempt) { tell(ended.attempt, ended.outcome) }
  }

  private func tell(_ running: LocalAttempt, _ outcome: AttemptReport.Outcome) {
    let attempt = running.attempt
    var outcomeReport = AttemptReport(
      attempt: attempt.attempt, outcome: outcome, worker: identity, startedAt: running.startedTime, endedAt: clock.now())
    if case .failed = outcome { outcomeReport.heartbeatDetails = running.heartbeats.takeNewDetails() }
    report(OwnerMessage(runID: attempt.key.runID, body: .activityOutcome(sequence: attempt.key.sequence, outcomeReport)))
  }

  /// Takes an attempt off the list and lets the next of its queue begin.
  /// - Returns: whether it still stood there: who takes it off tells how it ended.
  private func remove(_ running: LocalAttempt) -> Bool { withReady { takeOff(running, &$0) } }

  private func takeOff(_ running: LocalAttempt, _ state: inout State) -> Bool {
    guard state.running[running.attempt.key] === running else { return false }
    state.running[running.attempt.key] = nil
    replace(running.attempt, &state)
    return true
  }

  /// The next one of its queue takes the place of one that ended.
  private func replace(_ ended: ActivityAttempt, _ state: inout State) {
    guard let next = state.queues[ended.task.options.taskQueue]?.takeNext() else { return }
    // Looked up when it was admitted: the registry does not change.
    if let implementation = registry.implementation(of: next.task.activityType) { state.ready.append(.attempt(next, implementation)) }
  }

  func cancel(_ key: ActivityKey) {
    if let running = state.withLock({ $0.running[key] }) {
      if remove(running) { running.stop() }
      return
    }
    withReady { state in
      for name in state.queues.keys { state.queues[name]?.dropWaiting { $0.key == key } }
      if let dropped = state.ready.drop(key) { replace(dropped, &state) }
    }
  }

  func stop(_ key: ActivityKey) {
    if let running = state.withLock({ $0.running[key] }) { return running.stop() }
    let untried = withReady { state in
      var dropped: [ActivityAttempt] = []
      for name in state.queues.keys { dropped += state.queues[name]?.dropWaiting { $0.key == key } ?? [] }
      if let ready = state.ready.drop(key) {
        replace(ready, &state)
        dropped.append(ready)
      }
      return dropped
    }
    for attempt in untried { tell(LocalAttempt(attempt, startedAt: 0, startedTime: clock.now()), .failed(.cancelled)) }
  }

  func withdraw(where isHeld: @Sendable (ActivityAttempt) -> Bool) -> [ActivityAttempt] {
    state.withLock { state in
      var withdrawn: [ActivityAttempt] = []
      for name in state.queues.keys { withdrawn += state.queues[name]?.dropWaiting(where: isHeld) ?? [] }
      return withdrawn
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
      let context = ActivityContext(info: step.info(attempt), heartbeats: HeartbeatRecorder(), ownQueue: ownQueue)
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
    while ContinuousClock.now < deadline, state.withLock({ !$0.running.isEmpty || $0.ready.count > 0 }) {
      try? await Task.sleep(for: .milliseconds(10))
    }
    for running in state.withLock({ Array($0.running.values) }) { running.stop() }
  }

  /// How many attempts run and wait, by task queue.
  var load: [String: (running: Int, waiting: Int)] {
    state.withLock { $0.queues.mapValues { ($0.running, $0.waitingCount) } }
  }
}

/// An attempt that its lane saw to the end.
private struct EndedAttempt {
  let attempt: LocalAttempt
  let outcome: AttemptReport.Outcome
}

/// What a lane took from the list.
private enum RunnableWork {
  case attempt(LocalAttempt, ActivityImplementation)
  case step(InlineStep, ActivityImplementation)
}
