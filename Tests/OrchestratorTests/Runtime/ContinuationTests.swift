import Testing

@testable import Orchestrator

/// What code sees of a history that grows, and what it leaves to the run that continues it.
@Suite struct ContinuationTests {
  @Test func `continuing is suggested to a run whose history is long, at the same event in every replay`() throws {
    let harness = RuntimeHarness { workflow in
      while !workflow.isContinueAsNewSuggested { _ = try await workflow.execute(Steps.work, "in") }
      return String(workflow.historyLength)
    }
    try harness.start()
    while let task = harness.openActivities.first {
      try harness.complete(task.sequence)
      if task.sequence % 700 == 0 { try harness.evictAndReplay() }
    }
    // Started, then two events a step.
    #expect(harness.result == String(Limits.continueAsNewSuggestion + 1))
    try harness.evictAndReplay()
  }

  @Test func `a run ends by continuing, and the step that it does not wait for is cancelled before`() throws {
    let harness = RuntimeHarness { workflow in
      async let forgotten = workflow.execute(Steps.other, "in")
      if try await workflow.receive(Scripted.message) == "go" { throw workflow.continueAsNew("next") }
      return try await forgotten
    }
    try harness.start()
    try harness.signal("message", "go")
    #expect(harness.history.last?.type == .workflowExecutionContinuedAsNew)
    let attributes = try AttributesReader(try #require(harness.history.last).attributes)
    #expect(attributes.text("input") == "next")
    try harness.evictAndReplay()
  }

  @Test func `a successor knows what the run before left before its code begins`() throws {
    let harness = RuntimeHarness { workflow in
      let word = try await workflow.receive(Scripted.message)
      return "\(workflow.state.count) \(word) \(workflow.isCancelRequested)"
    }
    func signal(_ name: String, _ json: String, _ request: String) -> SignaledAttributes {
      SignaledAttributes(name: name, input: Payload(json: Array(json.utf8)), identity: "i", requestID: request)
    }
    let continued = Continuation(
      runID: .generate(), firstRunID: .generate(),
      signals: [signal("add", "3", "a"), signal("message", #""kept, \"quoted\"""#, "b"), signal("add", "4", "")],
      requests: ["x\"y", "a", "b"], cancelRequestedBy: nil)
    let started = StartedAttributes(
      workflowType: Scripted.name, namespace: "default", workflowID: "w-1", input: Payload(json: Array(#""in""#.utf8)), identity: "test",
      build: "test", lineage: Lineage(continued: continued))
    let row = HistoryEvent(
      eventID: 1, type: .workflowExecutionStarted, at: 0, causedBy: 0, attributes: IncomingEvent.started(started).encoded())
    guard case .started(let read) = try IncomingEvent(row) else { throw AttributesError(offset: 0) }
    #expect(read == started)
    try harness.apply(.started(read))
    #expect(harness.result == "7 kept, \"quoted\" false")
    #expect(harness.instance.seenRequests == ["x\"y", "a", "b"])
    #expect(harness.instance.latestRequests == ["x\"y", "a", "b"])
  }

  @Test func `identifiers of runs that follow each other grow, however quickly they do`() {
    var last = RunID.generate(unixMilliseconds: 1_000)
    for step in 0..<10_000 {
      let next = RunID.following(last, unixMilliseconds: step == 9_000 ? 5_000 : 1_000, random: (0, 0))
      #expect(last < next)
      last = next
    }
  }
}
