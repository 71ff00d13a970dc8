import Foundation
import Orchestrator
import PostgreSQL
import Testing

@testable import EngineProcess

/// Memory is a cache: what waits needs none.
@Suite(.serialized) struct P6ParkedWorkflows {
  private static let runs: Int64 = 10_000
  private static let waves: Int64 = 10

  @Test(.timeLimit(.minutes(5)))
  func `ten thousand parked workflows with a cache of a hundred leave memory flat, and all end after one signal each`() async throws {
    let database = try PromiseDatabase()
    let owner = try ProcessUnderTest("owner", database: database.connection, ["--cached-runs", "100"])
    try await owner.waitUntilSaid("ready")
    var resident: [Int] = []
    for wave in 1...Self.waves {
      try await start(database, from: (wave - 1) * Self.runs / Self.waves + 1, to: wave * Self.runs / Self.waves)
      try await database.waitFor("select count(*) from orchestrator.parked_runs", toBe: wave * Self.runs / Self.waves)
      resident.append(try owner.residentBytes())
    }
    let few = resident[1]
    #expect(Double(resident[resident.count - 1]) < Double(few) * 1.3, "MB after each wave: \(resident.map { $0 >> 20 })")
    try await database.query(
      """
      select count(*) from generate_series(1, \(Self.runs)) n,
        lateral (select orchestrator.signal_workflow('waiting-' || n, 'wake', to_jsonb(n))) s
      """)
    try await database.waitFor("select count(*) from orchestrator.closes where status = 2", toBe: Self.runs)
    let woken = try owner.residentBytes()
    #expect(Double(woken) < Double(few) * 2, "\(few >> 20) MB before, \(woken >> 20) MB after all woke")
    #expect(try await database.count("select count(*) from orchestrator.parked_runs") == 0)
    #expect(try await database.count("select count(*) from orchestrator.history") == Self.runs * 3)
    #expect(try await database.checker.violations().isEmpty)
  }

  private func start(_ database: PromiseDatabase, from first: Int64, to last: Int64) async throws {
    try await database.query(
      "select count(orchestrator.start_workflow('Waiting', 'waiting-' || n, to_jsonb(n))) from generate_series(\(first), \(last)) n")
  }
}
