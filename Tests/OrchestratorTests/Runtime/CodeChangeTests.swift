import Testing

@testable import Orchestrator

/// A deploy that does not fit a history is found at the first event that differs; one that fits goes on.
struct CodeChangeTests {
  struct Change: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let before: Scripted.Program
    let after: Scripted.Program
    /// Nil when the change is allowed.
    let problem: WorkflowProblem?

    init(
      _ description: String, at eventID: Int32, expected: String, found: String,
      before: @escaping Scripted.Program = CodeChangeTests.original, after: @escaping Scripted.Program
    ) {
      testDescription = description
      self.before = before
      self.after = after
      problem = .nonDeterminism(eventID: eventID, expected: expected, found: found)
    }

    init(allowed description: String, before: @escaping Scripted.Program = CodeChangeTests.original, after: @escaping Scripted.Program) {
      testDescription = description
      self.before = before
      self.after = after
      problem = nil
    }
  }

  /// 1 Started, 2 'work' #1, 3 Completed, 4 TimerStarted #2, 5 Fired, 6 Marker 'digest' #3, 7 'other' #4, 8 Completed, 9 Completed.
  @Sendable static func original(_ workflow: Context<Scripted>) async throws -> String {
    _ = try await workflow.execute(Steps.work, "x")
    try await workflow.sleep(.seconds(1))
    _ = try await workflow.inline(Steps.digest, "x")
    return try await workflow.execute(Steps.other, "x")
  }

  static let both: Scripted.Program = { workflow in
    async let one = workflow.execute(Steps.work, "one")
    async let two = workflow.execute(Steps.other, "two")
    return try await one + two
  }

  static let stepBeside: Scripted.Program = { workflow in
    async let one = workflow.execute(Steps.work, "one")
    async let two = workflow.inline(Steps.digest, "two")
    return try await one + two
  }

  /// 1 Started, 2 'work' #1, 3 Completed, 4 patch 'check', 5 'other' #2, 6 Completed, 7 Completed.
  @Sendable static func patched(_ workflow: Context<Scripted>) async throws -> String {
    let result = try await workflow.execute(Steps.work, "x")
    return workflow.patched("check") ? try await workflow.execute(Steps.other, "new") : result
  }

  @Sendable static func patchedForGood(_ workflow: Context<Scripted>) async throws -> String {
    _ = try await workflow.execute(Steps.work, "x")
    return try await workflow.execute(Steps.other, "new")
  }

  static let changes = [
    Change(
      "removed activity", at: 2, expected: "ActivityTaskScheduled 'work' (sequence 1) caused by event 1",
      found: "TimerStarted (sequence 1) caused by event 1"
    ) { workflow in
      try await workflow.sleep(.seconds(1))
      _ = try await workflow.inline(Steps.digest, "x")
      return try await workflow.execute(Steps.other, "x")
    },
    Change(
      "added activity", at: 4, expected: "TimerStarted (sequence 2) caused by event 3",
      found: "ActivityTaskScheduled 'other' (sequence 2) caused by event 3"
    ) { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      _ = try await workflow.execute(Steps.other, "new")
      return try await original(workflow)
    },
    Change(
      "reordered activities", at: 2, expected: "ActivityTaskScheduled 'work' (sequence 1) caused by event 1",
      found: "ActivityTaskScheduled 'other' (sequence 1) caused by event 1"
    ) { workflow in
      _ = try await workflow.execute(Steps.other, "x")
      return try await workflow.execute(Steps.work, "x")
    },
    Change(
      "renamed activity", at: 2, expected: "ActivityTaskScheduled 'work' (sequence 1) caused by event 1",
      found: "ActivityTaskScheduled 'labour' (sequence 1) caused by event 1"
    ) { workflow in try await workflow.execute(Activity<String, String>("labour"), "x") },
    Change(
      "activity turned into a timer", at: 7, expected: "ActivityTaskScheduled 'other' (sequence 4) caused by event 6",
      found: "TimerStarted (sequence 4) caused by event 6"
    ) { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      try await workflow.sleep(.seconds(1))
      _ = try await workflow.inline(Steps.digest, "x")
      try await workflow.sleep(.seconds(1))
      return ""
    },
    Change(
      "added timer", at: 2, expected: "ActivityTaskScheduled 'work' (sequence 1) caused by event 1",
      found: "TimerStarted (sequence 1) caused by event 1", before: both
    ) { workflow in
      async let one = workflow.execute(Steps.work, "one")
      async let two = workflow.execute(Steps.other, "two")
      try await workflow.sleep(.seconds(1))
      return try await one + two
    },
    Change(
      "other order of async lets", at: 2, expected: "ActivityTaskScheduled 'work' (sequence 1) caused by event 1",
      found: "ActivityTaskScheduled 'other' (sequence 1) caused by event 1", before: both
    ) { workflow in
      async let two = workflow.execute(Steps.other, "two")
      async let one = workflow.execute(Steps.work, "one")
      return try await one + two
    },
    Change(
      "early return", at: 4, expected: "TimerStarted (sequence 2) caused by event 3",
      found: "WorkflowExecutionCompleted caused by event 3"
    ) { workflow in try await workflow.execute(Steps.work, "x") },
    Change(
      "a command the history does not have", at: 9, expected: "WorkflowExecutionCompleted caused by event 8",
      found: "ActivityTaskScheduled 'work' (sequence 5) caused by event 8"
    ) { workflow in
      _ = try await original(workflow)
      return try await workflow.execute(Steps.work, "more")
    },
    Change(
      "code that waits where the history went on", at: 4, expected: "TimerStarted (sequence 2)", found: "nothing for event 3"
    ) { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      try await workflow.wait { $0.count > 0 }
      return ""
    },
    Change(
      "renamed inline step", at: 6, expected: "inline step 'digest' (sequence 3)", found: "inline step 'hash' (sequence 3)"
    ) { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      try await workflow.sleep(.seconds(1))
      return try await workflow.inline(Activity<String, String>("hash"), "x")
    },
    Change(
      "removed inline step", at: 6, expected: "MarkerRecorded as the next event",
      found: "ActivityTaskScheduled 'other' (sequence 3)"
    ) { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      try await workflow.sleep(.seconds(1))
      return try await workflow.execute(Steps.other, "x")
    },
    Change(
      "removed inline step beside others", at: 3, expected: "inline step 'digest' (sequence 2)",
      found: "no inline step with that sequence",
      before: stepBeside
    ) { workflow in try await workflow.execute(Steps.work, "one") },
    Change(
      "failure instead of a result", at: 9, expected: "WorkflowExecutionCompleted caused by event 8",
      found: "WorkflowExecutionFailed caused by event 8"
    ) { workflow in
      _ = try await original(workflow)
      throw ApplicationFailure(type: "Changed", message: "of mind")
    },
    Change(allowed: "another input") { workflow in
      _ = try await workflow.execute(Steps.work, "another")
      try await workflow.sleep(.seconds(1))
      _ = try await workflow.inline(Steps.digest, "another")
      return try await workflow.execute(Steps.other, "another")
    },
    Change(allowed: "other timeouts, policies and queue") { workflow in
      let options = ActivityOptions(taskQueue: "fast", startToClose: .seconds(1), retryPolicy: RetryPolicy(maximumAttempts: 9))
      _ = try await workflow.execute(Steps.work, "x", options: options)
      try await workflow.sleep(.hours(1))
      _ = try await workflow.inline(Steps.digest, "x")
      return try await workflow.execute(Steps.other, "x", options: options)
    },
    Change(allowed: "a patch where the run went by before there was one") { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      if workflow.patched("check") { _ = try await workflow.execute(Steps.other, "new") }
      try await workflow.sleep(.seconds(1))
      _ = try await workflow.inline(Steps.digest, "x")
      return try await workflow.execute(Steps.other, "x")
    },
    Change(allowed: "the old way of a patch removed", before: patched, after: patchedForGood),
    Change(
      "the new way of a patch removed", at: 5, expected: "ActivityTaskScheduled 'other' (sequence 2) caused by event 3",
      found: "WorkflowExecutionCompleted caused by event 3", before: patched
    ) { workflow in try await workflow.execute(Steps.work, "x") },
    Change(allowed: "another result and other state") { workflow in
      workflow.state.count = 99
      return try await original(workflow) + "!"
    },
  ]

  @Test("is found at the first event that differs, with what was expected and found", arguments: changes)
  func change(_ change: Change) throws {
    let harness = try Self.recorded(change.before)
    if let problem = change.problem {
      #expect(throws: problem) { try harness.replay(change.after) }
      harness.instance.evict()
      #expect(problem.code == .nonDeterminism && problem.message.contains("Deploy code that fits the history"))
    } else {
      try harness.replay(change.after)
    }
    try harness.replay(change.before)
    #expect(harness.instance.isFinished)
  }

  @Test("a result, a signal and an input that do not decode block the run, name what and where, and reach no user code")
  func undecodable() throws {
    let number = Payload(json: Array("17".utf8))
    let harness = RuntimeHarness { workflow in
      _ = try await workflow.execute(Steps.work, "x")
      return try await workflow.receive(Scripted.message)
    }
    try expectUndecodable("the result of 'work' (sequence 1)") {
      try harness.start()
      try harness.apply(.activityCompleted(sequence: 1, result: number, by: nil))
    }
    harness.instance.evict()
    let waiting = RuntimeHarness { workflow in try await workflow.receive(Scripted.message) }
    try waiting.start()
    try expectUndecodable("signal 'message'") { try waiting.signal("message", 17) }
    waiting.instance.evict()
    try expectUndecodable("signal 'message'") {
      let kept = RuntimeHarness { workflow in
        _ = try await workflow.execute(Steps.work, "x")
        return try await workflow.receive(Scripted.message)
      }
      defer { kept.instance.evict() }
      try kept.start()
      try kept.signal("message", 17)
      try kept.complete(1)
    }
    let handled = RuntimeHarness { workflow in try await workflow.execute(Steps.work, "x") }
    try handled.start()
    try expectUndecodable("signal 'add'") { try handled.signal("add", "text") }
    handled.instance.evict()
    let started = RuntimeHarness { _ in "" }
    try expectUndecodable("the input of workflow 'Scripted'") { try started.start(number) }
    started.instance.evict()
  }

  @Test("a damaged history names the event and what is wrong with it")
  func damaged() throws {
    let good = try Self.recorded(Self.original).history
    let bad: [(String, [HistoryEvent], Int32)] = [
      ("a gap", Array(good[0...2] + good[4...]), 5),
      ("no start", [good[2].renumbered(1)], 1),
      ("two starts", [good[0], good[1], good[0].renumbered(3)], 3),
      ("cut attributes", [good[0], good[1].with(attributes: Array(good[1].attributes.dropLast()))], 2),
      ("no attributes", [good[0].with(attributes: [])], 1),
      (
        "a timer beyond all time",
        Array(good[0...2]) + [good[3].with(attributes: Array(#"{"sequence":2,"startToFireMilliseconds":-1}"#.utf8))], 4
      ),
      ("a sequence beyond 32 bits", [good[0], good[1].with(attributes: Array(#"{"sequence":4294967297,"activityType":"work"}"#.utf8))], 2),
    ]
    for (name, history, eventID) in bad {
      let harness = RuntimeHarness(history: history, program: Self.original)
      let problem = #expect(throws: WorkflowProblem.self, "\(name)") { try harness.replay(Self.original) }
      guard case .damagedHistory(eventID, _) = problem else {
        Issue.record("\(name): \(String(describing: problem))")
        continue
      }
      harness.instance.evict()
    }
  }

  private static func recorded(_ program: @escaping Scripted.Program) throws -> RuntimeHarness {
    let harness = RuntimeHarness(program: program)
    try harness.start()
    while !harness.isClosed {
      if let step = harness.openInlineSteps.first {
        try harness.record(step)
      } else if let timer = harness.openTimers.first {
        try harness.fire(timer)
      } else {
        try harness.complete(try #require(harness.openActivities.first).sequence)
      }
    }
    return harness
  }

  private func expectUndecodable(_ expected: String, _ body: () throws -> Void) throws {
    let problem = #expect(throws: WorkflowProblem.self, performing: body)
    guard case .undecodablePayload(expected, let reason) = problem else {
      Issue.record("\(String(describing: problem))")
      return
    }
    #expect(reason.contains("expected") && !reason.contains("17"))
  }
}

extension HistoryEvent {
  fileprivate func renumbered(_ eventID: Int32) -> HistoryEvent {
    HistoryEvent(eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: attributes)
  }

  fileprivate func with(attributes: [UInt8]) -> HistoryEvent {
    HistoryEvent(eventID: eventID, type: type, at: at, causedBy: causedBy, attributes: attributes)
  }
}
