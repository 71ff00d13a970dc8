import Foundation
import HTTP
import Orchestrator
import Testing

@testable import orchestratord

@Suite struct ScheduleRoutesTests {
  private static let nightly =
    #""spec":{"cronExpressions":["30 2 * * *"],"timeZone":"Europe/Berlin"},"action":{"workflowType":"Waiting","input":"x"}"#

  @Test func `A schedule is made, shown, changed, paused, triggered, backfilled and deleted over HTTP`() async throws {
    try await OperatorFixture.run { service in
      let made = try await service.send(.post, "/api/v1/schedules", #"{"scheduleId":"n/1",\#(Self.nightly)}"#)
      #expect(made.status == 201 && made.text("scheduleId") == "n/1")
      let url = "/api/v1/schedules/n%2F1"
      let times = try await service.send(.get, url + "/times?from=2026-10-24T00:00:00Z&limit=2").json["items"] as? [[String: String]]
      #expect(times?.map { $0["nominal"] } == ["2026-10-24T00:30:00.000000Z", "2026-10-25T00:30:00.000000Z"])

      let version = try #require(made.json["version"] as? Int)
      let changed = try await service.send(.put, url, #"{"version":\#(version),\#(Self.nightly),"policies":{"overlapPolicy":"AllowAll"}}"#)
      #expect(changed.status == 200)
      let policies = (changed.json["schedule"] as? [String: Any])?["policies"] as? [String: Any]
      #expect(policies?["overlapPolicy"] as? String == "AllowAll")
      let late = try await service.send(.put, url, #"{"version":\#(version),\#(Self.nightly)}"#)
      #expect(late.status == 409 && late.problem == "schedule-changed")

      let paused = try await service.send(.post, url + "/pause", #"{"note":"holidays"}"#)
      let state = (paused.json["schedule"] as? [String: Any])?["state"] as? [String: Any]
      #expect(state?["paused"] as? Bool == true && state?["note"] as? String == "holidays")
      #expect(try await service.send(.post, url + "/trigger").status == 202)
      let span = #"{"from":"2026-01-01T00:00:00Z","through":"2026-01-02T00:00:00Z","overlapPolicy":"AllowAll"}"#
      #expect(try await service.send(.post, url + "/backfill", span).status == 202)
      _ = try await service.answer("/api/v1/workflows?status=running") { ($0["items"] as? [Any])?.count == 2 }
      #expect(try await service.send(.post, url + "/unpause").status == 200)
      #expect((try await service.send(.get, "/api/v1/schedules").json["items"] as? [Any])?.count == 1)
      #expect(try await service.send(.delete, url).status == 204)
      #expect(try await service.send(.get, url).problem == "schedule-not-found")
    }
  }

  @Test func `Two who edit a schedule at once do not undo each other: If-Match names what was read`() async throws {
    try await OperatorFixture.run { service in
      _ = try await service.send(.post, "/api/v1/schedules", #"{"scheduleId":"n",\#(Self.nightly)}"#)
      let url = "/api/v1/schedules/n"
      let tag = try #require(try await service.send(.get, url).response.headers["ETag"])
      #expect(try await service.send(.get, url, headers: ["If-None-Match": tag]).status == 304)
      let change = "{\(Self.nightly)}"
      let first = try await service.send(.put, url, change, headers: ["If-Match": tag])
      #expect(first.status == 200 && first.response.headers["ETag"] != tag)
      let second = try await service.send(.put, url, change, headers: ["If-Match": tag])
      #expect(second.status == 412 && second.problem == "edited-meanwhile")
      #expect(second.response.headers["ETag"] == first.response.headers["ETag"])
      #expect(try await service.send(.put, url, change, headers: ["If-Match": "*"]).status == 200)
    }
  }

  static let badInput: [(HTTPMethod, String, String, Int, String)] = [
    (.post, "", #"{\#(nightly)}"#, 422, "invalid-value"),
    (.post, "", #"{"scheduleId":"x","spec":{"cron":[]},"action":{"workflowType":"Waiting"}}"#, 422, "invalid-value"),
    (
      .post, "", #"{"scheduleId":"x","spec":{"cronExpressions":["61 * * * *"]},"action":{"workflowType":"Waiting"}}"#, 400,
      "invalid-argument"
    ),
    (.post, "", #"{"scheduleId":"x","spec":{},"action":{"workflowType":"Waiting"},"colour":1}"#, 400, "unknown-field"),
    (.get, "/missing", "", 404, "schedule-not-found"),
    (.post, "/missing/trigger", #"{"overlapPolicy":"Sometimes"}"#, 422, "invalid-value"),
    (.post, "/missing/backfill", #"{"from":"yesterday","through":"today"}"#, 422, "invalid-value"),
    (.get, "/missing/times?from=noon", "", 400, "invalid-query"),
  ]

  @Test(arguments: badInput) func `Bad input about schedules is refused and leaves nothing behind`(
    method: HTTPMethod, path: String, body: String, status: Int, problem: String
  ) async throws {
    try await OperatorFixture.run { service in
      let answer = try await service.send(method, "/api/v1/schedules" + path, body.isEmpty ? nil : body)
      #expect(answer.status == status && answer.problem == problem, "\(answer.json)")
      #expect((try await service.send(.get, "/api/v1/schedules").json["items"] as? [Any])?.isEmpty == true)
      let artist = try await service.send(method, "/api/v1/schedules" + path, body.isEmpty ? nil : body, as: "artist-token-0001")
      #expect(artist.status == 403)
    }
  }
}

/// Adds up what updates bring, slowly when they say so.
private struct Till: Workflow {
  struct State: WorkflowState {
    var total = 0
  }

  static let add = Update<Self, Int, Int>("add") { _, amount in
    guard amount > 0 else { throw ApplicationFailure(type: "NotPositive", message: "\(amount) is not positive") }
  } handle: { workflow, amount in
    if amount == 13 { throw ApplicationFailure(type: "Unlucky", message: "13", isRetryable: false) }
    if amount > 1000 { try await workflow.sleep(.seconds(3600)) }
    workflow.state.total += amount
    return workflow.state.total
  }
  static let handlers: [Handler<Self>] = [.update(add)]

  func run(_ workflow: Context<Self>, _ input: Int) async throws -> Int {
    try await workflow.wait { $0.total >= input }
    return workflow.state.total
  }
}

@Suite struct UpdateRoutesTests {
  @Test func `An update over HTTP is answered, rejected, failed, or waited for, and counts once`() async throws {
    var registry = OperatorFixture.registry
    registry.register(Till.self)
    try await OperatorFixture.run(registry) { service in
      _ = try await service.engine.client.start(Till.self, id: "till", input: 100)
      let url = "/api/v1/workflows/till/updates"
      for _ in 0..<2 {
        let added = try await service.send(.post, url, #"{"name":"add","input":40,"updateId":"u1"}"#)
        #expect(added.status == 200 && added.text("status") == "Completed" && added.json["result"] as? Int == 40)
      }
      let rejected = try await service.send(.post, url, #"{"name":"add","input":-1}"#)
      #expect(rejected.status == 200 && rejected.text("status") == "Rejected")
      #expect((rejected.json["failure"] as? [String: Any])?["type"] as? String == "NotPositive")
      #expect(try await service.send(.post, url, #"{"name":"add","input":13}"#).text("status") == "Failed")
      let slow = try await service.send(.post, url + "?waitSeconds=0", #"{"name":"add","input":2000,"updateId":"slow"}"#)
      #expect(slow.status == 202 && slow.text("status") == "Waiting")
      #expect(try await service.send(.get, url + "/slow?waitSeconds=0").status == 202)
      #expect(try await service.send(.get, url + "/u1").json["result"] as? Int == 40)
      #expect(try await service.send(.post, url + "?waitSeconds=61", #"{"name":"add"}"#).problem == "invalid-query")
      #expect(try await service.send(.post, "/api/v1/workflows/nobody/updates", #"{"name":"add"}"#).problem == "workflow-not-found")
      #expect(try await service.send(.post, url, #"{"name":"add"}"#, as: "artist-token-0001").status == 403)
    }
  }
}
