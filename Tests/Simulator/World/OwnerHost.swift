@testable import Orchestrator

/// A process that owns slots: the engine's own cores (`OwnershipSteps`, `SlotOwner`) driven as `OwnershipLoop` and `OwnerLoop` drive them.
final class OwnerHost: Machine, @unchecked Sendable {
  private var steps = OwnershipSteps()
  private var session: Link?
  private(set) var owner: SlotOwner?
  private(set) var process: Int64?
  private var door: SimulatedStore?
  private var runner: ActivityRunner?
  private var inputs: [OwnerInput] = []
  private var nextTurnAt = Int64.max
  private var offset: Int64 = 0
  private var origin: Int64 = 0
  private var isLeaving = false
  private var leaveBy: Int64 = 0
  private var lastRound = 0

  override func booted() {
    steps = OwnershipSteps()
    session = Link(world)
    inputs = []
    nextTurnAt = .max
    offset = 0
    origin = world.now - world.random.draw(0...1_000_000_000)
    isLeaving = false
    after(0) { [self] in round() }
  }

  override func died() {
    // The operating system closes its sockets; the server notices at once, or only after a while.
    if let process {
      let store = world.store
      world.after(world.fault(.lateNotice) ? 3_000_000 : world.random.draw(0...20_000)) { store.sessions.remove(process) }
    }
    session?.cut()
    // It may die in the middle of a turn, which then goes on to its end without touching anything.
    let gone = owner
    owner = nil
    world.after(0) { Self.evict(gone) }
    discard()
  }

  private static func evict(_ owner: SlotOwner?) {
    for entry in owner?.orderedEntries ?? [] { entry.instance?.evict() }
  }

  /// Frees what belongs to the process.
  func discard() {
    door?.close()
    Self.evict(owner)
    owner = nil
    door = nil
    runner = nil
    process = nil
    inputs = []
    nextTurnAt = .max
  }

  // The clock.

  private var elapsed: Int64 { world.now - origin - lag }

  /// The database's time as this process knows it.
  var clock: Int64 { elapsed + offset }

  private func synchronize(_ serverTime: Int64, _ sentAt: Int64) {
    offset = DatabaseClock.offset(known: offset, serverTime: serverTime, sentAt: sentAt, receivedAt: elapsed)
    world.checker.clockError = max(world.checker.clockError, (elapsed - sentAt) / 2)
  }

  // The owner's loop.

  func put(_ input: OwnerInput) {
    inputs.append(input)
    wake()
  }

  func wake() { wake(in: world.random.draw(5...60)) }

  private func wake(in delay: Int64) {
    let at = world.now + delay
    guard isRunning, at < nextTurnAt else { return }
    nextTurnAt = at
    after(delay) { [self] in
      guard nextTurnAt == at else { return }
      nextTurnAt = .max
      turn()
    }
  }

  private func turn() {
    freezeSometimes()
    guard let owner, let door else { return }
    let taken = inputs
    inputs = []
    for input in taken where isRunning { owner.take(input) }
    for answer in door.takeAnswers() where isRunning { owner.handle(answer) }
    guard isRunning else { return }
    let dueAt = owner.tick(isIdle: taken.isEmpty)
    let isIdle = inputs.isEmpty
    if isRunning { owner.send(isIdle: isIdle) }
    guard isRunning else { return }
    wake(in: pause(isIdle, until: dueAt, door))
  }

  /// As long as `OwnerLoop` waits; without a connection it looks for the database now and then.
  private func pause(_ isIdle: Bool, until dueAt: Int64, _ door: SimulatedStore) -> Int64 {
    guard isIdle else { return 20 }
    if !door.isConnected { return max(50, min(dueAt - clock, 50_000)) }
    return door.hasAnswers ? 20 : max(50, min(dueAt - clock, 1_000_000))
  }

  // The ownership's loop.

  private func round() {
    lastRound += 1
    if !isLeaving, owner != nil, world.fault(.goodbye) {
      world.note(.leave, index)
      isLeaving = true
      leaveBy = world.now + 4_000_000
    }
    guard lives() else { return }
    let request = steps.begin(isLeaving: isLeaving)
    carryOut()
    if world.plan.ordersQueues, owner != nil { put(.orderedQueues(world.now / 700_000 % 2 == 0 ? [] : ["default"])) }
    perform(request, lastRound)
  }

