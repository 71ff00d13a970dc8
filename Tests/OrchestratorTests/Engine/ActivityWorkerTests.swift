import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Orchestrator

@Suite struct ActivityWorkerTests {
  /// Runs the body with an engine without activities and a worker that has them.
  private func withWorker(_ fixture: EngineFixture, _ body: (Engine) async throws -> Void) async throws {
    let withoutActivities: (inout EngineConfiguration) -> Void = { $0.localTaskQueues = [:] }
    try await fixture.withEngine(testRegistry(), withoutActivities) { engine in
      var configuration = ActivityWorkerConfiguration(database: fixture.database, taskQueues: ["default": 20])
      configuration.lease = .seconds(2)
      let worker = try ActivityWorker(configuration, testRegistry())
      let running = Task { await worker.run() }
      do {
        try await body(engine)
        worker.stop()
        await running.value
      } catch {
        worker.stop()
        await running.value
        throw error
      }
    }
  }

  @Test func `activities of a queue that the owner does not serve run on a worker`() async throws {
    let fixture = try EngineFixture()
    try await withWorker(fixture) { engine in
      let handles = try await (0..<20).asyncMap { try await engine.client.start(Chain.self, id: "remote-\($0)", input: 5) }
      for handle in handles { #expect(try await handle.result() == 32) }
      #expect(try await fixture.count("select count(*) from orchestrator.activity_tasks") == 0)
      #expect(try await fixture.count("select count(*) from orchestrator.inbox") == 0)
    }
  }

  @Test func `a remote activity is retried with its attempts logged, and parks when none is left`() async throws {
    let fixture = try EngineFixture()
    try await withWorker(fixture) { engine in
      let retried = try await engine.client.start(Retrying.self, id: "retried", input: 2)
      #expect(try await retried.result() == 3)
      #expect(try await fixture.count("select count(*) from orchestrator.failed_attempts where workflow_id = 'retried'") == 2)
      let parked = try await engine.client.start(Parking.self, id: "parked", input: 0)
      try await eventually("the activity is parked") {
        try await fixture.count("select count(*) from orchestrator.parked_activities") == 1
      }
      try await engine.client.commandActivity(parked.key, sequence: 1, .retry)
      #expect(try await parked.result() == 3)
    }
  }
}

extension Sequence {
  func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
