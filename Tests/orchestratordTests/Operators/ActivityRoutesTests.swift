import Foundation
import Orchestrator
import Testing

@testable import orchestratord

@Suite struct ActivityRoutesTests {
  @Test func `A parked activity is listed with its attempts, retried, and its run goes on`() async throws {
    try await OperatorFixture.run { service in
      try await service.park("stuck")
      let shown = try await service.send(.get, "/api/v1/workflows/stuck").json
      let pending = try #require((shown["pendingActivities"] as? [[String: Any]])?.first)
      #expect(pending["state"] as? String == "Parked" && pending["attempt"] as? Int == 2 && pending["sequence"] as? Int == 1)
      #expect((pending["lastFailure"] as? [String: Any])?["type"] as? String == "NotYet")
      #expect((shown["waitsFor"] as? String)?.contains("operator for activity stuck-step (1)") == true)
      let attempts = try await service.send(.get, "/api/v1/workflows/stuck/attempts").json["items"] as? [[String: Any]] ?? []
      #expect(attempts.map { $0["attempt"] as? Int } == [1, 2])
      #expect(try await service.send(.post, "/api/v1/workflows/stuck/activities/1/retry").status == 202)
      #expect(try await service.status(of: "stuck", becomes: "Completed")["outcome"] as? Int == 43)
      #expect((try await service.send(.get, "/api/v1/activities").json["items"] as? [Any])?.isEmpty == true)
    }
  }

  @Test func `A parked activity is completed or failed by hand`() async throws {
    try await OperatorFixture.run { service in
      try await service.park("completed")
      try await service.park("failed")
      let completed = try await service.send(.post, "/api/v1/workflows/completed/activities/1/complete", #"{"result":7}"#)
      let failed = try await service.send(.post, "/api/v1/workflows/failed/activities/1/fail", #"{"reason":"beyond repair"}"#)
      #expect(completed.status == 202 && failed.status == 202)
      #expect(try await service.status(of: "completed", becomes: "Completed")["outcome"] as? Int == 7)
      let outcome = try await service.status(of: "failed", becomes: "Failed")["outcome"] as? [String: Any]
      #expect(String(describing: outcome).contains("beyond repair"))
    }
  }

  @Test func `Parked activities of many runs come in pages`() async throws {
    try await OperatorFixture.run { service in
      for number in 0..<5 { try await service.park("p\(number)") }
      var seen: [String] = []
      var target = "/api/v1/activities?state=parked&limit=2"
      while true {
        let page = try await service.send(.get, target).json
        seen += (page["items"] as? [[String: Any]] ?? []).compactMap { $0["workflowId"] as? String }
        guard let cursor = page["nextCursor"] as? String else { break }
        target = "/api/v1/activities?state=parked&limit=2&cursor=\(cursor)"
      }
      #expect(seen == (0..<5).map { "p\($0)" })
    }
  }

  @Test func `Queues and owners show depth and slots`() async throws {
    try await OperatorFixture.run { service in
      for number in 0..<3 { _ = try await service.engine.client.start(Remote.self, id: "r\(number)", input: 1) }
      let queues = try await service.answer("/api/v1/queues") { document in
        (document["items"] as? [[String: Any]])?.contains { $0["ready"] as? Int == 3 } == true
      }
      let queue = try #require((queues["items"] as? [[String: Any]])?.first { $0["taskQueue"] as? String == "elsewhere" })
      #expect(queue["ready"] as? Int == 3 && queue["leased"] as? Int == 0 && queue["oldestAgeMilliseconds"] is Int)
      let owners = try await service.send(.get, "/api/v1/owners").json["items"] as? [[String: Any]] ?? []
      #expect(owners.count == 1 && owners[0]["slots"] as? Int == 256 && owners[0]["build"] as? String == "test")
      let waits = try await service.send(.get, "/api/v1/workflows/r0").json["waitsFor"] as? String
      #expect(waits?.contains("activity remote-step (1) in queue elsewhere") == true)
    }
  }
}
