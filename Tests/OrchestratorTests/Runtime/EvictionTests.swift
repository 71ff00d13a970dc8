import Testing

@testable import Orchestrator

/// Memory is a cache: an evicted run leaves nothing behind.
struct EvictionTests {
  private struct Watched {
    weak var instance: WorkflowInstance?
  }

  @Test("2,000 runs started, parked in every way there is, and evicted are all freed")
  func parkedRuns() throws {
    let watched = try (0..<2000 as Range<UInt64>).map { seed in
      let harness = RuntimeHarness(seed: seed, program: ManyBranches.program)
      try harness.start()
      if seed.isMultiple(of: 2) { try harness.complete(harness.openActivities[0].sequence) }
      if seed.isMultiple(of: 3) { try harness.cancel() }
      harness.instance.evict()
      harness.instance.evict()
      return Watched(instance: harness.instance)
    }
    #expect(watched.count { $0.instance != nil } == 0)
  }

  @Test("a run that ended is freed without eviction")
  func endedRuns() throws {
    let watched = try (0..<100 as Range<UInt64>).map { seed in
      let harness = RuntimeHarness(seed: seed, program: ManyBranches.program)
      var world = RandomWorld(seed: seed, evictionRarity: 0)
      try world.drive(harness)
      #expect(harness.isClosed)
      return Watched(instance: harness.instance)
    }
    #expect(watched.count { $0.instance != nil } == 0)
  }

  @Test("a run stopped by a problem in the middle of an activation is freed by eviction")
  func stoppedRuns() throws {
    let watched = try (0..<100 as Range<UInt64>).map { seed in
      let harness = RuntimeHarness(seed: seed, program: ManyBranches.program)
      try harness.start()
      let sequence = harness.openActivities[0].sequence
      #expect(throws: WorkflowProblem.self) {
        try harness.apply(.activityCompleted(sequence: sequence, result: Payload(json: Array("17".utf8)), by: nil))
      }
      harness.instance.evict()
      return Watched(instance: harness.instance)
    }
    #expect(watched.count { $0.instance != nil } == 0)
  }

  @Test("signals recorded right before a termination may have waited for code that never saw them: the history replays all the same")
  func terminatedOverSignals() throws {
    let program: Scripted.Program = { workflow in
      let first = try await workflow.receive(Scripted.message)
      return try await workflow.execute(Steps.work, first)
    }
    let harness = RuntimeHarness(program: program)
    try harness.start()
    for number in 1...2 {
      harness.accept(
        .signaled(
          SignaledAttributes(name: "message", input: try PayloadCodec.encode("late"), identity: "test", requestID: "\(number)")))
    }
    harness.accept(.terminated(reason: "enough", identity: "test"))
    harness.instance.evict()
    let outcome = try harness.replay(program)
    #expect(outcome.isClosed && outcome.lastEventID == 4)
    harness.instance.evict()
  }
}
