import Testing

@testable import Orchestrator

/// Cancelling a run is Swift's cancellation: everything that waits throws, and the commands tell the world, in one order.
struct CancellationTests {
  @Test("every waiting call throws CancellationError and takes its command along, in the same order at every replay")
  func everythingThrows() throws {
    let harness = RuntimeHarness { workflow in
      async let activity = outcome { _ = try await workflow.execute(Steps.work, "x") }
      async let timer = outcome { try await workflow.sleep(.seconds(9)) }
      async let waiting = outcome { _ = try await workflow.wait(upTo: .seconds(9)) { $0.count > 0 } }
      async let receiving = outcome { _ = try await workflow.receive(Scripted.message, within: .seconds(9)) }
      async let step = outcome { _ = try await workflow.inline(Steps.digest, "x") }
      return await [activity, timer, waiting, receiving, step].joined(separator: " ")
    }
    try harness.start()
    try harness.cancel()
    #expect(harness.result == "cancelled cancelled cancelled cancelled cancelled")
    let commands = try harness.text.split(separator: "\n").dropFirst(6).dropLast().map { $0.drop(while: { $0.isNumber }) }
    #expect(
      commands.sorted() == [
        " ActivityTaskCancelRequested #1 <- 6", " TimerCanceled #2 <- 6", " TimerCanceled #3 <- 6", " TimerCanceled #4 <- 6",
      ])
    #expect(try harness.regenerated() == harness.history)
    try harness.evictAndReplay()
  }

  @Test("withTimeout gives what the body gives in time and takes its timer back, or cancels the body and throws")
  func timeouts() throws {
    let program: Scripted.Program = { workflow in
      do {
        return try await workflow.withTimeout(.seconds(5)) { try await workflow.execute(Steps.work, "x") }
      } catch let error as WorkflowTimeout {
        return error.description
      }
    }
    let inTime = RuntimeHarness(program: program)
    try inTime.start()
    try inTime.complete(1, "in time")
    #expect(inTime.result == "in time")
    #expect(try inTime.text.contains("5 TimerCanceled #2 <- 4"))
    try inTime.evictAndReplay()
    let late = RuntimeHarness(program: program)
    try late.start()
    try late.fire(2)
    #expect(late.result == "not done within 5000 ms")
    #expect(try late.text.contains("5 ActivityTaskCancelRequested #1 <- 4"))
    try late.evictAndReplay()
    let failed = RuntimeHarness(program: program)
    try failed.start()
    try failed.fail(1)
    #expect(failed.history.last?.type == .workflowExecutionFailed)
    try failed.evictAndReplay()
    let cancelled = RuntimeHarness(program: program)
    try cancelled.start()
    try cancelled.cancel()
    #expect(cancelled.history.last?.type == .workflowExecutionCanceled)
    try cancelled.evictAndReplay()
  }

  @Test("a run that lets CancellationError through ends Canceled")
  func rethrown() throws {
    let harness = RuntimeHarness { workflow in try await workflow.execute(Steps.work, "x") }
    try harness.start()
    try harness.cancel()
    #expect(
      try harness.text == """
        1 WorkflowExecutionStarted
        2 ActivityTaskScheduled 'work' #1 <- 1
        3 WorkflowExecutionCancelRequested
        4 ActivityTaskCancelRequested #1 <- 3
        5 WorkflowExecutionCanceled <- 3
        """)
    try harness.evictAndReplay()
  }

  @Test("a run that swallows it ends Completed")
  func swallowed() throws {
    let harness = RuntimeHarness { workflow in (try? await workflow.execute(Steps.work, "x")) ?? "gave up" }
    try harness.start()
    try harness.cancel()
    #expect(harness.result == "gave up")
  }

  @Test("a shielded body runs its compensation, although its run is cancelled before and meanwhile")
  func shielded() throws {
    let harness = RuntimeHarness { workflow in
      do {
        return try await workflow.execute(Steps.work, "x")
      } catch {
        let undone = try await workflow.shielded {
          try await workflow.sleep(.seconds(1))
          return try await workflow.execute(Steps.other, "undo")
        }
        #expect(workflow.isCancelRequested && Task.isCancelled && undone == "undone")
        throw error
      }
    }
    try harness.start()
    try harness.cancel()
    try harness.cancel()
    try harness.evictAndReplay()
    try harness.fire(2)
    try harness.complete(3, "undone")
    #expect(
      try harness.text == """
        1 WorkflowExecutionStarted
        2 ActivityTaskScheduled 'work' #1 <- 1
        3 WorkflowExecutionCancelRequested
        4 ActivityTaskCancelRequested #1 <- 3
        5 TimerStarted #2 <- 3
        6 WorkflowExecutionCancelRequested
        7 TimerFired #2 <- 5
        8 ActivityTaskScheduled 'other' #3 <- 7
        9 ActivityTaskCompleted #3 <- 8
        10 WorkflowExecutionCanceled <- 9
        """)
  }

  @Test("a CancellationError without a request to cancel the run fails it")
  func notRequested() throws {
    let harness = RuntimeHarness { _ in throw CancellationError() }
    try harness.start()
    #expect(harness.history.last?.type == .workflowExecutionFailed)
  }

  @Test("an outcome that comes after its cancellation changes nothing")
  func lateOutcome() throws {
    let harness = RuntimeHarness { workflow in
      let first = (try? await workflow.execute(Steps.work, "x")) ?? "cancelled"
      return try await workflow.shielded { first + (try await workflow.execute(Steps.other, "y")) }
    }
    try harness.start()
    try harness.cancel()
    try harness.complete(1, "late")
    try harness.evictAndReplay()
    try harness.complete(2, "!")
    #expect(harness.result == "cancelled!")
  }

  @Test("what the code asks for while it is evicted is dropped")
  func evictionLeavesNoTrace() throws {
    let harness = RuntimeHarness { workflow in
      do {
        return try await workflow.execute(Steps.work, "x")
      } catch {
        _ = try? await workflow.shielded { try await workflow.execute(Steps.other, "undo") }
        _ = try? await workflow.execute(Steps.other, "again")
        return "caught"
      }
    }
    try harness.start()
    try harness.evictAndReplay()
    try harness.evictAndReplay()
    try harness.complete(1)
    #expect(harness.result == "done")
    #expect(harness.history.count == 4)
  }

}

private func outcome(_ body: () async throws -> Void) async -> String {
  do {
    try await body()
    return "finished"
  } catch {
    return error is CancellationError ? "cancelled" : "\(error)"
  }
}
