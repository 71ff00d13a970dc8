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
  private let released = Mutex<[(slots: [Slot], lowWater: RunID)]>([])
  private var connection: PipelineConnection?
  private var releasing: Set<Slot> = []
  private var lastBeat = ContinuousClock.now

  init(_ configuration: Configuration, clock: DatabaseClock, makeOwner: @escaping @Sendable (Int64) throws -> Ownership) {
    self.configuration = configuration
    self.clock = clock
    self.makeOwner = makeOwner
  }

  /// The owner of this moment, if the process is registered.
  var ownership: Ownership? { current.withLock { $0 } }

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
    var leaveBy: ContinuousClock.Instant?
    while true {
      let isLeaving = isStopping.load(ordering: .acquiring)
      if isLeaving, leaveBy == nil {
        leaveBy = .now + configuration.drainTime + .seconds(2)
        nextBeat = .now
      }
      if ContinuousClock.now >= nextBeat || hasReleased {
        nextBeat = .now + configuration.interval
        keepPlace(isLeaving: isLeaving)
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

  private func keepPlace(isLeaving: Bool) {
    do {
      if isLost.exchange(false, ordering: .acquiringAndReleasing) { drop() }
      guard let ownership else {
        if !isLeaving { try register() }
        return
      }
      let connection = try connected(ownership.processID)
      guard try beat(ownership, connection) else {
        drop()
        return
      }
      try confirmReleases(ownership, connection)
      try assign(ownership, connection, isLeaving: isLeaving)
    } catch {
      connection = nil
      Log.warning("ownership-tick-failed", "\(error)")
    }
  }

  private func register() throws {
    let connection = try PipelineConnection(configuration.database)
    var parameters = Parameters(configuration.identity, configuration.build)
    parameters.appendInterval(microseconds: configuration.lease.microseconds)
    let sentAt = clock.elapsed
    let rows = try connection.run((OwnershipStatements.register, parameters))[0]
    clock.synchronize(serverTime: try rows.timestamp(0, 2), sentAt: sentAt, receivedAt: clock.elapsed)
    let processID = try rows.int64(0, 0)
    let ownership = try makeOwner(processID)
    self.connection = connection
    current.withLock { $0 = ownership }
    ownership.loop.start()
    Log.info("registered", "this process may own slots", ["process_id": String(processID)])
    try assign(ownership, connection, isLeaving: false)
  }

  /// The session holds the lock: a new session takes it again.
  private func connected(_ processID: Int64) throws -> PipelineConnection {
    if let connection, !connection.isBroken { return connection }
    let made = try PipelineConnection(configuration.database)
    _ = try made.run((OwnershipStatements.lockSession, Parameters(processID)))
    connection = made
    return made
  }

  /// - Returns: false when the process was fenced off.
  private func beat(_ ownership: Ownership, _ connection: PipelineConnection) throws -> Bool {
    let sentAt = clock.elapsed
    let rows = try connection.run(
      (OwnershipStatements.relaxed, Parameters()), (OwnershipStatements.heartbeat, Parameters(ownership.processID)),
      timeout: configuration.lease)[1]
    clock.synchronize(serverTime: try rows.timestamp(0, 0), sentAt: sentAt, receivedAt: clock.elapsed)
    return try !rows.bool(0, 1)
  }

  private func assign(_ ownership: Ownership, _ connection: PipelineConnection, isLeaving: Bool) throws {
    // Slots first: whoever owns one then and is no member after that is fenced, and will not come back for it.
    let results = try connection.run((OwnershipStatements.slots, Parameters()), (OwnershipStatements.members, Parameters()))
    let owners = try (0..<results[0].count).map { row in try results[0].optional(row, 1) { try results[0].int64($0, $1) } }
    let members = try (0..<results[1].count).map {
      SlotAssignment.Member(processID: try results[1].int64($0, 0), isAlive: try results[1].bool($0, 1))
    }
    let decision = SlotAssignment.decide(me: ownership.processID, members: members, owners: owners, isLeaving: isLeaving)
    if !decision.fence.isEmpty { try fence(decision.fence, connection) }
    if !decision.take.isEmpty { try take(decision.take, ownership, connection) }
    let leaving = decision.release.filter { releasing.insert($0).inserted }
    guard !leaving.isEmpty else { return }
    ownership.loop.mailbox.put(
      .release(slots: leaving, deadline: clock.now() + configuration.drainTime.microseconds) { lowWater in
        self.released.withLock { $0.append((leaving, lowWater)) }
      })
  }

  private func fence(_ dead: [Int64], _ connection: PipelineConnection) throws {
    let column = ArrayColumn(.int8)
    for process in dead { column.append(process) }
    var parameters = Parameters()
    parameters.append(column)
    Log.warning("takeover", "fencing off processes that are dead", ["processes": dead.map(String.init).joined(separator: ",")])
    _ = try connection.run((OwnershipStatements.endSessions, parameters))
    _ = try connection.run(
      (OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.fence, parameters),
      (OwnershipStatements.freeFenced, parameters), (OwnershipStatements.forgetHeartbeats, parameters))
  }

  private func take(_ slots: [Slot], _ ownership: Ownership, _ connection: PipelineConnection) throws {
    var parameters = Parameters(ownership.processID)
    parameters.append(column(slots))
    let rows = try connection.run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.take, parameters))[1]
    var marks: [RunID: [Slot]] = [:]
    for row in 0..<rows.count { marks[RunID(try rows.uuid(row, 1)), default: []].append(Slot(try rows.int16(row, 0))) }
    for (mark, taken) in marks { ownership.loop.mailbox.put(.take(slots: taken.sorted(), lowWater: mark)) }
  }

  private func confirmReleases(_ ownership: Ownership, _ connection: PipelineConnection) throws {
    let done = released.withLock { list in
      defer { list = [] }
      return list
    }
    for (slots, lowWater) in done {
      var parameters = Parameters(ownership.processID)
      parameters.append(column(slots))
      parameters.append(lowWater.uuid)
      _ = try connection.run((OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.release, parameters))
      releasing.subtract(slots)
    }
  }

  /// Everything of this registration is stale; the next tick registers anew.
  private func drop() {
    guard let ownership else { return }
    Log.warning("ownership-lost", "another process took over; registering anew", ["process_id": String(ownership.processID)])
    current.withLock { $0 = nil }
    connection = nil
    releasing = []
    released.withLock { $0 = [] }
    ownership.loop.stop()
  }

  private func leave() {
    guard let ownership else { return }
    ownership.loop.stop()
    let column = ArrayColumn(.int8)
    column.append(ownership.processID)
    var parameters = Parameters()
    parameters.append(column)
    if let connection = try? connected(ownership.processID) {
      _ = try? connection.run(
        (OwnershipStatements.lockAssignment, Parameters()), (OwnershipStatements.fence, parameters),
        (OwnershipStatements.freeFenced, parameters), (OwnershipStatements.forgetHeartbeats, parameters))
    }
    current.withLock { $0 = nil }
    connection = nil
  }

  private func column(_ slots: [Slot]) -> ArrayColumn {
    let column = ArrayColumn(.int2)
    for slot in slots { column.append(slot.number) }
    return column
  }
}
