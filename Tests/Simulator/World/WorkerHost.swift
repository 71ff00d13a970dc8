@testable import Orchestrator

/// A process that runs activities of other owners' runs: `WorkerLeases` driven as `ActivityWorker` drives it.
final class WorkerHost: Machine, @unchecked Sendable {
  private var leases = WorkerLeases<ModelLease>()
  private var runner: ActivityRunner?
  private var isAsking = false
  private var isReporting = false
  private var lastContact: Int64 = 0
  private static let concurrency = 4
  private static let shortestPause: Int64 = 20_000

  private var lease: Int64 { world.plan.workerLease }

  override func booted() {
    leases = WorkerLeases()
    runner = ActivityRunner(self, isRemote: true) { [self] in ended($0) }
    isAsking = false
    isReporting = false
    lastContact = world.now
    after(0) { [self] in askLoop(Self.shortestPause) }
    after(world.random.draw(0...400_000)) { [self] in heartbeatLoop() }
    after(world.random.draw(0...500_000)) { [self] in sweepLoop() }
  }

  override func died() {
    runner = nil
  }

  func ring() {
    if isRunning { after(0) { [self] in ask() } }
  }

  /// A request that may get lost, before or behind the database.
  private func request<Answer>(
    _ carryOut: @escaping (StoreModel) -> Answer, _ answered: @escaping (Answer) -> Void, failed: @escaping () -> Void
  ) {
    guard lives() else { return }
    let world = world
    let isLost = world.fault(.cut)
    // A connection of the pool for each: when one breaks, the others' answers come all the same.
    let link = Link(world)
    link.ask({ carryOut(world.store) }, { [self] answer in if !isLost { after(0) { answered(answer) } } })
    guard isLost else { return }
    world.note(.lost, index + 100)
    link.cut()
    after(world.random.draw(1000...100_000), failed)
  }

  /// Asks less and less often while there is nothing to do here.
  private func askLoop(_ pause: Int64) {
    ask()
    let next = leases.count == 0 ? min(pause * 2, 500_000) : Self.shortestPause
    after(world.random.draw(pause / 2...pause)) { [self] in askLoop(next) }
  }

  private func ask() {
    freezeSometimes()
    let room = leases.room("remote", limit: .max, concurrency: Self.concurrency)
    guard !isAsking, room > 0 else { return }
    isAsking = true
    let time = lease
    request {
      let leased = $0.lease("remote", limit: room, lease: time)
      return leased + $0.lease("default", limit: room - leased.count, lease: time)
    } _: { [self] leased in
      isAsking = false
      for lease in leased { take(lease) }
    } failed: { [self] in
      isAsking = false
    }
  }

  private func take(_ lease: ModelLease) {
    freezeSometimes()
    let key = lease.attempt.key
    world.note(.lease, index, lease.token, "\(key.runID.description.suffix(6))/\(key.sequence)")
    guard !lease.isCancelRequested else {
      let random = world.random.unit()
      request({ $0.end(cancelled: lease, worker: "worker", random: random) }, {}, failed: {})
      return
    }
    if let replaced = leases.add(lease) { runner?.cancel(replaced.attempt.key) }
    runner?.start(lease.attempt)
  }

  private func ended(_ message: OwnerMessage) {
    guard case .activityOutcome(let sequence, let report) = message.body else { return }
    guard leases.ended(ActivityKey(runID: message.runID, sequence: sequence), report) else { return }
    after(world.random.draw(10...2000)) { [self] in reportOutcomes() }
    after(0) { [self] in ask() }
  }

  private func reportOutcomes() {
    guard !isReporting else { return }
    let outcomes = leases.takeOutcomes()
    guard !outcomes.isEmpty else { return }
    isReporting = true
    let random = world.random.unit()
    request { store in
      _ = store.complete(
        outcomes.compactMap { lease, report in
          guard case .completed = report.outcome else { return nil }
          return (lease.attempt.key, lease.token, report.encoded(sequence: lease.attempt.key.sequence))
        })
      for (lease, report) in outcomes {
        guard case .failed(let failure) = report.outcome else { continue }
        _ = store.fail(lease.attempt.key, token: lease.token, failure, worker: "worker", random: random)
      }
    } _: { [self] in
      isReporting = false
      world.notifyOwners()
      reportOutcomes()
    } failed: { [self] in
      isReporting = false
      leases.putBack(outcomes)
      reportOutcomes()
    }
  }

  private func heartbeatLoop() {
    freezeSometimes()
    after(lease / 3) { [self] in heartbeatLoop() }
    let (asked, time) = (leases.all, lease)
    guard !asked.isEmpty else {
      lastContact = world.now
      return
    }
    let details = runner?.takeHeartbeats() ?? []
    request { store in
      store.heartbeat(
        asked.map { lease in (lease.attempt.key, lease.token, details.first { $0.key == lease.attempt.key }?.details) }, lease: time)
    } _: { [self] answer in
      lastContact = world.now
      for lease in leases.dropLost(asked, held: held(asked, answer)) { drop(lease) }
    } failed: { [self] in
      if world.now - lastContact > lease * 8 / 10 {
        for lease in leases.dropAll() { runner?.cancel(lease.attempt.key) }
      }
    }
  }

  /// What a workflow waits for goes on until it has stopped.
  private func held(_ asked: [ModelLease], _ answer: [(key: ActivityKey, isCancelRequested: Bool)]) -> Set<ActivityKey> {
    let stopping = Set(asked.filter { $0.attempt.task.options.cancellationType == .waitCancellationCompleted }.map(\.attempt.key))
    for item in answer where item.isCancelRequested && stopping.contains(item.key) { runner?.stop(item.key) }
    return Set(answer.filter { !$0.isCancelRequested || stopping.contains($0.key) }.map(\.key))
  }

  private func drop(_ lease: ModelLease) {
    runner?.cancel(lease.attempt.key)
    request({ $0.discard(lease.attempt.key, token: lease.token) }, {}, failed: {})
  }

  private func sweepLoop() {
    let world = world
    request({ $0.sweep { world.random.unit() } }, { world.notifyOwners() }, failed: {})
    after(500_000) { [self] in sweepLoop() }
  }
}
