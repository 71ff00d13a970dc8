import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

/// Gathers so many words, and shouts what it is asked.
private struct Gatherer: Workflow {
  static let word = Signal<Self, String>("word")
  static let shout = Update<Self, String, String>("shout") { _, word in word.uppercased() }
  static let handlers: [Handler<Self>] = [.signal(word), .update(shout)]

  func run(_ workflow: Context<Self>, _ count: Int) async throws -> [String] {
    var words: [String] = []
    for _ in 0..<count { words.append(try await workflow.receive(Self.word)) }
    return words
  }
}

/// Continues as new when it is told to turn, and counts what it is asked in each run.
private struct Turner: Workflow {
  struct State: WorkflowState {
    var asked = 0
  }

  static let turn = Signal<Self, Bool>("turn")
  static let ask = Update<Self, Int, String>("ask") { workflow, number in
    workflow.state.asked += 1
    return "\(number) asked in \(workflow.info.continuedRunID == nil ? "the first" : "a later") run"
  }
  static let handlers: [Handler<Self>] = [.signal(turn), .update(ask)]

  func run(_ workflow: Context<Self>, _ turns: Int) async throws -> Int {
    guard try await workflow.receive(Self.turn) else { return workflow.state.asked }
    throw workflow.continueAsNew(turns + 1)
  }
}

private func registry() -> Registry {
  var registry = startingRegistry()
  registry.register(Gatherer.self)
  registry.register(Turner.self)
  return registry
}

