import Dispatch
import Foundation
import TestSupport
import Testing

@testable import Orchestrator

/// Workflow code that awaits something that is not durable is found, named, confined to its run, and its memory is freed.
struct EscapeTests {
  struct Escape: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Whether the foreign work may end before the code waits for it: then nothing was escaped, and the run just ends.
    var mayWinRace = false
    /// Foreign work that must be busy when the code begins to wait for it ends with the gate, which opens when the start has returned.
    let program: @Sendable (_ workflow: Context<Scripted>, _ gate: DispatchSemaphore) async throws -> String
  }

  static let escapes = [
    Escape(testDescription: "Task.sleep") { _, _ in
      // This is the escape under test.
      try await Task.sleep(for: .milliseconds(20))
      return "slept"
    },
    Escape(testDescription: "await Task {}.value", mayWinRace: true) { _, _ in await Task { "value" }.value },
    Escape(testDescription: "await Task {}.value of slow work") { _, gate in await Task { Self.pass(gate) }.value },
    Escape(testDescription: "await Task.detached {}.value") { _, gate in await Task.detached { Self.pass(gate) }.value },
    Escape(testDescription: "MainActor") { _, _ in await onMainActor() },
    Escape(testDescription: "a continuation resumed by a dispatch queue") { _, gate in
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: Self.pass(gate)) }
      }
    },
    Escape(testDescription: "a busy actor") { _, gate in
      let actor = BusyActor()
      let isBusy = DispatchSemaphore(value: 0)
      Task.detached { await actor.work(isBusy, until: gate) }
      isBusy.wait()
      return await actor.value
    },
    Escape(testDescription: "an AsyncStream fed by a thread") { _, gate in
      let stream = AsyncStream<String> { continuation in
        DispatchQueue.global().async {
          continuation.yield(Self.pass(gate))
          continuation.finish()
        }
      }
      for await text in stream { return text }
      return "ended"
    },
    Escape(testDescription: "a child on the global executor") { _, gate in
      await withTaskGroup(of: String.self) { group in
        group.addTask(executorPreference: globalConcurrentExecutor) { Self.pass(gate) }
        return await group.next() ?? ""
      }
    },
    Escape(testDescription: "beside a durable operation") { workflow, _ in
      async let durable = workflow.execute(Steps.work, "durable")
      // This is the escape under test.
      try await Task.sleep(for: .milliseconds(20))
      return try await durable
    },
  ]

  @Test("is caught, does not block anyone, and leaves no memory behind", arguments: escapes)
  func escape(_ escape: Escape) async throws {
    let gate = DispatchSemaphore(value: 0)
    let run = WatchedRun { workflow in try await escape.program(workflow, gate) }
    let problem = try await run.firstProblem { gate.signal() }
    if escape.mayWinRace && problem == nil {
      #expect(run.isFinished)
    } else {
      guard case .escaped(let detail) = problem else {
        Issue.record("\(String(describing: problem))")
        return
      }
      #expect(detail.contains("after"))
      #expect(problem?.code == .executorEscape)
      #expect(problem?.message.contains("Task.sleep, Task {}") == true)
    }
    run.evict()
    try await eventually("the evicted instance leaves memory") { run.isFreed }
  }

  @Test("a context called from Task {} throws there and names the call")
  func contextFromTask() async throws {
    let run = WatchedRun { workflow in
      Task {
        await #expect(throws: WorkflowEscape.self) { try await workflow.execute(Steps.work, "x") }
      }
      try await workflow.sleep(.seconds(1))
      return ""
    }
    let problem = try await run.firstProblem()
    #expect(problem?.message.contains("'execute(work)' was called outside the workflow's own executor") == true)
    #expect(problem?.message.contains("after TimerStarted (sequence 1)") == true)
    run.evict()
    try await eventually("the evicted instance leaves memory") { run.isFreed }
  }

  @Test("values of the context read on a foreign thread are placeholders, and the run is stopped")
  func valuesFromTask() async throws {
    let run = WatchedRun { workflow in
      workflow.state.count = 7
      Task {
        let count = workflow.state.count
        workflow.state.count = 9
        #expect(count == 0 && workflow.now.timeIntervalSince1970 == 0 && workflow.random(in: 3...8) == 3 && !workflow.isCancelRequested)
        _ = workflow.uuid()
        workflow.log("unseen")
      }
      try await workflow.sleep(.seconds(1))
      return ""
    }
    #expect(try await run.firstProblem()?.message.contains("'state' was called outside") == true)
    run.evict()
    try await eventually("the evicted instance leaves memory") { run.isFreed }
  }

  /// Documented hole: nothing in Swift can end a task whose continuation nobody resumes, so its few kilobytes stay.
  @Test("a continuation that is never resumed is caught, and eviction returns")
  func neverResumed() async throws {
    let run = WatchedRun { _ in
      await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
      return ""
    }
    #expect(
      try await run.firstProblem()
        == .escaped("it neither finished nor waits for an operation of its context after none yet"))
    run.evict()
  }

  @Test("an actor that nobody else uses, Task.yield and @concurrent functions stay on the run's executor")
  func noFalseAlarm() throws {
    let harness = RuntimeHarness { workflow in
      let actor = BusyActor()
      await Task.yield()
      let value = await actor.value
      return value + (try await workflow.execute(Steps.work, "x"))
    }
    try harness.start()
    try harness.complete(1)
    #expect(harness.result == "value" + "done")
    #expect(!harness.instance.executor.wasEscaped)
  }

  @Test("code that only yields is stopped, its thread goes on")
  func yieldsForEver() throws {
    let harness = RuntimeHarness { _ in
      while !Task.isCancelled { await Task.yield() }
      return ""
    }
    #expect(throws: WorkflowProblem.blockedCode(lastCommand: "none yet")) { try harness.start() }
    harness.instance.evict()
  }

  @Test("code that swallows cancellation and asks again is left suspended, at cancellation and at eviction")
  func swallowsCancellation() throws {
    let stubborn: Scripted.Program = { workflow in
      while true { try? await workflow.sleep(.seconds(1)) }
    }
    let cancelled = RuntimeHarness(program: stubborn)
    try cancelled.start()
    #expect { try cancelled.cancel() } throws: { ($0 as? WorkflowProblem)?.code == .blockedCode }
    cancelled.instance.evict()
    let evicted = RuntimeHarness(program: stubborn)
    try evicted.start()
    evicted.instance.evict()
    #expect(evicted.instance.isStranded)
  }

  @Test("more commands than the limit for one event end the activation with a problem")
  func tooManyCommands() throws {
    let harness = RuntimeHarness { workflow in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0...Limits.commandsPerActivation { group.addTask { try? await workflow.sleep(.seconds(1)) } }
      }
      return ""
    }
    #expect { try harness.start() } throws: { error in
      guard case .tooManyCommands(let last)? = error as? WorkflowProblem else { return false }
      return last == "TimerStarted (sequence \(Limits.commandsPerActivation))"
    }
    harness.instance.evict()
  }

  private static func pass(_ gate: DispatchSemaphore) -> String {
    gate.wait()
    return "passed"
  }

  @MainActor private static func onMainActor() -> String { "main" }
}

private actor BusyActor {
  private(set) var value = "value"

  func work(_ isBusy: DispatchSemaphore, until gate: DispatchSemaphore) {
    isBusy.signal()
    gate.wait()
  }
}
