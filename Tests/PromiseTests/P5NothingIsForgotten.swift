import Foundation
import Orchestrator
import PostgreSQL
import Synchronization
import TestSupport
import Testing

@testable import EngineProcess

/// No wake-up is lost; what is accepted is seen before the run closes, or refused.
@Suite(.serialized) struct P5NothingIsForgotten {
  @Test func `an open foreign transaction with a signal holds up only its own run, and is seen before that run closes`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let held = try await engine.client.start(Waiting.self, id: "held", input: 1)
      let signal = Statement(name: "late_signal", sql: "select orchestrator.signal_workflow('held', 'wake', '7', 'late')")
      let early = try await database.pool.transaction { foreign in
        _ = try await foreign.query(signal)
        // This signal's close waits for the foreign transaction, and so does its sender; other runs come and go meanwhile.
        let early = Task { try await held.signal(Waiting.wake, 41, requestID: "early") }
        for number in 0..<20 {
          let other = try await engine.client.start(Steps.self, id: "other-\(number)", input: 5)
          #expect(try await other.result() == 5)
        }
        #expect(try await database.count("select count(*) from orchestrator.closes where run_id = '\(held.runID!)'") == 0)
        return early
      }
      try await early.value
      let result = try await held.result()
      #expect([8, 42].contains(result))
      #expect(try await database.checker.lostSignals(["early", "late"]) == [])
      #expect(try await database.checker.violations() == [])
      try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
    }
  }

  @Test func `signals that race with the close are in the history or refused, never accepted and dropped`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      let race = CloseRace(engine.client, Client(database.pool, identity: "outside"))
      try await race.run(lanes: 10, runsPerLane: 100, signalsPerRun: 10)
      let (accepted, refused) = race.outcome
      try await database.waitFor("select count(*) from orchestrator.closes", toBe: 1000)
      #expect(try await database.checker.lostSignals(accepted) == [])
      #expect(accepted.count + refused == 10_000)
      #expect(try await database.checker.violations() == [])
      try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
      print("signals against close: \(accepted.count) accepted, \(refused) refused")
    }
  }

  @Test func `owners whose sessions are ended again and again lose and double nothing`() async throws {
    let database = try PromiseDatabase()
    try await database.withEngine(syntheticRegistry()) { engine in
      var handles: [WorkflowHandle<Steps>] = []
      for number in 0..<500 { handles.append(try await engine.client.start(Steps.self, id: "steps-\(number)", input: 10)) }
      for _ in 0..<20 {
        try await database.query(
          """
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'orchestrator-owner-%'
          """)
        let before = try await database.count("select count(*) from orchestrator.history")
        try await eventually("the histories grow again") {
          try await database.count(
            "select greatest(count(*) - \(before), 10 * (select count(*) from orchestrator.closes)) from orchestrator.history") >= 100
        }
      }
      for handle in handles { #expect(try await handle.result() == 10) }
      #expect(try await database.checker.violations() == [])
      try await eventually("nothing is left behind") { try await database.checker.leftovers().isEmpty }
    }
  }

  @Test func `a message in a snapshot that cannot see a close is refused`() async throws {
    let database = try PromiseDatabase()
    let signal = Statement(name: "blind_signal", sql: "select orchestrator.signal_workflow('any', 'wake')")
    await #expect(throws: DatabaseError.self) {
      try await database.pool.transaction(isolation: .repeatableRead) { transaction in _ = try await transaction.query(signal) }
    }
  }
}

/// Signals from the owner's own process and from outside, all at once, to runs that close at the first of them.
private final class CloseRace: Sendable {
  private let inside: Client
  private let outside: Client
  private let tally = Mutex<(accepted: [String], refused: Int)>(([], 0))

  init(_ inside: Client, _ outside: Client) {
    self.inside = inside
    self.outside = outside
  }

  var outcome: (accepted: [String], refused: Int) { tally.withLock { $0 } }

  func run(lanes: Int, runsPerLane: Int, signalsPerRun: Int) async throws {
    try await withThrowingTaskGroup { group in
      for lane in 0..<lanes {
        group.addTask {
          for number in 0..<runsPerLane { try await self.raceOnce("race-\(lane)-\(number)", signalsPerRun) }
        }
      }
      try await group.waitForAll()
    }
  }

  private func raceOnce(_ id: String, _ signals: Int) async throws {
    try await inside.start(Waiting.self, id: id, input: 0)
    try await withThrowingTaskGroup { group in
      for sender in 0..<signals {
        group.addTask { try await self.signal(id, sender, sender % 2 == 0 ? self.inside : self.outside) }
      }
      try await group.waitForAll()
    }
  }

  private func signal(_ id: String, _ sender: Int, _ client: Client) async throws {
    let request = "\(id)/\(sender)"
    do {
      try await client.handle(Waiting.self, id: id).signal(Waiting.wake, sender, requestID: request)
      tally.withLock { $0.accepted.append(request) }
    } catch let error as OrchestratorError where error.code == .workflowClosed {
      tally.withLock { $0.refused += 1 }
    }
  }
}
