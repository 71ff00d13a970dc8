import PostgreSQL
import Synchronization

/// The thread that keeps this process's place among the owners: it registers, sends heartbeats, takes free and orphaned slots, and gives
/// slots up for newcomers. Its session holds the lock by which others see that the process lives.
final class OwnershipLoop: @unchecked Sendable {
  // Safe to share: everything but the locked and atomic members belongs to the thread in `run`.
  struct Configuration: Sendable {
    var database: ConnectionConfiguration
    var identity: String
    var build: String
    var lease: Duration
    var interval: Duration
    /// How long slots on their way wait for activities that run here.
    var drainTime: Duration = .seconds(10)
    /// Told which queues have limits or an order, whenever that changed.
    var onOrderedQueues: @Sendable (Set<String>) -> Void = { _ in }
    var onPauses: @Sendable () -> Void = {}
    /// The versions of workflow types that this build has, for people.
    var versions: [KnownVersion] = []
  }

  /// What the loop drives; made anew with every registration.
  struct Ownership: Sendable {
    let processID: Int64
    let loop: OwnerLoop
    let dispatcher: LocalDispatcher
  }

  private let configuration: Configuration
  private let clock: DatabaseClock
  private let makeOwner: @Sendable (Int64) throws -> Ownership
  private let current = Mutex<Ownership?>(nil)
  private let isStopping = Atomic<Bool>(false)
  private let isLost = Atomic<Bool>(false)
  private let finished = DispatchGate()
  private let released = Mutex<[(process: Int64, slots: [Slot], lowWater: RunID)]>([])
  private var connection: PipelineConnection?
  private var steps = OwnershipSteps()
  private var lastBeat = ContinuousClock.now
  /// What the owner of this registration was told.
  private var orderedQueues: Set<String>?
  private let versionRoutes = Mutex<VersionRoutes?>(nil)
  private var pauses = ActivityPauses()

  init(_ configuration: Configuration, clock: DatabaseClock, makeOwner: @escaping @Sendable (Int64) throws -> Ownership) {
    self.configuration = configuration
    self.clock = clock
    self.makeOwner = makeOwner
  }

  /// The owner of this moment, if the process is registered.
  var ownership: Ownership? { current.withLock { $0 } }

  /// What the owner of this registration was told of versions; nil before it was.
  var toldVersions: VersionRoutes? { versionRoutes.withLock { $0 } }

  func start() {
    startThread(named: "ownership") { self.run() }
  }

  /// The owner learned that it was fenced off.
  func ownershipWasLost() {
    isLost.store(true, ordering: .releasing)
  }

