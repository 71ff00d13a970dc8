import PostgreSQL
import Synchronization

/// A worker beside an owner, for activities of the process's queues that are rows all the same: those of queues with limits or an order, and those
/// that runs of other owners put into its own queue. It begins with the first of them.
final class QueueCompanion: Sendable {
  private struct State {
    var isStopping = false
    var worker: ActivityWorker?
    /// When a queue was last given its order.
    var orderedAt: [String: ContinuousClock.Instant] = [:]
  }

  private let configuration: ActivityWorkerConfiguration
  private let registry: Registry
  private let database: Database
  private let bell: Bell
  let ownQueue: OwnQueue
  private let isWanted = Atomic<Bool>(false)
  private let state = Mutex(State())

  init(_ configuration: ActivityWorkerConfiguration, _ registry: Registry, _ database: Database) {
    self.configuration = configuration
    self.registry = registry
    self.database = database
    let bell = Bell()
    self.bell = bell
    ownQueue = OwnQueue(identity: configuration.identity) { bell.ring() }
  }

  /// These have limits or an order now.
  func ordered(_ queues: Set<String>) {
    guard configuration.taskQueues.keys.contains(where: queues.contains) else { return }
    isWanted.store(true, ordering: .releasing)
    bell.ring()
  }

  /// Activities are paused: what would have begun in this process is a row afterwards.
  func paused() {
    isWanted.store(true, ordering: .releasing)
    bell.ring()
  }

  /// A task with a priority stands in a queue without an order: it gets one.
  func giveOrder(_ queue: String, namespace: String) {
    let isDue = state.withLock { state in
      let name = "\(namespace)\n\(queue)"
      if let last = state.orderedAt[name], ContinuousClock.now - last < .seconds(1) { return false }
      if state.orderedAt.count >= 1000 { state.orderedAt = [:] }
      state.orderedAt[name] = .now
      return true
    }
    guard isDue else { return }
    Task {
      do {
        _ = try await self.database.query(QueueStatements.order, Parameters(queue, namespace))
      } catch {
        // The next such task asks again.
        Log.warning("queue-not-ordered", "\(error)", ["queue": queue])
      }
    }
  }

  /// Waits until there is something to serve, then serves it until `stop`.
  func run() async {
    guard !configuration.taskQueues.isEmpty else { return }
    while true {
      await lookForLeftRows()
      if state.withLock({ $0.isStopping }) { return }
      if isWanted.load(ordering: .acquiring) || ownQueue.isServed { break }
      await bell.wait(upTo: .seconds(5))
    }
    do {
      let worker = try ActivityWorker(
        configuration, registry, bell, ownQueue, onlyTypes: registry.onlyActivityTypes)
      let isStopping = state.withLock { state in
        state.worker = worker
        return state.isStopping
      }
      if isStopping { worker.stop() }
      await worker.run()
    } catch {
      Log.error("companion-failed", "\(error)")
    }
  }

  /// Takes no more; `run` returns when what is under way has ended or the drain time is over.
  func stop() {
    let worker = state.withLock { state in
      state.isStopping = true
      return state.worker
    }
    worker?.stop()
    bell.ring()
  }

  /// Of queues whose settings went while nobody of this process was there, and of activities that were moved to another queue.
  private func lookForLeftRows() async {
    let names = ArrayColumn(.text)
    for name in configuration.taskQueues.keys { names.append(name) }
    var parameters = Parameters()
    parameters.append(names)
    while !state.withLock({ $0.isStopping }) {
      do {
        if try await database.query(QueueStatements.hasTasks, parameters).bool(0, 0) { isWanted.store(true, ordering: .releasing) }
        return
      } catch {
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }
}
