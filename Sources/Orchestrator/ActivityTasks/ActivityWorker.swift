import Foundation
import PostgreSQL
import Synchronization

/// How an activity worker takes part.
public struct ActivityWorkerConfiguration: Sendable {
  public var database: ConnectionConfiguration
  /// Host name and process id, for people; default this process's.
  public var identity = "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
  /// The program, for people; nil for none.
  public var build: String?
  /// Task queues to serve, with how many attempts at a time each.
  public var taskQueues: [String: Int]
  /// Attempts at a time over all queues.
  public var concurrency: Int
  /// A lease without heartbeat ends after this time; default 10 s. Heartbeats go out every third of it, at least once a second.
  public var lease: Duration = .seconds(10)
  /// How long attempts under way are waited for when the worker stops; default 10 s.
  public var drainTime: Duration = .seconds(10)
  /// That of the engines of this database; nil, the default, for values as they are.
  public var codec: CodecChain?

  public init(database: ConnectionConfiguration, taskQueues: [String: Int], concurrency: Int? = nil) {
    self.database = database
    self.taskQueues = taskQueues
    self.concurrency = concurrency ?? taskQueues.values.reduce(0, +)
  }
}

/// A process that runs activities of workflows owned elsewhere: it leases tasks in batches, runs them, and reports in batches. Any number of
/// workers on any hosts share a queue.
public final class ActivityWorker: Sendable {
  private struct State {
    var leases = WorkerLeases<TaskLease>()
    /// No place was free at the last look: an attempt that ends makes one.
    var awaitsRoom = false
    var isStopping = false
  }

  private let configuration: ActivityWorkerConfiguration
  private let database: Database
  private let failures: TaskFailureWriter
  private let directory: QueueDirectory
  private let ownQueue: OwnQueue
  /// Nil: a task of another type is an error of whoever put it into the queue.
  private let onlyTypes: [String]?
  private let wakeUp: WakeUp
  private let state = Mutex(State())
  private let registry: Registry
  private let clock = DatabaseClock()
  private let bell: Bell
  private let reportBell = Bell()
  private let lastContact = Mutex(ContinuousClock.now)

  /// - Throws: `DatabaseError` when the connection string is not valid.
  public convenience init(_ configuration: ActivityWorkerConfiguration, _ registry: Registry) throws {
    let bell = Bell()
    try self.init(configuration, registry, bell, OwnQueue(identity: configuration.identity) { bell.ring() }, onlyTypes: nil)
  }

  init(
    _ configuration: ActivityWorkerConfiguration, _ registry: Registry, _ bell: Bell, _ ownQueue: OwnQueue, onlyTypes: [String]?
  ) throws {
    self.configuration = configuration
    self.registry = registry
    self.bell = bell
    self.ownQueue = ownQueue
    self.onlyTypes = onlyTypes
    var session = configuration.database
    session.applicationName = "orchestrator-worker"
    session.settings = PostgresStore.sessionSettings
    database = try Database(session, maximumConnections: 4)
    failures = TaskFailureWriter(database: database, codec: configuration.codec)
    wakeUp = WakeUp(database)
    directory = QueueDirectory(database)
  }

  /// Leases, runs and reports until `stop` is called or the task is cancelled; then drains.
  public func run() async {
    let concurrency = configuration.taskQueues.merging([ownQueue.name: configuration.concurrency]) { $1 }
    let dispatcher = LocalDispatcher(
      registry: registry, concurrency: concurrency, identity: configuration.identity, ownQueue: ownQueue, clock: clock
    ) { [weak self] message in self?.ended(message) }
    await withTaskGroup { group in
      group.addTask { await self.reportLoop() }
      group.addTask { await self.heartbeatLoop(dispatcher) }
      group.addTask { await self.listenLoop() }
      group.addTask { await TaskSweeper(self.database, self.wakeUp).run() }
      group.addTask { await self.presence.run() }
      await leaseLoop(dispatcher)
      await dispatcher.drain(within: configuration.drainTime)
      await reportOnce()
      group.cancelAll()
      reportBell.ring()
    }
    await giveBack()
    await database.shutdown()
  }

  /// Takes no more tasks; `run` returns when those under way have ended or the drain time is over.
  public func stop() {
    state.withLock { $0.isStopping = true }
    bell.ring()
  }

