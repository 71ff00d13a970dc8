import Testing

@testable import Orchestrator

/// The same history gives the same commands: on any thread, after any eviction, in any process, optimised or not.
struct DeterminismTests {
  /// FNV-1a over every row of 64 runs. Job order is a property of the Swift runtime: a new toolchain that changes it must show here.
  private static let goldenHash: UInt64 = 16_160_236_221_474_731_680

  @Test("20,000 replays of concurrent branches under random orders give identical commands") func replays() async throws {
    var evictions = 0
    for first in stride(from: 0, to: 10_000, by: 500) as StrideTo<UInt64> {
      let halves = [Array(first..<(first + 250)), Array((first + 250)..<(first + 500))]
      async let one = Self.recordAll(halves[0])
      async let two = Self.recordAll(halves[1])
      let recorded = try await [one, two]
      evictions += recorded.joined().map(\.evictions).reduce(0, +)
      async let other: Void = Self.repeatAll(halves[1], recorded[1].map(\.history))
      async let swapped: Void = Self.repeatAll(halves[0], recorded[0].map(\.history))
      _ = await (other, swapped)
    }
    #expect(evictions > 10_000)
  }

  @Test("a fixed seed gives the same rows in every process and every build") func golden() throws {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for seed in 1_000_000..<1_000_064 as Range<UInt64> {
      let harness = RuntimeHarness(seed: seed, program: ManyBranches.program)
      var world = RandomWorld(seed: seed, evictionRarity: 0)
      try world.drive(harness, cancelAfter: seed.isMultiple(of: 4) ? Int(seed % 23) : .max)
      #expect(harness.isClosed, "seed \(seed)")
      for event in harness.history {
        for byte in "\(event.eventID) \(event.type) \(event.causedBy)".utf8 + event.attributes {
          hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
      }
    }
    #expect(hash == Self.goldenHash, "hash \(hash)")
  }

  @Test("an event's commands directly follow it and name it as their cause") func causes() throws {
    let harness = RuntimeHarness { workflow in
      async let one = workflow.execute(Steps.work, "one")
      async let two = workflow.execute(Steps.other, "two")
      _ = try await (one, two)
      try await workflow.sleep(.seconds(5))
      return try await workflow.inline(Steps.digest, "x")
    }
    try harness.start()
    try harness.complete(2)
    try harness.complete(1)
    try harness.fire(3)
    try harness.record(harness.openInlineSteps[0])
    #expect(
      try harness.text == """
        1 WorkflowExecutionStarted
        2 ActivityTaskScheduled 'work' #1 <- 1
        3 ActivityTaskScheduled 'other' #2 <- 1
        4 ActivityTaskCompleted #2 <- 3
        5 ActivityTaskCompleted #1 <- 2
        6 TimerStarted #3 <- 5
        7 TimerFired #3 <- 6
        8 MarkerRecorded 'digest' #4
        9 WorkflowExecutionCompleted <- 8
        """)
  }

  @Test("messages nobody waits for are kept in order of arrival, by name") func keptMessages() throws {
    let harness = RuntimeHarness { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      var all: [String] = []
      for _ in 0..<4 { all.append(try await workflow.receive(Scripted.message)) }
      return all.joined()
    }
    try harness.start()
    for text in ["a", "b", "c"] { try harness.signal("message", text) }
    try harness.evictAndReplay()
    try harness.complete(1)
    try harness.signal("unknown", "kept")
    try harness.signal("message", "d")
    #expect(harness.result == "abcd")
  }

  @Test("conditions are woken in the order they were asked") func conditionOrder() throws {
    let harness = RuntimeHarness { workflow in
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask {
            try? await workflow.wait { $0.count > 0 }
            workflow.state.notes.append("\(index)")
          }
        }
      }
      return workflow.state.notes.joined(separator: " ")
    }
    try harness.start()
    try harness.signal("add", 1)
    #expect(harness.result == (0..<20).map(String.init).joined(separator: " "))
  }

  private static func recordAll(_ seeds: [UInt64]) async throws -> [(history: [HistoryEvent], evictions: Int)] {
    try seeds.map(record)
  }

  private static func repeatAll(_ seeds: [UInt64], _ histories: [[HistoryEvent]]) async {
    for (seed, history) in zip(seeds, histories) { repeatTwice(seed, history) }
  }

  private static func record(_ seed: UInt64) throws -> (history: [HistoryEvent], evictions: Int) {
    let harness = RuntimeHarness(seed: seed, program: ManyBranches.program)
    var world = RandomWorld(seed: seed, evictionRarity: 12)
    do {
      try world.drive(harness, cancelAfter: seed.isMultiple(of: 5) ? Int(seed % 37) : .max)
    } catch {
      Issue.record("seed \(seed): \(error)\n\(try harness.text)")
    }
    #expect(harness.isClosed, "seed \(seed)")
    harness.instance.evict()
    return (harness.history, world.evictions)
  }

  private static func repeatTwice(_ seed: UInt64, _ history: [HistoryEvent]) {
    let harness = RuntimeHarness(seed: seed, history: history, program: ManyBranches.program)
    do {
      try harness.replay(ManyBranches.program)
      harness.instance.evict()
      let again = try harness.regenerated()
      if again != history { Issue.record("seed \(seed):\n\(try harness.text)\nagain:\n\(try HistoryNotation.text(again))") }
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }
}
