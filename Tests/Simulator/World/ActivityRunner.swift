@testable import Orchestrator

/// Runs activities by drawing how long they take and how they end. Every execution has a number of its own, which is its result: so the
/// checker knows where a recorded result came from.
final class ActivityRunner: ActivityDispatcher {
  // Proof: see `Machine.world`; machines live as long as their world.
  private unowned(unsafe) let machine: Machine
  private let isRemote: Bool
  private let report: (OwnerMessage) -> Void
  private var running: [ActivityKey: Int32] = [:]

  init(_ machine: Machine, isRemote: Bool, report: @escaping (OwnerMessage) -> Void) {
    self.machine = machine
    self.isRemote = isRemote
    self.report = report
  }

  private var world: World { machine.world }

  func start(_ work: [LocalWork]) {
    for item in work {
      switch item {
      case .attempt(let attempt): start(attempt)
      case .step(let step): start(step)
      }
    }
  }

  private func start(_ attempt: ActivityAttempt) {
    guard machine.lives() else { return }
    let (key, number) = (attempt.key, attempt.attempt)
    running[key] = number
    let token = world.execute(key)
    world.checker.began(run: key.runID.uuid, sequence: Int(key.sequence))
    world.note(.dispatch, machine.index, token, "\(key.runID.description.suffix(6))/\(key.sequence) attempt \(number)")
    let startedAt = world.now
    machine.after(duration()) { [weak self] in
      guard let self, running[key] == number else { return }
      running[key] = nil
      let outcome = outcome(of: attempt, token)
      world.note(.outcome, machine.index, token)
      report(
        OwnerMessage(
          runID: key.runID,
          body: .activityOutcome(
            sequence: key.sequence,
            AttemptReport(attempt: number, outcome: outcome, worker: "m\(machine.index)", startedAt: startedAt, endedAt: world.now))))
    }
  }

  private func start(_ step: InlineStep) {
    guard machine.lives() else { return }
    let key = step.key
    let token = world.execute(key)
    machine.after(duration()) { [weak self] in
      guard let self else { return }
      report(
        OwnerMessage(
          runID: key.runID,
          body: .inlineOutcome(sequence: key.sequence, name: step.task.activityType, .success(Payload(json: Array("\(token)".utf8))))))
    }
  }

  func cancel(_ key: ActivityKey) {
    world.note(.cancel, machine.index, Int64(key.sequence))
    running[key] = nil
  }

  /// It may take its time, and may have a result all the same.
  func stop(_ key: ActivityKey) {
    guard let number = running[key], world.random.chance(0.8) else { return }
    machine.after(world.random.draw(10...20_000)) { [weak self] in
      guard let self, running[key] == number else { return }
      running[key] = nil
      let report = AttemptReport(
        attempt: number, outcome: .failed(.cancelled), worker: "m\(machine.index)", startedAt: world.now, endedAt: world.now)
      self.report(OwnerMessage(runID: key.runID, body: .activityOutcome(sequence: key.sequence, report)))
    }
  }

  func takeHeartbeats() -> [(key: ActivityKey, details: Payload)] {
    guard !running.isEmpty else { return [] }
    return running.keys.sorted { ($0.runID, $0.sequence) < ($1.runID, $1.sequence) }
      .filter { _ in world.random.chance(0.3) }.map { ($0, Payload(json: Array("7".utf8))) }
  }

  private func duration() -> Int64 {
    if world.isPeaceful { return world.random.draw(100...5000) }
    return world.random.chance(isRemote ? 0.4 : 0.1) ? world.random.draw(50_000...2_000_000) : world.random.draw(20...20_000)
  }

  private func outcome(of attempt: ActivityAttempt, _ token: Int64) -> AttemptReport.Outcome {
    let result = AttemptReport.Outcome.completed(Payload(json: Array("\(token)".utf8)))
    if ProgramSteps.all.contains(attempt.task.activityType) { return scripted(attempt, result) }
    return draw(attempt.task.activityType, result)
  }

  /// As its input says; a broken world forgets a failure now and then.
  private func scripted(_ attempt: ActivityAttempt, _ result: AttemptReport.Outcome) -> AttemptReport.Outcome {
    guard let work = try? PayloadCodec.decode(ProgramSteps.Work.self, from: attempt.task.input), attempt.attempt <= work.failures,
      world.sabotage != .lostFailure || !world.random.chance(0.5)
    else { return result }
    return .failed(Failure(type: "Scripted", message: "\(work.number)"))
  }

  private func draw(_ type: String, _ result: AttemptReport.Outcome) -> AttemptReport.Outcome {
    guard !world.isPeaceful, !world.random.chance(type == "fragile" || type == "parking" ? 0.5 : 0.85) else { return result }
    if world.random.chance(0.2) { return .failed(Failure(kind: .startToCloseTimeout, type: "StartToCloseTimeout", message: "too slow")) }
    return .failed(Failure(type: "Unlucky", message: "a simulated failure", isRetryable: type != "fragile" || world.random.chance(0.5)))
  }
}

extension World {
  /// A new execution's number.
  fileprivate func execute(_ key: ActivityKey) -> Int64 {
    executions += 1
    checker.executed(executions, run: key.runID.uuid, sequence: Int(key.sequence))
    return executions
  }
}
