import Foundation
import Orchestrator
import PostgreSQL
import Testing

@testable import EngineProcess

/// What was acknowledged survives any crash of any process, PostgreSQL included.
@Suite(.serialized) struct P1AcknowledgedSurvives {
  @Test(.timeLimit(.minutes(5)))
  func `everything acknowledged completes though owners are killed a hundred times and PostgreSQL five times`() async throws {
    let (generator, seed) = SplitMix64.seeded()
    let cluster = try CrashingCluster()
    let storm = try await KillStorm(cluster, generator)
    do {
      let report = try await storm.run(kills: 100, serverKills: 5)
      print("kill storm: seed \(seed), \(report)")
      #expect(report.problems == [], "seed \(seed)")
      #expect(report.ownerKills >= 100)
      #expect(report.longestTakeover < report.lease, "seed \(seed)")
    } catch {
      Issue.record("seed \(seed): \(error)\n\(await storm.lastWords)")
    }
  }
}