  private func endRound() {
    if isLeaving, owner?.slots.isEmpty ?? true || world.now >= leaveBy {
      leave()
      return
    }
    after(world.plan.interval) { [self] in round() }
  }

  private func perform(_ request: OwnershipSteps.Request?, _ number: Int) {
    guard let request else { return endRound() }
    let sentAt = elapsed
    let isAnswered = !world.fault(.cut)
    session?.ask { [self] in
      (answer: serve(request), time: world.now)
    } _: { [self] result in
      guard isAnswered else { return }
      after(0) { [self] in
        guard lastRound == number else { return }
        switch request {
        case .register, .heartbeat: synchronize(result.time, sentAt)
        default: break
        }
        let next = steps.next(result.answer)
        carryOut()
        perform(next, number)
      }
    }
    guard !isAnswered else { return }
    // The round breaks off: the connection and with it the session's lock are gone.
    world.note(.lost, index, 0, "\(request)")
    session?.cut()
    session = Link(world)
    if let process { world.store.sessions.remove(process) }
    endRound()
  }

  /// What the database does when the request arrives.
  private func serve(_ request: OwnershipSteps.Request) -> OwnershipSteps.Answer {
    let store = world.store
    world.note(.request, index, 0, "\(request)")
    switch request {
    case .register: return .registered(process: store.register(lease: world.plan.lease))
    case .heartbeat(let process):
      if store.fenced[process] == false, isRunning { store.sessions.insert(process) }
      return .heartbeat(isFenced: store.heartbeat(process))
    case .readAssignment: return .assignment(owners: store.owners, members: store.members)
    case .release(let process, let slots, let lowWater):
      store.release(slots, lowWater: lowWater, by: process)
      return .done
    case .endSessions(let dead):
      world.endSessions(dead)
      return .done
    case .fence(let dead):
      store.fence(dead)
      return .done
    case .take(let process, let slots): return .taken(store.take(slots, by: process))
    }
  }

  private func carryOut() {
    for effect in steps.takeEffects() {
      world.note(.effect, index, 0, "\(effect)")
      switch effect {
      case .registered(let process): makeOwner(process)
      case .lost: drop()
      case .take(let slots, let lowWater): put(.take(slots: slots, lowWater: lowWater))
      case .release(let slots): release(slots)
      }
    }
  }

  private func release(_ slots: [Slot]) {
    guard let process else { return }
    put(
      .release(slots: slots, deadline: clock + 1_500_000) { [self] lowWater in
        steps.released(slots, lowWater: lowWater, of: process)
      })
  }

  private func makeOwner(_ process: Int64) {
    let door = SimulatedStore(world, self, process: process)
    let runner = ActivityRunner(self, isRemote: false) { [self] in put(.message($0)) }
    let owner = SlotOwner(
      configuration: SlotOwner.Configuration(
        identity: "owner-\(index)", build: "simulated", cachedRuns: world.plan.cachedRuns, localTaskQueues: ["default"]),
      registry: world.registry, store: door, dispatcher: runner, clock: { [unowned self] in clock },
      random: { [unowned self] in world.random.unit() }, onEscape: { [self] in put(.escaped($0)) })
    owner.onOwnershipLost = { [unowned self] in steps.ownershipWasLost() }
    owner.onTasks = { [unowned self] in world.notifyWorkers() }
    owner.onMessages = { [unowned self] in world.notifyOwners() }
    world.doors[process] = door
    (self.process, self.door, self.runner, self.owner) = (process, door, runner, owner)
  }

  /// Another process took over: everything is stale.
  private func drop() {
    owner?.shutDown()
    for input in inputs { input.refuse() }
    if let process { world.store.sessions.remove(process) }
    discard()
  }

  /// The end in good order.
  private func leave() {
    let leaving = process
    let store = world.store
    drop()
    if let leaving { session?.ask({ store.fence([leaving]) }, { _ in }) }
    end()
  }
}

extension World {
  /// What a takeover does before it fences.
  func endSessions(_ dead: [Int64]) {
    for process in dead { doors[process]?.endSessions() }
  }

  func notifyWorkers() {
    for worker in workers where !fault(.lostNotification) { after(latency()) { worker.ring() } }
  }

  func notifyOwners() {
    for owner in owners where !fault(.lostNotification) {
      after(latency()) { if owner.isRunning, owner.owner != nil { owner.put(.wakeInbox) } }
    }
  }
}