  /// Gives all slots up in good order, then ends.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    finished.wait()
  }

  private func run() {
    let tick = Duration.milliseconds(50)
    var nextBeat = ContinuousClock.now
    var hasFailed = false
    var leaveBy: ContinuousClock.Instant?
    while true {
      let isLeaving = isStopping.load(ordering: .acquiring)
      if isLeaving, leaveBy == nil {
        leaveBy = .now + configuration.drainTime + .seconds(2)
        nextBeat = .now
      }
      if ContinuousClock.now >= nextBeat || hasReleased {
        let begun = ContinuousClock.now
        let isKept = keepPlace(isLeaving: isLeaving)
        // After a lost session once at the next tick: two missed heartbeats without a lock are death.
        nextBeat = begun + (isKept || hasFailed ? configuration.interval : tick)
        hasFailed = !isKept
      }
      if isLeaving, hasNoSlots || ContinuousClock.now >= (leaveBy ?? .now) { break }
      ownership?.dispatcher.expire()
      ownership?.loop.replaceBlockedThread()
      sleepThread(tick)
    }
    leave()
    finished.open()
  }

  private var hasReleased: Bool { released.withLock { !$0.isEmpty } }
  private var hasNoSlots: Bool { ownership.map { !$0.loop.ownsAny } ?? true }

  /// One round; when it breaks off, the next one finds out what was done.
  /// - Returns: whether it came to its end.
  private func keepPlace(isLeaving: Bool) -> Bool {
    if isLost.exchange(false, ordering: .acquiringAndReleasing) { steps.ownershipWasLost() }
    takeReleased()
    do {
      var request = steps.begin(isLeaving: isLeaving)
      try carryOut()
      while let asked = request {
        let answer = try perform(asked)
        request = steps.next(answer)
        try carryOut()
      }
      return true
    } catch {
      connection = nil
      Log.warning("ownership-tick-failed", "\(error)")
      return false
    }
  }

  private func takeReleased() {
    let done = released.withLock { list in
      defer { list = [] }
      return list
    }
    for (process, slots, lowWater) in done { steps.released(slots, lowWater: lowWater, of: process) }
  }

  private func perform(_ request: OwnershipSteps.Request) throws -> OwnershipSteps.Answer {
    switch request {
    case .register: return try register()
    case .heartbeat(let process): return try beat(process, connected(process))
    case .readAssignment: return try readAssignment(connected(steps.process))
    case .release(let process, let slots, let lowWater):
      var parameters = Parameters(process)
      parameters.append(column(slots))
      parameters.append(lowWater.uuid)
      _ = try connected(process).run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.release, parameters))
      return .done
    case .endSessions(let dead):
      _ = try connected(steps.process).run((OwnershipStatements.endSessions, column(dead)))
      return .done
    case .fence(let dead):
      try fence(dead, connected(steps.process))
      return .done
    case .take(let process, let slots): return try take(slots, process, connected(process))
    }
  }

  /// What follows in this process.
  private func carryOut() throws {
    for effect in steps.takeEffects() {
      switch effect {
      case .registered(let process):
        try begin(process)
        Log.info("registered", "this process may own slots", ["process_id": String(process)])
      case .lost: drop()
      case .take(let slots, let lowWater): ownership?.loop.mailbox.put(.take(slots: slots, lowWater: lowWater))
      case .release(let slots): release(slots)
      }
    }
  }

  private func begin(_ process: Int64) throws {
    do {
      orderedQueues = nil
      versionRoutes.withLock { $0 = nil }
      pauses = ActivityPauses()
      let made = try makeOwner(process)
      current.withLock { $0 = made }
      made.loop.start()
    } catch {
      // A registration without an owner is of no use.
      steps.ownershipWasLost()
      throw error
    }
  }

  private func release(_ slots: [Slot]) {
    guard let ownership else { return }
    let process = ownership.processID
    ownership.loop.mailbox.put(
      .release(slots: slots, deadline: clock.now() + configuration.drainTime.microseconds) { lowWater in
        self.released.withLock { $0.append((process, slots, lowWater)) }
      })
  }

  private func register() throws -> OwnershipSteps.Answer {
    let connection = try PipelineConnection(configuration.database)
    var parameters = Parameters(configuration.identity, configuration.build)
    parameters.appendInterval(microseconds: configuration.lease.microseconds)
    let sentAt = clock.elapsed
    let rows = try connection.run((OwnershipStatements.register, parameters))[0]
    clock.synchronize(serverTime: try rows.timestamp(0, 2), sentAt: sentAt, receivedAt: clock.elapsed)
    self.connection = connection
    let process = try rows.int64(0, 0)
    if !configuration.versions.isEmpty {
      _ = try connection.run((VersionStatements.insertKnown, KnownVersion.parameters(configuration.versions, of: process)))
    }
    return .registered(process: process)
  }

  /// The session holds the lock: a new session takes it again.
  private func connected(_ process: Int64?) throws -> PipelineConnection {
    if let connection, !connection.isBroken { return connection }
    let made = try PipelineConnection(configuration.database)
    if let process { _ = try made.run((OwnershipStatements.lockSession, Parameters(process))) }
    connection = made
    return made
  }

  private func beat(_ process: Int64, _ connection: PipelineConnection) throws -> OwnershipSteps.Answer {
    let sentAt = clock.elapsed
    let rows = try connection.run(
      (OwnershipStatements.relaxed, Parameters()), (OwnershipStatements.heartbeat, Parameters(process)),
      timeout: configuration.lease)[1]
    clock.synchronize(serverTime: try rows.timestamp(0, 0), sentAt: sentAt, receivedAt: clock.elapsed)
    return .heartbeat(isFenced: try rows.bool(0, 1))
  }

  private func readAssignment(_ connection: PipelineConnection) throws -> OwnershipSteps.Answer {
    let results = try connection.run(
      (OwnershipStatements.slots, Parameters()), (OwnershipStatements.members, Parameters()), (QueueStatements.ordered, Parameters()),
      (VersionStatements.routes, Parameters()), (ActivityPauseStatements.all, Parameters()))
    tellPauses(try ActivityPauses(results[4]))
    tellOrderedQueues(Set(try (0..<results[2].count).map { try results[2].text($0, 0) }))
    tellVersionRoutes(try VersionRoutes(results[3]))
    let owners = try (0..<results[0].count).map { row in try results[0].optional(row, 1) { try results[0].int64($0, $1) } }
    let members = try (0..<results[1].count).map {
      SlotAssignment.Member(processID: try results[1].int64($0, 0), isAlive: try results[1].bool($0, 1))
    }
    return .assignment(owners: owners, members: members)
  }

  /// The owner knows them before it is given its first slots.
  private func tellOrderedQueues(_ queues: Set<String>) {
    guard queues != orderedQueues, let ownership else { return }
    orderedQueues = queues
    ownership.loop.mailbox.put(.orderedQueues(queues))
    configuration.onOrderedQueues(queues)
  }

  private func tellVersionRoutes(_ routes: VersionRoutes) {
    guard routes != toldVersions, let ownership else { return }
    ownership.loop.mailbox.put(.versionRoutes(routes))
    versionRoutes.withLock { $0 = routes }
  }

  private func tellPauses(_ now: ActivityPauses) {
    guard now != pauses, let ownership else { return }
    pauses = now
    ownership.loop.mailbox.put(.pauses(now))
    // What was paused becomes a row, for whoever serves its queue afterwards.
    configuration.onPauses()
  }

  private func fence(_ dead: [Int64], _ connection: PipelineConnection) throws {
    Log.warning("takeover", "fencing off processes that are dead", ["processes": dead.map(String.init).joined(separator: ",")])
    let parameters = column(dead)
    _ = try connection.run(
      (OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.fence, parameters),
      (OwnershipStatements.freeFenced, parameters), (OwnershipStatements.forgetHeartbeats, parameters))
  }

  private func take(_ slots: [Slot], _ process: Int64, _ connection: PipelineConnection) throws -> OwnershipSteps.Answer {
    var parameters = Parameters(process)
    parameters.append(column(slots))
    let rows = try connection.run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.take, parameters))[1]
    return .taken(try (0..<rows.count).map { (Slot(try rows.int16($0, 0)), RunID(try rows.uuid($0, 1))) })
  }

  /// Everything of this registration is stale; the next round registers anew.
  private func drop() {
    guard let ownership else { return }
    Log.warning("ownership-lost", "another process took over; registering anew", ["process_id": String(ownership.processID)])
    current.withLock { $0 = nil }
    connection = nil
    ownership.loop.stop()
  }

  private func leave() {
    guard let ownership else { return }
    ownership.loop.stop()
    let parameters = column([ownership.processID])
    if let connection = try? connected(ownership.processID) {
      _ = try? connection.run(
        (OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.fence, parameters),
        (OwnershipStatements.freeFenced, parameters), (OwnershipStatements.forgetHeartbeats, parameters))
    }
    current.withLock { $0 = nil }
    connection = nil
  }

  private func column(_ processes: [Int64]) -> Parameters {
    let column = ArrayColumn(.int8)
    for process in processes { column.append(process) }
    var parameters = Parameters()
    parameters.append(column)
    return parameters
  }

  private func column(_ slots: [Slot]) -> ArrayColumn {
    let column = ArrayColumn(.int2)
    for slot in slots { column.append(slot.number) }
    return column
  }
}
