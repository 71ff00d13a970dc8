import Foundation
import Synchronization

/// The engine without a database: the real owner of slots on a store in memory, in a time of its own that moves when somebody who waits lets it.
/// Nothing here has a thread: whoever calls does the work.
package final class InMemoryEngine: @unchecked Sendable {
  // Safe to share: everything mutable belongs to whoever holds `turn`, but for `inputs`, which has a lock of its own.
  package struct Configuration: Sendable {
    /// The engine's first moment: microseconds since the Unix epoch.
    package var beginsAt: Int64
    /// Seeds what is random in it, such as run identifiers.
    package var seed: UInt64
    /// Runs that stay in memory while they wait; with 0 each is replayed whenever it goes on.
    package var cachedRuns: Int
    /// Real time that somebody waits although nothing happens and nothing is due.
    package var patience: Duration

    package init(beginsAt: Int64, seed: UInt64, cachedRuns: Int, patience: Duration) {
      self.beginsAt = beginsAt
      self.seed = seed
      self.cachedRuns = cachedRuns
      self.patience = patience
    }
  }

  package let registry: Registry
  let patience: Duration
  /// Time is skipped up to here.
  private let horizon: Int64
  /// 100 years: a run that still sleeps then never ends.
  private static let longestSkip: Int64 = 100 * 365 * 86_400 * 1_000_000
  private let turn = Mutex<Void>(())
  private let inputs = Mutex<[OwnerInput]>([])
  let model: StoreModel
  private let door: InMemoryStore
  let dispatcher: InMemoryDispatcher
  private let owner: SlotOwner
  private var random: DeterministicRandom
  private var lastMoment: UUIDVersion7.Moment
  private var lastSeenMessage: Int64 = 0
  /// Whether time moves to the next thing that is due while somebody waits for a run.
  private var isSkipping = true
  /// Counts turns in which something may have changed.
  private var changes = 0
  private var watchers: [Int: UnsafeContinuation<Bool, Never>] = [:]
  private var lastWatcher = 0

  package init(_ registry: Registry, _ configuration: Configuration) {
    self.registry = registry
    patience = configuration.patience
    random = DeterministicRandom(seed: configuration.seed)
    horizon = configuration.beginsAt + Self.longestSkip
    lastMoment = UUIDVersion7.Moment()
    let model = StoreModel()
    model.now = configuration.beginsAt
    let process = model.register(lease: .max / 4)
    let door = InMemoryStore(model, process: process)
    let dispatcher = InMemoryDispatcher(registry)
    (self.model, self.door, self.dispatcher) = (model, door, dispatcher)
    let escapes = EscapeDoor()
    var jitter = DeterministicRandom(seed: ~configuration.seed)
    owner = SlotOwner(
      configuration: SlotOwner.Configuration(
        identity: "in-memory", build: "test", cachedRuns: configuration.cachedRuns, runsAllActivities: true,
        largeValueBytes: .max),
      registry: registry, store: door, dispatcher: dispatcher, clock: { model.now },
      random: { Double(jitter.next() >> 11) / 9_007_199_254_740_992 }, onEscape: { escapes.escaped($0) })
    owner.onMessages = { [unowned self] in put(.wakeInbox) }
    dispatcher.engine = self
    escapes.engine = self
    let slots = (0..<Int16(Slot.count)).map(Slot.init)
    _ = model.take(slots, by: process)
    owner.take(.take(slots: slots, lowWater: .smallest))
    runUntilQuiet()
  }

  /// Ends: activities under way are cancelled, runs leave memory, whoever waits is told.
  package func shutDown() {
    let stopped = turn.withLock { _ in
      for entry in owner.orderedEntries { entry.instance?.evict() }
      return dispatcher.stopAll()
    }
    for task in stopped { task.cancel() }
    for watcher in turn.withLock({ _ in takeWatchers() }) { watcher.resume(returning: true) }
  }

  /// Something happened that those who wait want to see.
  func noteChange() {
    changes += 1
  }

  private func takeWatchers() -> [UnsafeContinuation<Bool, Never>] {
    defer { watchers = [:] }
    return watchers.keys.sorted().compactMap { watchers[$0] }
  }

  func put(_ input: OwnerInput) {
    inputs.withLock { $0.append(input) }
  }

  /// Lets the body see and change the engine, then deals with all that follows at this moment.
  @discardableResult
  func take<Result: Sendable>(_ body: () throws -> Result) rethrows -> Result {
    let (result, cancelled, told) = try turn.withLock { _ in
      let known = changes
      let result = try body()
      runUntilQuiet()
      return (result, dispatcher.takeCancelled(), changes == known ? [] : takeWatchers())
    }
    for task in cancelled { task.cancel() }
    for watcher in told { watcher.resume(returning: true) }
    return result
  }

  /// The owner deals with everything that needs no time.
  private func runUntilQuiet() {
    repeat {
      let taken = inputs.withLock { inputs in
        defer { inputs = [] }
        return inputs
      }
      let answers = door.takeAnswers()
      if !taken.isEmpty || !answers.isEmpty { noteChange() }
      for input in taken { owner.take(input) }
      for answer in answers { owner.handle(answer) }
      _ = owner.tick(isIdle: taken.isEmpty)
      owner.send(isIdle: inputs.withLock(\.isEmpty))
      if model.lastMessageID > lastSeenMessage {
        lastSeenMessage = model.lastMessageID
        put(.wakeInbox)
      }
    } while door.hasAnswers || !owner.pipeline.isQuiet || !inputs.withLock(\.isEmpty)
  }
}

