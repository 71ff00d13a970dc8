import Foundation
import PostgreSQL
import Synchronization

/// How one process takes part.
public struct EngineConfiguration: Sendable {
  public var database: ConnectionConfiguration
  /// Host name and process id, for people; default this process's.
  public var identity: String
  /// The program and its toolchain, recorded in histories.
  public var build: String
  /// Runs kept in memory when nothing is in flight for them; default 1000.
  public var cachedRuns = 1000
  /// Task queues whose activities run in this process, with how many at a time.
  public var localTaskQueues: [String: Int] = [:]
  /// Silence after which other processes take over even where session locks tell nothing; default 10 s.
  public var lease: Duration = .seconds(10)
  /// Time between heartbeats; default 250 ms. Also how soon a killed process is noticed.
  public var heartbeatInterval: Duration = .milliseconds(250)
  /// How long after its end a run is kept, with all its rows; nil, the default, for ever. From 1 ms on.
  public var retention: Duration?
  /// How long activities under way are waited for when the process stops; default 10 s.
  public var drainTime: Duration = .seconds(10)
  /// Bytes of a value from which on it lies beside the history; default 32 KiB.
  public var largeValueBytes = Limits.largeValueBytes
  /// What values pass on their way into the database; nil, the default, leaves them as they are. The same for every process of a database.
  public var codec: CodecChain?
  /// Connections of the client's pool; default 8.
  public var clientConnections = 8

  public init(database: ConnectionConfiguration, build: String = "unknown") {
    self.database = database
    self.build = build
    identity = "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
  }
}

/// A process's part in the engine: it owns slots, runs workflow code and local activities, and gives a `Client`.
///
///     let engine = try Engine(configuration, registry)
///     engine.start()
///     let handle = try await engine.client.start(Greeting.self, id: "greeting-1", input: "world")
///     print(try await handle.result())
///     await engine.shutdown()
public final class Engine: Sendable {
  public let client: Client
  private let ownership: OwnershipLoop
  private let database: Database
  private let wakeUp: WakeUp
  private let retention: Duration?
  /// Whether queries know what the registered workflows set.
  private let hasSearchAttributes: Atomic<Bool>
  private let queueCompanion: QueueCompanion
  private let presence: WorkerPresence
  private let batches: BatchRunner
  private let companionRun = Mutex<Task<Void, Never>?>(nil)
  private let companions = Mutex<[Task<Void, Never>]>([])

  /// - Throws: `DatabaseError` when the connection string is not valid.
  public init(_ configuration: EngineConfiguration, _ registry: Registry) throws {
    let clock = DatabaseClock()
    let results = ResultBoard()
    let lost = WeakOwnership()
    let session = Self.session(configuration)
    let database = try Database(session("orchestrator-client"), maximumConnections: configuration.clientConnections)
    let wakeUp = WakeUp(database)
    let batches = BatchRunner(Client(database, identity: configuration.identity, codec: configuration.codec))
    var registry = registry
    registry.replace(BatchWorkflow.part) { try await batches.run($0, $1) }
    let known = registry
    self.batches = batches
    let companion = QueueCompanion(Self.companion(configuration), known, database)
    ownership = OwnershipLoop(
      OwnershipLoop.Configuration(
        database: session("orchestrator-ownership"), identity: configuration.identity, build: configuration.build,
        lease: configuration.lease, interval: configuration.heartbeatInterval, drainTime: configuration.drainTime,
        onOrderedQueues: { companion.ordered($0) }, onPauses: { companion.paused() }, versions: registry.versions),
      clock: clock
    ) { processID in
      try Self.makeOwner(
        processID, configuration, known, clock, results, database: session("orchestrator-owner-\(processID)"), lost, wakeUp,
        companion)
    }
    lost.set(ownership)
    queueCompanion = companion
    presence = WorkerPresence(
      database: database, worker: configuration.identity, taskQueues: configuration.localTaskQueues, build: configuration.build)
    self.database = database
    self.wakeUp = wakeUp
    retention = configuration.retention
    hasSearchAttributes = Atomic(registry.searchAttributes.isEmpty)
    client = Client(database, registry, results, identity: configuration.identity, ownership: ownership, codec: configuration.codec)
  }

  private static func session(_ configuration: EngineConfiguration) -> @Sendable (String) -> ConnectionConfiguration {
    { name in
      var session = configuration.database
      session.applicationName = name
      session.settings = PostgresStore.sessionSettings
      return session
    }
  }

  private static func companion(_ configuration: EngineConfiguration) -> ActivityWorkerConfiguration {
    var settings = ActivityWorkerConfiguration(
      database: configuration.database,
      taskQueues: configuration.localTaskQueues.merging([BatchWorkflow.taskQueue: BatchWorkflow.concurrency]) { $1 })
    settings.identity = configuration.identity
    settings.build = configuration.build
    settings.lease = configuration.lease
    settings.drainTime = configuration.drainTime
    settings.codec = configuration.codec
    return settings
  }

