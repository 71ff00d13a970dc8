@testable import Orchestrator

/// Answers what a run asks for, in an order drawn from a seed.
struct RandomWorld {
  private var random: DeterministicRandom
  private var messages = 0
  /// One event in so many is followed by eviction and replay; 0 for never.
  let evictionRarity: Int
  private(set) var evictions = 0

  init(seed: UInt64, evictionRarity: Int) {
    random = DeterministicRandom(seed: RuntimeHarness.info(seed: seed ^ 0x5DEE_CE66).runID)
    self.evictionRarity = evictionRarity
  }

  /// - Parameter cancelAfter: the number of events after which the run is cancelled.
  mutating func drive(_ harness: RuntimeHarness, cancelAfter: Int = .max) throws {
    try harness.start()
    var events = 0
    while !harness.isClosed && events < 500 {
      events += 1
      if events == cancelAfter { try harness.cancel() } else { try step(harness) }
      if evictionRarity > 0 && draw(evictionRarity) == 0 {
        try harness.evictAndReplay()
        evictions += 1
      }
    }
  }

  private mutating func step(_ harness: RuntimeHarness) throws {
    if let late = harness.cancelledActivities.first, draw(2) == 0 { return try harness.complete(late, "too late") }
    let choices = harness.openActivities.count + harness.openInlineSteps.count + harness.openTimers.count
    var choice = draw(choices + 2)
    if choice >= choices { return try send(to: harness) }
    if choice < harness.openActivities.count {
      let task = harness.openActivities[choice]
      return draw(6) == 0 && task.activityType == "other"
        ? try harness.fail(task.sequence) : try harness.complete(task.sequence, "r\(task.sequence)")
    }
    choice -= harness.openActivities.count
    if choice < harness.openInlineSteps.count { return try harness.record(harness.openInlineSteps[choice]) }
    try harness.fire(harness.openTimers[choice - harness.openInlineSteps.count])
  }

  private mutating func send(to harness: RuntimeHarness) throws {
    messages += 1
    if messages.isMultiple(of: 2) { try harness.signal("add", 1) } else { try harness.signal("message", "m\(messages)") }
  }

  private mutating func draw(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
}
