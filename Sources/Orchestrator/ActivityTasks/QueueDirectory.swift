import PostgreSQL
import Synchronization

/// Which queues have settings, as far as this process knows; asked anew once a second. Knowing it late costs time and breaks no limit: the
/// statement that leases from other queues looks for itself.
final class QueueDirectory: Sendable {
  private struct State {
    /// The pause that a queue's rate asks for, by queue.
    var ordered: [String: Duration] = [:]
    var readAt: ContinuousClock.Instant?
  }

  private let database: Database
  private let state = Mutex(State())

  init(_ database: Database) {
    self.database = database
  }

  func isOrdered(_ queue: String) -> Bool { state.withLock { $0.ordered[queue] != nil } }
  var hasOrdered: Bool { state.withLock { !$0.ordered.isEmpty } }

  /// How long a worker of these queues may sleep without leaving tokens unused.
  func longestPause(_ queues: some Sequence<String>) -> Duration {
    state.withLock { state in queues.compactMap { state.ordered[$0] }.min() ?? .seconds(1) }
  }

  func refresh() async throws {
    let isFresh = state.withLock { state in state.readAt.map { ContinuousClock.now - $0 < .seconds(1) } ?? false }
    if isFresh { return }
    let rows = try await database.query(QueueStatements.ordered)
    var ordered: [String: Duration] = [:]
    for row in 0..<rows.count { ordered[try rows.text(row, 0)] = .milliseconds(try rows.int64(row, 1)) }
    state.withLock { state in
      state.ordered = ordered
      state.readAt = .now
    }
  }
}

/// What a worker asks a queue for.
struct WantedTasks {
  let taskQueue: String
  let maximum: Int
  let worker: String
  let lease: Duration
  /// The queue has settings.
  var isOrdered = false
  /// Nil: all types.
  var activityTypes: [String]?
}
