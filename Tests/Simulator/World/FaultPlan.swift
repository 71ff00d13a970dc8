/// What may go wrong in one simulation, and how often. Each seed turns some kinds off altogether: faults hide each other.
struct FaultPlan {
  let owners: Int
  let workers: Int
  let workflows: Int
  /// Microseconds during which faults happen.
  let duration: Int64
  /// Runs kept in memory.
  let cachedRuns: Int
  /// Microseconds between two rounds of ownership.
  let interval: Int64
  /// Microseconds that a process counts as alive without a word.
  let lease: Int64
  /// Microseconds that a worker keeps a task without a word.
  let workerLease: Int64

  /// The owners' queue has limits now and then: what was theirs alone is a row for whoever comes first.
  let ordersQueues: Bool

  /// By `Fault.rawValue`.
  private let probabilities: [Double]

  init(_ random: inout Randomness) {
    func sometimes(_ often: Double, _ range: ClosedRange<Int>, per scale: Double) -> Double {
      random.chance(often) ? Double(random.draw(range)) / scale : 0
    }
    owners = random.chance(0.2) ? 1 : random.draw(2...3)
    workers = random.chance(0.3) ? 1 : 2
    workflows = random.draw(2...7)
    duration = Int64(random.draw(1...5)) * 1_000_000
    cachedRuns = random.chance(0.4) ? random.draw(0...3) : 1000
    interval = Int64(random.draw(250...600)) * 1000
    lease = Int64(random.draw(10...30)) * 100_000
    workerLease = Int64(random.draw(3...12)) * 100_000
    probabilities = [
      sometimes(0.6, 1...10, per: 1000), sometimes(0.5, 1...8, per: 1000), sometimes(0.6, 1...20, per: 1000),
      random.chance(0.6) ? 0.5 : 0, sometimes(0.5, 1...20, per: 1000), sometimes(0.3, 1...30, per: 1000),
      sometimes(0.4, 1...20, per: 1000), sometimes(0.6, 1...10, per: 10), sometimes(0.6, 1...7, per: 10),
      sometimes(0.6, 1...5, per: 10), sometimes(0.5, 1...10, per: 10), sometimes(0.4, 1...8, per: 100), 0.2,
    ]
    ordersQueues = random.chance(0.4)
  }

  func probability(of fault: Fault) -> Double { probabilities[fault.rawValue] }
}

/// The kinds of faults.
enum Fault: Int, CaseIterable {
  /// Of an owner or worker, for every thing it does to the world.
  case crash
  /// Of an owner or worker, for every turn.
  case freeze
  /// Of a connection, for every request.
  case cut
  /// Of what was sent on a cut connection: it arrives all the same.
  case lateArrival
  /// Of an answer, for every request.
  case stall
  /// Of a batch: the database refuses it for no reason of ours.
  case refusal
  /// Of an answer that comes twice.
  case duplicate
  case lostNotification
  /// Of a caller's transaction that stays open for a while.
  case openTransaction
  /// Of a caller that gives up waiting and asks again.
  case impatience
  /// Of a machine whose monotonic clock stands still while it is frozen.
  case suspendedClock
  /// Of an owner that is told to leave in good order.
  case goodbye
  /// Of a dead process whose session the server holds for a while.
  case lateNotice
}
