/// What a worker holds: its leases, and outcomes on their way to the database. Pure.
struct WorkerLeases<Lease: LeasedTask> {
  private var leases: [ActivityKey: Lease] = [:]
  private var outcomes: [(lease: Lease, report: AttemptReport)] = []
  private var running: [String: Int] = [:]

  var count: Int { leases.count }

  /// All leases, in an order that does not depend on this process.
  var all: [Lease] {
    leases.values.sorted { ($0.attempt.key.runID, $0.attempt.key.sequence) < ($1.attempt.key.runID, $1.attempt.key.sequence) }
  }

  /// How many more tasks of a queue may be leased.
  func room(_ queue: String, limit: Int, concurrency: Int) -> Int {
    min(limit - running[queue, default: 0], concurrency - leases.count)
  }

  /// Takes a lease.
  /// - Returns: the one it replaces: it was lost unnoticed, and its attempt must end.
  mutating func add(_ lease: Lease) -> Lease? {
    let replaced = take(lease.attempt.key)
    leases[lease.attempt.key] = lease
    running[lease.attempt.task.options.taskQueue, default: 0] += 1
    return replaced
  }

  /// An attempt ended; its outcome waits to be written.
  /// - Returns: false when the lease is not ours any more, and the outcome nobody's.
  mutating func ended(_ key: ActivityKey, _ report: AttemptReport) -> Bool {
    guard leases[key]?.attempt.attempt == report.attempt, let lease = take(key) else { return false }
    outcomes.append((lease, report))
    return true
  }

  mutating func takeOutcomes() -> [(lease: Lease, report: AttemptReport)] {
    defer { outcomes = [] }
    return outcomes
  }

  /// They may have been written or not: tokens tell at the next try.
  mutating func putBack(_ unwritten: [(lease: Lease, report: AttemptReport)]) {
    outcomes.insert(contentsOf: unwritten, at: 0)
  }

  /// After a heartbeat for these leases: those that the database no longer knows as ours leave the list.
  mutating func dropLost(_ asked: [Lease], held: Set<ActivityKey>) -> [Lease] {
    asked.filter { lease in
      guard !held.contains(lease.attempt.key), leases[lease.attempt.key]?.token == lease.token else { return false }
      return take(lease.attempt.key) != nil
    }
  }

  /// Nobody hears this worker: others may hold its leases soon.
  mutating func dropAll() -> [Lease] {
    let dropped = all
    for lease in dropped { _ = take(lease.attempt.key) }
    return dropped
  }

  private mutating func take(_ key: ActivityKey) -> Lease? {
    guard let lease = leases.removeValue(forKey: key) else { return nil }
    running[lease.attempt.task.options.taskQueue, default: 1] -= 1
    return lease
  }
}

/// A task that a worker may run while it holds the token.
protocol LeasedTask: Sendable {
  var attempt: ActivityAttempt { get }
  var token: Int64 { get }
}
