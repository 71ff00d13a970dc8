import Testing

@testable import Orchestrator

/// A change of code under open runs: who comes by for the first time takes the new way, who went by before keeps the old one.
struct PatchTests {
  static let old: Scripted.Program = { workflow in
    for _ in 0..<3 { _ = try await workflow.execute(Steps.work, "x") }
    return "old"
  }

  static let new: Scripted.Program = { workflow in
    var ways = ""
    for _ in 0..<3 {
      let isNew = workflow.patched("other-step")
      ways += isNew ? "n" : "o"
      _ = try await workflow.execute(isNew ? Steps.other : Steps.work, "x")
    }
    return ways
  }

  @Test("A run that begins with the patch records it once, before the first command of the new way")
  func begins() throws {
    let harness = RuntimeHarness(program: Self.new)
    try harness.start()
    for sequence in Int32(1)...3 { try harness.complete(sequence) }
    #expect(harness.result == "nnn")
    #expect(
      try harness.text.split(separator: "\n").prefix(3) == [
        "1 WorkflowExecutionStarted", "2 PatchRecorded 'other-step' <- 1", "3 ActivityTaskScheduled 'other' #1 <- 1",
      ])
    #expect(harness.history.count { $0.type == .patchRecorded } == 1)
    try harness.evictAndReplay()
    #expect(try harness.regenerated() == harness.history)
  }

  @Test("A run that went by with the old code keeps the old way, for as long as it runs and at every replay")
  func keeps() throws {
    let harness = RuntimeHarness(program: Self.old)
    try harness.start()
    try harness.complete(1)
    harness.instance.evict()
    try harness.replay(Self.new)
    try harness.complete(2)
    harness.instance.evict()
    try harness.replay(Self.new)
    try harness.complete(3)
    #expect(harness.result == "ooo")
    #expect(!harness.history.contains { $0.type == .patchRecorded })
  }

  @Test("A run that comes by later takes the new way though it began with the old code")
  func later() throws {
    let before: Scripted.Program = { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      return "old"
    }
    let after: Scripted.Program = { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      return workflow.patched("late") ? try await workflow.execute(Steps.other, "y") : "old"
    }
    let harness = RuntimeHarness(program: before)
    try harness.start()
    harness.instance.evict()
    try harness.replay(after)
    try harness.complete(1)
    #expect(harness.openActivities.map(\.activityType) == ["other"])
    harness.instance.evict()
    try harness.replay(after)
    try harness.complete(2, "new")
    #expect(harness.result == "new")
    #expect(try harness.text.contains("4 PatchRecorded 'late' <- 3"))
  }

  @Test("A patch stands before a close, a second one behind the first, and each is told apart")
  func several() throws {
    let program: Scripted.Program = { workflow in
      let ways = ["one", "two", "one"].map { workflow.patched($0) ? "n" : "o" }
      return ways.joined()
    }
    let harness = RuntimeHarness(program: program)
    try harness.start()
    #expect(harness.result == "nnn" && harness.history.count == 4)
    try harness.replay(program)
    let onlyTwo: Scripted.Program = { workflow in workflow.patched("two") ? "nnn" : "o" }
    try harness.replay(onlyTwo)
    #expect(harness.instance.isFinished)
  }
}
