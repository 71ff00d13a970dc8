import TestSupport
import Testing

@testable import Orchestrator

@Suite("Blocked runs") struct BlockedGroupTests {
  @Test func `blocked runs are grouped by their reason, with age and an example`() async throws {
    let fixture = try EngineFixture()
    try await fixture.withEngine(testRegistry()) { engine in
      for number in 1...3 {
        try await engine.client.start(type: "Nobody", key: WorkflowKey(workflowID: "nobody-\(number)"), input: .null)
      }
      try await engine.client.start(type: "Somebody", key: WorkflowKey(workflowID: "somebody"), input: .null)
      try await eventually("all are blocked") { try await engine.client.blockedGroups().map(\.runs) == [3, 1] }
      let groups = try await engine.client.blockedGroups()
      #expect(groups.map(\.workflowType) == ["Nobody", "Somebody"] && Set(groups.map(\.fingerprint)).count == 2)
      let first = try #require(groups.first)
      #expect(first.code == "unknown-workflow-type" && first.since <= first.last && first.exampleWorkflowID.hasPrefix("nobody-"))
      #expect(first.exampleReason.contains("Nobody") && first.build == "test")
    }
  }
}