// Its time.
extension InMemoryEngine {
  /// Which versions new runs begin with, in a turn.
  var routes: VersionRoutes { owner.routes }

  /// Microseconds since the Unix epoch.
  package var now: Int64 { turn.withLock { _ in model.now } }

  package func setSkipping(_ skips: Bool) {
    take {
      isSkipping = skips
      noteChange()
    }
  }

  /// When something happens next by itself.
  private var nextDueAt: Int64? {
    let now = model.now
    let times = [
      owner.timers.nextDueAt, model.timers.values.lazy.map(\.dueAt).filter { $0 > now }.min(), dispatcher.nextDueAt,
      owner.deferred.map(\.at).min(), owner.nextHeldDueAt,
    ]
    return times.compactMap { $0 }.filter { $0 > now && $0 < .max }.min()
  }

  /// Moves the clock to the next thing that is due, if nobody works and it is due by then.
  private func step(until limit: Int64) -> Bool {
    guard dispatcher.busyCount == 0, let due = nextDueAt, due <= limit else { return false }
    model.now = due
    noteChange()
    dispatcher.wake(at: due)
    runUntilQuiet()
    return true
  }

  private enum Look<Value: Sendable>: Sendable {
    case found(Value)
    case moved
    /// Nothing happens unless somebody does something.
    case rests(changes: Int)
  }

  /// Waits until the body finds what it looks for; meanwhile time moves, unless that is switched off.
  /// - Throws: what the body throws; `OrchestratorError` with code `unavailable` when nothing happened for too long and nothing is due.
  func wait<Value: Sendable>(for what: String, _ find: () throws -> Value?) async throws -> Value {
    while true {
      try Task.checkCancellation()
      let look: Look<Value> = try take {
        runUntilQuiet()
        try dispatcher.checkMissing()
        if let value = try find() { return .found(value) }
        return isSkipping && step(until: horizon) ? .moved : .rests(changes: changes)
      }
      switch look {
      case .found(let value): return value
      case .moved: await Task.yield()
      case .rests(let changes):
        guard await change(since: changes) else { throw OrchestratorError(.unavailable, "\(what) still waits: \(reasons)") }
      }
    }
  }

  /// Lets time pass: whatever is due meanwhile happens at its time.
  package func advance(by duration: Duration) async throws {
    let end = now + max(0, duration.boundedMilliseconds) * 1000
    while true {
      try Task.checkCancellation()
      let rests: Int? = take {
        if step(until: end) { return -1 }
        guard dispatcher.busyCount == 0 else { return changes }
        model.now = max(model.now, end)
        return nil
      }
      guard let rests else { return }
      if rests >= 0 { _ = await change(since: rests) } else { await Task.yield() }
    }
  }

  /// Waits until everything has happened that needs no time: no activity is at work, or what is at work does not end within the patience.
  func settle() async throws {
    while let changes: Int = take({ dispatcher.busyCount == 0 ? nil : changes }) {
      try Task.checkCancellation()
      guard await change(since: changes) else { return }
    }
  }

  /// - Returns: false when nothing changed for so long.
  private func change(since known: Int) async -> Bool {
    let number = turn.withLock { _ in
      lastWatcher += 1
      return lastWatcher
    }
    let patience = Task { [weak self, patience] in
      try? await Task.sleep(for: patience)
      self?.resume(number, false)
    }
    defer { patience.cancel() }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let isChanged = turn.withLock { _ in
          guard changes == known, !Task.isCancelled else { return true }
          watchers[number] = continuation
          return false
        }
        if isChanged { continuation.resume(returning: true) }
      }
    } onCancel: {
      resume(number, true)
    }
  }

  private func resume(_ number: Int, _ isChanged: Bool) {
    turn.withLock { _ in watchers.removeValue(forKey: number) }?.resume(returning: isChanged)
  }

  /// What everybody waits for, for people.
  private var reasons: String {
    turn.withLock { _ in
      let waiting = owner.orderedEntries.map { "\($0.key?.workflowID ?? "a run") waits for \($0.waitsFor)" }
      let open = model.openRuns.values.joined().filter { owner.entries[$0] == nil }.sorted()
      let parked = open.map { "\(model.runs[$0]?.key.workflowID ?? "a run") waits for \(model.waitsFor[$0] ?? "messages")" }
      let steps = dispatcher.busyNames.map { "activity \($0) works" }
      let all = waiting + parked + steps
      return all.isEmpty ? "nothing is open" : all.prefix(10).joined(separator: "; ")
    }
  }

  /// An identifier of this moment, larger than those before.
  func makeRunID() -> RunID {
    let (milliseconds, count) = lastMoment.next(at: model.now / 1000)
    return RunID(UUIDVersion7.make(unixMilliseconds: milliseconds, counter: count, random: (random.next(), random.next())))
  }
}

/// Breaks the circle between the engine and the owner that it makes.
private final class EscapeDoor: @unchecked Sendable {
  // Safe to share: written once, before any workflow code runs.
  weak var engine: InMemoryEngine?

  func escaped(_ runID: RunID) {
    guard let engine else { return }
    engine.put(.escaped(runID))
    // Not here: the thread that escaped may hold locks of its own.
    Task.detached { engine.take {} }
  }
}

extension DeterministicRandom {
  /// The same numbers from the same seed.
  init(seed: UInt64) {
    self.init(seed: RunID(UUIDVersion7.make(unixMilliseconds: Int64(seed >> 48), counter: 0, random: (0, seed))))
  }
}
