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
  let lease: Int64

  /// Of an owner or worker, for every thing it does to the world.
  let crash: Double
  /// Of an owner or worker, for every turn.
  let freeze: Double
  /// Of a connection, for every request.
  let cut: Double
  /// Of what was sent on a cut connection: it arrives all the same.
  let lateArrival: Double
  /// Of an answer, for every request.
  let stall: Double
  /// Of a batch: the database refuses it for no reason of ours.
  let refusal: Double
  /// Of an answer that comes twice.
  let duplicate: Double
  let lostNotification: Double
  /// Of a caller's transaction that stays open for a while.
  let openTransaction: Double
  /// Of a caller that gives up waiting and asks again.
  let impatience: Double
  /// Of a machine whose monotonic clock stands still while it is frozen.
  let suspendedClock: Double
  /// Of an owner that is told to leave in good order.
  let goodbye: Double

  init(_ random: inout Randomness) {
    func sometimes(_ often: Double, _ range: ClosedRange<Int>, per scale: Double) -> Double {
      random.chance(often) ? Double(random.draw(range)) / scale : 0
    }
    owners = random.draw(1...3)
    workers = random.draw(1...2)
    workflows = random.draw(2...7)
    duration = Int64(random.draw(1...5)) * 1_000_000
    cachedRuns = random.chance(0.4) ? random.draw(0...3) : 1000
    interval = Int64(random.draw(250...600)) * 1000
    lease = Int64(random.draw(2...6)) * 1_000_000
    crash = sometimes(0.6, 1...10, per: 1000)
    freeze = sometimes(0.5, 1...8, per: 1000)
    cut = sometimes(0.6, 1...20, per: 1000)
    lateArrival = random.chance(0.6) ? 0.5 : 0
    stall = sometimes(0.5, 1...20, per: 1000)
    refusal = sometimes(0.3, 1...30, per: 1000)
    duplicate = sometimes(0.4, 1...20, per: 1000)
    lostNotification = sometimes(0.6, 1...10, per: 10)
    openTransaction = sometimes(0.6, 1...7, per: 10)
    impatience = sometimes(0.6, 1...5, per: 10)
    suspendedClock = sometimes(0.5, 1...10, per: 10)
    goodbye = sometimes(0.4, 1...4, per: 1000)
  }
}
