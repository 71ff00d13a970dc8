import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import EngineProcess

/// A batch deals with each of its runs once, whoever dies meanwhile.
@Suite(.serialized) struct P4BatchesReachEachRunOnce {
  @Test func `batch: processes are killed while it goes on, and each run is signalled or reset exactly once`() async throws {
    let database = try PromiseDatabase()
    var owners = try (0..<2).map { try ProcessUnderTest("owner-\($0)", database: database.connection) }
    for owner in owners { try await owner.waitUntilSaid("ready") }
    let client = Client(database.pool, syntheticRegistry(), identity: "outside")
    for number in 0..<120 { try await client.start(Waiting.self, id: "waiting-\(number)", input: number) }
    try await database.waitFor("select count(*) from orchestrator.runs", toBe: 120)
    let signal = BatchAction.signal(name: "wake", input: try PayloadCodec.encode(1))
    try await client.startBatch(signal, query: "WorkflowType = 'Waiting'", id: "wake", operationsPerSecond: 40)
    // Both are killed in turn: one of them does the batch's work.
    for kill in 1...2 {
      try await database.waitFor(
        "select (coalesce((select done from orchestrator.batches), 0) >= \(kill * 20))::int", toBe: 1)
      try await owners.removeFirst().killAndWait()
      owners.append(try ProcessUnderTest("owner-\(kill + 1)", database: database.connection))
    }
    try await database.waitFor("select count(*) from orchestrator.closes", toBe: 121)
    #expect(try await database.count("select count(*) from orchestrator.events where type = 'WorkflowExecutionSignaled'") == 120)
    let woken = try await client.describeBatch("wake")
    #expect(woken.status == .completed && woken.progress.done == 120 && woken.progress.skipped == 0 && woken.failures.isEmpty)

    try await client.startBatch(
      .reset(to: .first, excluding: [.signals]), query: "WorkflowType = 'Waiting'", id: "again", operationsPerSecond: 60)
    try await database.waitFor(
      "select (coalesce((select done from orchestrator.batches where workflow_id = 'again'), 0) >= 20)::int", toBe: 1)
    for owner in owners { try await owner.killAndWait() }
    owners = try (4..<6).map { try ProcessUnderTest("owner-\($0)", database: database.connection) }
    try await database.waitFor("select count(*) from orchestrator.batches where ended_at is not null", toBe: 2)
    let reset = try await client.describeBatch("again")
    #expect(reset.progress.done == 120 && reset.progress.failed == 0)
    #expect(try await database.count("select count(*) from orchestrator.resets where event_id > 0") == 120)
    #expect(try await database.count("select count(distinct base_run_id) from orchestrator.resets") == 120)
    #expect(try await database.checker.violations() == [])
  }
}