@Suite("Starts with a signal or an update") struct StartingWithTests {
  @Test func `a start with a signal begins the run with it in one commit, or signals the open run`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let remote = Client(fixture.pool, identity: "elsewhere")
      for client in [engine.client, remote] {
        let id = "gathered by \(client === remote)"
        let first = try await client.signalWithStart(Gatherer.self, id: id, input: 2, signal: Gatherer.word, "one")
        try await eventually("it runs") { try await fixture.status(of: first.runID) == "Running" }
        #expect(try await fixture.events(of: first.runID) == ["WorkflowExecutionStarted", "WorkflowExecutionSignaled"])
        #expect(
          try await fixture.count(
            "select count(distinct xmin::text) from orchestrator.history where run_id = '\(first.runID!)' and event_id < 3") == 1)
        let second = try await client.signalWithStart(Gatherer.self, id: id, input: 9, signal: Gatherer.word, "two")
        #expect(second.runID == first.runID)
        #expect(try await first.result() == ["one", "two"])
        // It has ended: the next one begins.
        let third = try await client.signalWithStart(Gatherer.self, id: id, input: 1, signal: Gatherer.word, "three")
        #expect(try await third.result() == ["three"])
      }
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `an update with a start is answered by the run that it begins, or by the open one`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let remote = Client(fixture.pool, identity: "elsewhere")
      for client in [engine.client, remote] {
        let id = "asked by \(client === remote)"
        for (word, update) in [("one", "u1"), ("two", "u2"), ("none", "u2")] {
          let asked = try await client.updateWithStart(Gatherer.self, id: id, input: 1, update: Gatherer.shout, word, updateID: update)
          #expect(try await asked.result() == (word == "one" ? "ONE" : "TWO"))
        }
        #expect(try await fixture.statuses(of: id) == "Running")
      }
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `the same start with the same request counts once, however often it is sent and wherever it arrives`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let remote = Client(fixture.pool, identity: "elsewhere")
      let run = RunID.generate()
      for client in [remote, engine.client, remote, engine.client] {
        try await client.signalWithStart(
          Gatherer.self, id: "repeated", input: 2, signal: Gatherer.word, "once", requestID: "request", runID: run)
        try await client.signalWithStart(
          Gatherer.self, id: "repeated", input: 2, signal: Gatherer.word, "once", requestID: "request", runID: .generate())
      }
      try await eventually("all is taken") { try await fixture.count("select count(*) from orchestrator.inbox") == 0 }
      #expect(try await fixture.events(of: run) == ["WorkflowExecutionStarted", "WorkflowExecutionSignaled"])
      #expect(try await fixture.statuses(of: "repeated") == "Running")
    }
  }

  @Test func `a start with a signal does not wait for a start delay, and ends that of the open run`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let hour = StartOptions(conflictPolicy: .useExisting, startDelay: .hours(1))
      let client = engine.client
      let begun = try await client.signalWithStart(Gatherer.self, id: "a", input: 1, signal: Gatherer.word, "now", options: hour)
      #expect(try await begun.result() == ["now"])
      let delayed = try await client.start(Gatherer.self, id: "b", input: 1, options: hour)
      try await client.signalWithStart(Gatherer.self, id: "b", input: 1, signal: Gatherer.word, "now", options: hour)
      #expect(try await delayed.result() == ["now"])
      #expect(try await fixture.count("select count(*) from orchestrator.timers") == 0)
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `a start with a signal takes the place of the open run where its policy says so`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let first = try await engine.client.start(Gatherer.self, id: "replaced", input: 2)
      let options = StartOptions(conflictPolicy: .terminateExisting)
      for (client, word) in [(engine.client, "second"), (Client(fixture.pool, identity: "elsewhere"), "third")] {
        let next = try await client.signalWithStart(
          Gatherer.self, id: "replaced", input: word == "third" ? 1 : 2, signal: Gatherer.word, word, options: options)
        if word == "third" { #expect(try await next.result() == ["third"]) }
      }
      #expect(try await fixture.status(of: first.runID) == "Terminated")
      #expect(try await fixture.statuses(of: "replaced") == "Terminated Terminated Completed")
    }
  }

  @Test func `two starts with signals that do not see each other are one run with both signals`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "elsewhere")
    let first = try await client.signalWithStart(Patient.self, id: "raced", input: "hello", signal: Patient.word, "you")
    let second = RunID.generate()
    try await fixture.insertStart(
      of: "raced", as: second,
      options:
        #"{"conflictPolicy": "useExisting", "startMessage": {"isUpdate": false, "name": "word", "input": "me", "requestID": "late"}}"#)
    try await fixture.withEngine(registry()) { engine in
      #expect(try await first.result() == "hello you")
      let late = WorkflowHandle<Patient>(client: engine.client, key: first.key, runID: second)
      let result = try await late.result()
      #expect(result == "hello you" || result == "second me")
      try await eventually("all is taken") { try await fixture.count("select count(*) from orchestrator.inbox") == 0 }
      #expect(
        try await fixture.count(
          "select count(*) from orchestrator.events where type = 'WorkflowExecutionSignaled' and attributes ->> 'requestId' = 'late'") == 1)
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `a start with a message that may neither use nor end the open run is refused`() async throws {
    let fixture = try EngineFixture()
    let client = Client(fixture.pool, identity: "elsewhere")
    let error = await #expect(throws: OrchestratorError.self) {
      try await client.signalWithStart(
        Gatherer.self, id: "a", input: 1, signal: Gatherer.word, "", options: StartOptions(conflictPolicy: .fail))
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test func `an update that waits while its run continues as new is answered by the next run`() async throws {
    let fixture = try EngineFixture()
    let handle = try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Turner.self, id: "turner", input: 0)
      try await eventually("it is parked") { try await fixture.count("select count(*) from orchestrator.parked_runs") == 1 }
      return handle
    }
    // Both wait for an owner, who finds the update when the run has closed.
    let client = Client(fixture.pool, identity: "elsewhere")
    try await client.signal(handle.key, name: "turn", input: Payload(json: Array("true".utf8)))
    try await client.update(handle.key, name: "ask", input: Payload(json: Array("7".utf8)), updateID: "late")
    try await fixture.withEngine(registry()) { engine in
      #expect(try await engine.client.updateResult(handle.key, updateID: "late").text == #""7 asked in a later run""#)
      try await engine.replayAll(fixture, registry())
    }
  }

  @Test func `an update that was answered is not handled again by the next run of its chain`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(registry()) { engine in
      let handle = try await engine.client.start(Turner.self, id: "turner", input: 0)
      for _ in 0..<3 {
        #expect(try await handle.update(Turner.ask, 1, id: "once") == "1 asked in the first run")
        try await handle.signal(Turner.turn, true)
      }
      #expect(try await handle.update(Turner.ask, 2, id: "another") == "2 asked in a later run")
      try await handle.signal(Turner.turn, false)
      #expect(try await handle.result() == 1)
      try await engine.replayAll(fixture, registry())
    }
  }
}