  private var presence: WorkerPresence {
    WorkerPresence(
      database: database, worker: configuration.identity, taskQueues: configuration.taskQueues, build: configuration.build)
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } || Task.isCancelled }

  private func leaseLoop(_ dispatcher: LocalDispatcher) async {
    var pace = WorkPace()
    while !isStopping {
      let (leased, isMore) = await leaseOnce(dispatcher)
      if isMore { continue }
      try? await Task.sleep(for: pace.gatherTime(after: leased))
      await bell.wait(upTo: min(pace.pause, directory.longestPause(configuration.taskQueues.keys)))
    }
  }

  /// Leases as many tasks as there is room for.
  /// - Returns: how many were leased, and whether a queue may hold more for us.
  private func leaseOnce(_ dispatcher: LocalDispatcher) async -> (leased: Int, isMore: Bool) {
    var leased = 0
    var isMore = false
    var queues = configuration.taskQueues
    if ownQueue.isServed { queues[ownQueue.name] = configuration.concurrency }
    do {
      try await directory.refresh()
    } catch {
      Log.warning("queue-settings-unread", "\(error)")
    }
    for (queue, limit) in queues.sorted(by: { $0.key < $1.key }) {
      let room = state.withLock { state in
        let room = state.leases.room(queue, limit: limit, concurrency: configuration.concurrency)
        if room <= 0 { state.awaitsRoom = true }
        return min(room, Limits.tasksPerLease)
      }
      guard room > 0 else { continue }
      do {
        let count = try await lease(queue, room: room, dispatcher)
        leased += count
        isMore = isMore || count == room
      } catch {
        Log.warning("lease-failed", "\(error)", ["queue": queue])
      }
    }
    return (leased, isMore)
  }

  private func lease(_ queue: String, room: Int, _ dispatcher: LocalDispatcher) async throws -> Int {
    let wanted = WantedTasks(
      taskQueue: queue, maximum: room, worker: configuration.identity, lease: configuration.lease,
      isOrdered: directory.isOrdered(queue), activityTypes: onlyTypes)
    let rows = try await database.run(ActivityTaskStatements.leasing(wanted))[1]
    var work: [LocalWork] = []
    defer { dispatcher.start(work) }
    for row in 0..<rows.count {
      var lease = try TaskLease(rows, row)
      if lease.isCancelRequested {
        try await failures.end(cancelled: lease, worker: configuration.identity)
        continue
      }
      do {
        try lease.decode(configuration.codec)
      } catch {
        await postpone(lease, error)
        continue
      }
      let replaced = state.withLock { $0.leases.add(lease) }
      if let replaced { dispatcher.cancel(replaced.key) }
      guard registry.implementation(of: lease.attempt.task.activityType) != nil else {
        let name = lease.attempt.task.activityType
        let failure = Failure(kind: .engine, type: "UnknownActivity", message: "no activity '\(name)' is implemented by this worker")
        end(lease, .failed(failure))
        continue
      }
      work.append(.attempt(lease.attempt))
    }
    return rows.count
  }

  /// Its input cannot be read here: another worker may, or this one with another key ring. The attempt has not begun.
  private func postpone(_ lease: TaskLease, _ error: any Error) async {
    Log.error("value-unreadable", "\(error)", ["run_id": lease.key.runID.description, "sequence": String(lease.key.sequence)])
    _ = try? await database.query(
      ActivityTaskStatements.postpone, Parameters(lease.key.runID.uuid, lease.key.sequence, lease.token))
  }

  /// The dispatcher's word on an attempt.
  private func ended(_ message: OwnerMessage) {
    guard case .activityOutcome(let sequence, let report) = message.body else { return }
    let key = ActivityKey(runID: message.runID, sequence: sequence)
    let (isOurs, makesRoom) = state.withLock { state in
      guard state.leases.ended(key, report) else { return (false, false) }
      defer { state.awaitsRoom = false }
      return (true, state.awaitsRoom)
    }
    guard isOurs else { return }
    reportBell.ring()
    if makesRoom { bell.ring() }
  }

  private func end(_ lease: TaskLease, _ outcome: AttemptReport.Outcome) {
    let now = clock.now()
    ended(
      OwnerMessage(
        runID: lease.key.runID,
        body: .activityOutcome(
          sequence: lease.key.sequence,
          AttemptReport(
            attempt: lease.attempt.attempt, outcome: outcome, worker: configuration.identity, startedAt: now, endedAt: now))))
  }

  private func reportLoop() async {
    var pace = WorkPace()
    while !Task.isCancelled {
      await reportBell.wait(upTo: .seconds(1))
      let reported = await reportOnce()
      try? await Task.sleep(for: pace.gatherTime(after: reported))
    }
  }

  /// Writes every outcome that came since the last write: the batch grows with the load.
  /// - Returns: how many were written.
  @discardableResult
  private func reportOnce() async -> Int {
    let outcomes = state.withLock { $0.leases.takeOutcomes() }
    guard !outcomes.isEmpty else { return 0 }
    do {
      try await complete(outcomes)
      wakeUp.send(WakeUp.inboxChannel)
      // What ended made room in its queue, for whoever serves it.
      if outcomes.contains(where: { directory.isOrdered($0.lease.attempt.task.options.taskQueue) }) { wakeUp.send(WakeUp.tasksChannel) }
      return outcomes.count
    } catch {
      // What was written is found gone by its token at the next try; the rest is written then.
      Log.warning("report-failed", "\(error)")
      state.withLock { $0.leases.putBack(outcomes) }
      try? await Task.sleep(for: .milliseconds(100))
      reportBell.ring()
      return 0
    }
  }

  private func complete(_ outcomes: [(lease: TaskLease, report: AttemptReport)]) async throws {
    let batch = LeaseColumns()
    let attributes = ArrayColumn(.bytea)
    for (lease, report) in outcomes {
      guard case .completed = report.outcome else { continue }
      batch.append(lease.key, lease.token)
      attributes.append(try report.stored(sequence: lease.key.sequence, configuration.codec, lease.attempt.workflow))
    }
    if batch.count > 0 {
      var parameters = batch.parameters
      parameters.append(attributes)
      let rows = try await database.query(ActivityTaskStatements.complete, parameters)
      if rows.count < batch.count {
        Log.warning("lease-lost", "\(batch.count - rows.count) results came after their leases had ended and were not recorded")
      }
    }
    for (lease, report) in outcomes {
      guard case .failed(let failure) = report.outcome else { continue }
      let isWritten = try await failures.write(
        failure, details: report.heartbeatDetails, lease.key, lease.attempt.workflow, token: lease.token,
        worker: configuration.identity)
      if !isWritten { Log.warning("lease-lost", "a failure came after its lease had ended", ["run_id": lease.key.runID.description]) }
    }
  }

  private func heartbeatLoop(_ dispatcher: LocalDispatcher) async {
    let interval = min(configuration.lease / 3, .seconds(1))
    var next = ContinuousClock.now
    while !Task.isCancelled {
      dispatcher.expire()
      if ContinuousClock.now >= next {
        next = .now + interval
        do {
          try await heartbeatOnce(dispatcher)
          lastContact.withLock { $0 = .now }
        } catch {
          Log.warning("heartbeat-failed", "\(error)")
          giveUpWhenSilent(dispatcher)
        }
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  private func heartbeatOnce(_ dispatcher: LocalDispatcher) async throws {
    let details = Dictionary(dispatcher.takeHeartbeats().map { ($0.key, $0.details) }) { _, last in last }
    let leases = state.withLock { $0.leases.all }
    guard !leases.isEmpty else { return }
    let batch = LeaseColumns()
    let column = ArrayColumn(.bytea)
    for lease in leases {
      batch.append(lease.key, lease.token)
      if let details = details[lease.key] {
        column.append(try configuration.codec.map { try $0.encode(details, lease.attempt.workflow) }?.bytes ?? details.bytes)
      } else {
        column.appendNull()
      }
    }
    var parameters = batch.parameters
    parameters.append(column)
    parameters.appendInterval(microseconds: configuration.lease.microseconds)
    let rows = try await database.query(ActivityTaskStatements.heartbeat, parameters)
    var held: Set<ActivityKey> = []
    let stopping = Set(leases.filter { $0.attempt.task.options.cancellationType == .waitCancellationCompleted }.map(\.key))
    for row in 0..<rows.count {
      let key = ActivityKey(runID: RunID(try rows.uuid(row, 0)), sequence: try rows.int32(row, 1))
      let isCancelRequested = try rows.bool(row, 2)
      if !isCancelRequested || stopping.contains(key) { held.insert(key) }
      if isCancelRequested, stopping.contains(key) { dispatcher.stop(key) }
    }
    for lease in state.withLock({ $0.leases.dropLost(leases, held: held) }) { await drop(lease, dispatcher) }
  }

  /// The lease is lost, or the workflow no longer waits: the attempt is cancelled and its outcome is nobody's.
  private func drop(_ lease: TaskLease, _ dispatcher: LocalDispatcher) async {
    dispatcher.cancel(lease.key)
    Log.info("attempt-dropped", "its lease was lost or it was cancelled", ["run_id": lease.key.runID.description])
    _ = try? await database.query(
      ActivityTaskStatements.discard, Parameters(lease.key.runID.uuid, lease.key.sequence, lease.token))
  }

  /// Nobody hears us: others may hold our leases soon, so our attempts end before.
  private func giveUpWhenSilent(_ dispatcher: LocalDispatcher) {
    guard ContinuousClock.now - lastContact.withLock({ $0 }) > configuration.lease * 0.8 else { return }
    for lease in state.withLock({ $0.leases.dropAll() }) { dispatcher.cancel(lease.key) }
  }

  private func listenLoop() async {
    while !Task.isCancelled {
      do {
        for await _ in try await database.listen(to: [WakeUp.tasksChannel]) { bell.ring() }
      } catch {
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  private func giveBack() async {
    let leases = state.withLock { $0.leases.all }
    guard !leases.isEmpty else { return }
    let batch = LeaseColumns()
    for lease in leases { batch.append(lease.key, lease.token) }
    _ = try? await database.query(ActivityTaskStatements.giveBack, batch.parameters)
    wakeUp.send(WakeUp.tasksChannel)
  }
}