  private static func makeOwner(
    _ processID: Int64, _ configuration: EngineConfiguration, _ registry: Registry, _ clock: DatabaseClock, _ results: ResultBoard,
    database: ConnectionConfiguration, _ lost: WeakOwnership, _ wakeUp: WakeUp, _ companion: QueueCompanion
  ) throws -> OwnershipLoop.Ownership {
    let mailbox = try OwnerMailbox()
    let store = try PostgresStore(database, processID: processID, readsKeys: configuration.codec != nil)
    var concurrency = configuration.localTaskQueues
    if !concurrency.isEmpty { concurrency[companion.ownQueue.name] = concurrency.values.reduce(0, +) }
    concurrency[BatchWorkflow.taskQueue] = BatchWorkflow.concurrency
    let dispatcher = LocalDispatcher(
      registry: registry, concurrency: concurrency, identity: configuration.identity, ownQueue: companion.ownQueue, clock: clock
    ) { mailbox.put(.message($0)) }
    let owner = SlotOwner(
      configuration: SlotOwner.Configuration(
        identity: configuration.identity, build: configuration.build, cachedRuns: configuration.cachedRuns,
        localTaskQueues: Set(concurrency.keys), codec: configuration.codec, largeValueBytes: configuration.largeValueBytes),
      registry: registry, store: store, dispatcher: dispatcher, clock: { clock.now() }, onEscape: { mailbox.put(.escaped($0)) })
    owner.onTasks = { wakeUp.send(WakeUp.tasksChannel) }
    owner.onPriority = { companion.giveOrder($0, namespace: $1) }
    owner.onMessages = { wakeUp.send(WakeUp.inboxChannel) }
    owner.onClose = { results.post($0) }
    owner.onOwnershipLost = { lost.ownershipWasLost() }
    let loop = OwnerLoop(owner: owner, store: store, mailbox: mailbox, watch: ActivationWatch())
    return OwnershipLoop.Ownership(processID: processID, loop: loop, dispatcher: dispatcher)
  }

  /// Begins to own slots; returns at once. The database may be away: the engine waits for it.
  public func start() {
    ownership.start()
    companionRun.withLock { $0 = Task { await self.queueCompanion.run() } }
    companions.withLock {
      $0 = [
        Task { await self.listen() }, Task { await TaskSweeper(self.database, self.wakeUp).run() }, Task { await self.runSchedules() },
        Task { await self.presence.run() },
      ]
      if !hasSearchAttributes.load(ordering: .acquiring) { $0.append(Task { await self.addSearchAttributes() }) }
      if let retention { $0.append(Task { await self.sweep(retention) }) }
    }
  }

  /// What workflow code sets can be asked for once its names are in the database; until then, nobody could ask.
  private func addSearchAttributes() async {
    var missing = client.registry.searchAttributes.sorted { $0.key < $1.key }
    while let (name, type) = missing.first, !Task.isCancelled {
      do {
        try await client.addSearchAttribute(name, type)
        missing.removeFirst()
      } catch let error as OrchestratorError {
        Log.error("search-attribute-refused", "\(error)", ["name": name])
        missing.removeFirst()
      } catch {
        try? await Task.sleep(for: .milliseconds(200))
      }
    }
    hasSearchAttributes.store(true, ordering: .releasing)
  }

  /// One of all processes removes what was kept long enough, and one acts on schedules: the one that owns the first slot.
  private func sweep(_ retention: Duration) async {
    await RetentionSweeper(database, retention: retention, isElected: isElected).run()
  }

  private func runSchedules() async {
    let client = client
    await ScheduleRunner(database, isElected: isElected) { client.wakeOwner() }.run()
  }

  private var isElected: @Sendable () -> Bool {
    let ownership = ownership
    return { ownership.ownership?.loop.owns(Slot(0)) ?? false }
  }

  /// Other processes say that something for us is in the inbox.
  private func listen() async {
    while !Task.isCancelled {
      do {
        for await _ in try await database.listen(to: [WakeUp.inboxChannel]) { client.wake() }
      } catch {
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Waits until this process owns at least one slot, and queries know the search attributes that its workflows set.
  /// - Throws: `OrchestratorError` with code `unavailable` when the time is up.
  public func waitUntilReady(within limit: Duration = .seconds(30)) async throws {
    let deadline = ContinuousClock.now + limit
    while !(ownership.ownership?.loop.ownsAny ?? false) || !hasSearchAttributes.load(ordering: .acquiring) {
      guard ContinuousClock.now < deadline else {
        throw OrchestratorError(.unavailable, "no slot was taken within \(limit): is the database reachable and migrated?")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Waits until this process begins runs as the versions in the database say.
  /// - Throws: `OrchestratorError` with code `unavailable` when the time is up; `DatabaseError`.
  package func waitUntilVersionsAreFollowed(within limit: Duration = .seconds(10)) async throws {
    let (deadline, routes) = (ContinuousClock.now + limit, try await client.versionRoutes())
    while ownership.toldVersions != routes {
      guard ContinuousClock.now < deadline else { throw OrchestratorError(.unavailable, "the versions were not read within \(limit)") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Gives the slots up in good order and ends; unfinished activities are repeated by other owners.
  public func shutdown() async {
    for companion in companions.withLock({ $0 }) { companion.cancel() }
    queueCompanion.stop()
    batches.stop()
    let ownership = ownership
    await withCheckedContinuation { continuation in
      startThread(named: "engine-shutdown") {
        ownership.stop()
        continuation.resume()
      }
    }
    await companionRun.withLock { $0 }?.value
    await database.shutdown()
  }
}

/// Breaks the circle between the ownership loop and the owners that it makes.
private final class WeakOwnership: @unchecked Sendable {
  // Safe to share: written once, before the first owner is made.
  private weak var ownership: OwnershipLoop?

  func set(_ ownership: OwnershipLoop) {
    self.ownership = ownership
  }

  func ownershipWasLost() {
    ownership?.ownershipWasLost()
  }
}
