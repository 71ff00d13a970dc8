import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import orchestratord

@Suite struct WorkflowRoutesTests {
  @Test func `A workflow is started, shown, signalled and queried over HTTP, and its history says who acted`() async throws {
    try await OperatorFixture.run { service in
      let started = try await service.send(.post, "/api/v1/workflows", #"{"type":"Waiting","workflowId":"w 1/ä","input":"hello"}"#)
      #expect(started.status == 201 && started.text("statusUrl") == "/api/v1/workflows/w%201%2F%C3%A4")
      let url = try #require(started.text("statusUrl"))
      let shown = try await service.answer(url) { $0["status"] as? String == "Running" }
      #expect(shown["workflowId"] as? String == "w 1/ä" && shown["runId"] as? String == started.text("runId"))
      #expect(shown["input"] as? String == "hello" && (shown["state"] as? [String: Any])?["note"] as? String == "none")
      #expect(try await service.send(.get, url + "/query/note").text("result") == "none")
      let signal = try await service.send(.post, url + "/signal", #"{"name":"tell","input":"world","requestId":"r1"}"#)
      #expect(signal.status == 202)
      let closed = try await service.answer(url) { $0["status"] as? String == "Completed" }
      #expect(closed["outcome"] as? String == "hello world" && closed["waitsFor"] == nil && closed["events"] as? Int == 3)
      let history = try await service.send(.get, url + "/history").json["events"] as? [[String: Any]] ?? []
      #expect(history.map { $0["eventId"] as? Int } == [1, 2, 3])
      #expect(history.map { $0["causedBy"] as? Int } == [0, 0, 2])
      #expect(history[1]["type"] as? String == "WorkflowExecutionSignaled")
      #expect((history[1]["attributes"] as? [String: Any])?["identity"] as? String == "olga")
    }
  }

  @Test func `The same start and the same signal again change nothing, another start of the id is a conflict`() async throws {
    try await OperatorFixture.run { service in
      let runID = RunID.generate()
      let start = #"{"type":"Waiting","workflowId":"twice","input":"x","runId":"\#(runID)"}"#
      for _ in 0..<2 { #expect(try await service.send(.post, "/api/v1/workflows", start).text("runId") == runID.description) }
      let other = try await service.send(.post, "/api/v1/workflows", #"{"type":"Waiting","workflowId":"twice","input":"x"}"#)
      #expect(other.status == 409 && other.problem == "workflow-already-started")
    }
  }

  @Test func `A running workflow is cancelled, another one terminated, with the reason in the history`() async throws {
    try await OperatorFixture.run { service in
      for (id, action, status) in [("c", "cancel", "Canceled"), ("t", "terminate", "Terminated")] {
        _ = try await service.engine.client.start(Waiting.self, id: id, input: "x")
        let answer = try await service.send(.post, "/api/v1/workflows/\(id)/\(action)", #"{"reason":"no longer wanted"}"#)
        #expect(answer.status == 202)
        _ = try await service.status(of: id, becomes: status)
        let history = try await service.send(.get, "/api/v1/workflows/\(id)/history").json["events"] as? [[String: Any]] ?? []
        #expect((history[1]["attributes"] as? [String: Any])?["reason"] as? String == "no longer wanted")
        let again = try await service.send(.post, "/api/v1/workflows/\(id)/\(action)")
        #expect(again.status == 409 && again.problem == "workflow-closed")
      }
    }
  }

  @Test func `Search attributes are added, given at a start, and found by, over HTTP`() async throws {
    try await OperatorFixture.run { service in
      for (name, type) in [("Amount", "Int"), ("Tags", "KeywordList")] {
        let added = try await service.send(.post, "/api/v1/search-attributes", #"{"name":"\#(name)","type":"\#(type)"}"#)
        #expect(added.status == 201)
      }
      let listed = try await service.send(.get, "/api/v1/search-attributes").json["items"] as? [[String: String]]
      #expect(listed == [["name": "Amount", "type": "Int"], ["name": "Tags", "type": "KeywordList"]])
      let start = #"{"type":"Waiting","workflowId":"w","input":"x","searchAttributes":{"Amount":12,"Tags":["a"]},"memo":{"note":"hi"}}"#
      #expect(try await service.send(.post, "/api/v1/workflows", start).status == 201)
      let shown = try await service.status(of: "w", becomes: "Running")
      #expect((shown["memo"] as? [String: String]) == ["note": "hi"])
      #expect((shown["searchAttributes"] as? [String: Any])?["Amount"] as? Int == 12)
      let found = try await service.send(.get, "/api/v1/workflows?query=Amount+BETWEEN+10+AND+20+AND+Tags+%3D+'a'").json["items"] as? [Any]
      #expect(found?.count == 1)
      for attributes in [#"{"Amount":"12"}"#, #"{"Colour":"red"}"#, "[]", #"{"Tags":[1]}"#] {
        let body = #"{"type":"Waiting","workflowId":"x","input":"x","searchAttributes":\#(attributes)}"#
        let refused = try await service.send(.post, "/api/v1/workflows", body)
        #expect(refused.status == 400 && refused.problem == "invalid-argument", "\(attributes)")
      }
    }
  }

  static let badInput: [(HTTPMethod, String, String, Int, String)] = [
    (.get, "/api/v1/workflows/none", "", 404, "workflow-not-found"),
    (.get, "/api/v1/workflows/none/history", "", 404, "workflow-not-found"),
    (.get, "/api/v1/workflows/none/query/note", "", 404, "workflow-not-found"),
    (.get, "/api/v1/workflows/w/query/unknown", "", 404, "query-not-found"),
    (.get, "/api/v1/workflows/w?runId=00000000-0000-7000-8000-000000000000", "", 404, "workflow-not-found"),
    (.get, "/api/v1/workflows/w?runId=5", "", 400, "invalid-id"),
    (.get, "/api/v1/workflows?status=Sleeping", "", 400, "invalid-query"),
    (.get, "/api/v1/workflows?limit=0", "", 400, "invalid-query"),
    (.get, "/api/v1/workflows?startedAfter=yesterday", "", 400, "invalid-query"),
    (.get, "/api/v1/workflows?cursor=abc", "", 400, "invalid-argument"),
    (.get, "/api/v1/workflows?query=WorkflowId%20%3D", "", 400, "invalid-argument"),
    (.get, "/api/v1/workflows?query=GROUP%20BY%20ExecutionStatus", "", 400, "invalid-argument"),
    (.get, "/api/v1/workflow-count?query=Colour%20%3D%201", "", 400, "invalid-argument"),
    (.get, "/api/v1/workflow-count?status=Sleeping", "", 400, "invalid-query"),
    (.get, "/api/v1/activities?state=started", "", 400, "invalid-query"),
    (.get, "/api/v1/activities?cursor=abc", "", 400, "invalid-argument"),
    (.post, "/api/v1/workflows", #"{"type":"Waiting"}"#, 422, "invalid-value"),
    (.post, "/api/v1/workflows", #"{"type":"Waiting","workflowId":"x","inputs":1}"#, 400, "unknown-field"),
    (.post, "/api/v1/workflows", #"{"type":"","workflowId":"x"}"#, 400, "invalid-argument"),
    (.post, "/api/v1/workflows", #"{"type":"Waiting","workflowId":"x","runId":"7"}"#, 422, "invalid-value"),
    (.post, "/api/v1/workflows", "[]", 400, "invalid-json"),
    (.post, "/api/v1/workflows", #"{"type":"Waiting","workflowId":"x","memo":[]}"#, 400, "invalid-argument"),
    (.post, "/api/v1/search-attributes", #"{"name":"a b","type":"Int"}"#, 400, "invalid-argument"),
    (.post, "/api/v1/search-attributes", #"{"name":"a","type":"int"}"#, 422, "invalid-value"),
    (.post, "/api/v1/workflows/none/signal", #"{"name":"tell"}"#, 404, "workflow-not-found"),
    (.post, "/api/v1/workflows/w/signal", #"{"input":1}"#, 422, "invalid-value"),
    (.post, "/api/v1/workflows/w/cancel", #"{"because":"x"}"#, 400, "unknown-field"),
    (.post, "/api/v1/workflows/w/activities/0/retry", "", 400, "invalid-id"),
    (.post, "/api/v1/workflows/w/activities/7/retry", "", 404, "activity-not-found"),
    (.post, "/api/v1/workflows/w/activities/1/complete", "{}", 422, "invalid-value"),
    (.post, "/api/v1/workflows/w/activities/1/fail", #"{"reason":5}"#, 422, "invalid-value"),
  ]

  @Test func `Bad input gets a problem with its own type`() async throws {
    try await OperatorFixture.run { service in
      _ = try await service.engine.client.start(Waiting.self, id: "w", input: "x")
      for (method, target, body, status, problem) in Self.badInput {
        let answer = try await service.send(method, target, body.isEmpty ? nil : body)
        #expect(answer.status == status && answer.problem == problem, "\(target) \(body): \(answer.json)")
      }
    }
  }

  @Test func `Only operators and admins may look and act`() async throws {
    try await OperatorFixture.run { service in
      #expect(try await service.send(.get, "/api/v1/workflows", as: nil).status == 401)
      #expect(try await service.send(.get, "/api/v1/workflows", as: "admin-token-00001").status == 200)
      for (method, target) in [
        (HTTPMethod.get, "/api/v1/workflows"), (.get, "/api/v1/workflow-count"),
        (.get, "/api/v1/workflows/w/history"), (.get, "/api/v1/queues"), (.get, "/api/v1/owners"),
        (.get, "/api/v1/activities"), (.post, "/api/v1/workflows/w/terminate"),
      ] {
        let answer = try await service.send(method, target, as: "artist-token-0001")
        #expect(answer.status == 403 && answer.problem == "role-required", "\(target)")
      }
    }
  }

  @Test func `Pages neither skip nor repeat a run while new runs start`() async throws {
    try await OperatorFixture.run { service in
      let client = service.engine.client
      for number in 0..<20 { _ = try await client.start(Waiting.self, id: "run-\(number)", input: "x") }
      var seen: [String] = []
      var cursor: String?
      repeat {
        let page = try await client.listWorkflows(WorkflowFilter(status: .running), limit: 6, cursor: cursor)
        seen += page.items.map(\.workflowID)
        cursor = page.nextCursor
        _ = try await client.start(Waiting.self, id: "late-\(seen.count)", input: "x")
      } while cursor != nil
      #expect(seen == (0..<20).reversed().map { "run-\($0)" })
      let typed = try await service.send(.get, "/api/v1/workflows?type=Stuck").json["items"] as? [Any]
      let named = try await service.send(.get, "/api/v1/workflows?workflowId=run-3&status=running").json["items"] as? [Any]
      let later = try await service.send(.get, "/api/v1/workflows?startedAfter=2999-01-01T00:00:00Z").json["items"] as? [Any]
      #expect(typed?.count == 0 && named?.count == 1 && later?.count == 0)
      let query = "WorkflowId+STARTS_WITH+'run-1'+AND+ExecutionStatus+%3D+'Running'"
      let target = "/api/v1/workflows?limit=2&query=\(query)+ORDER+BY+StartTime+ASC"
      let oldest = try await service.send(.get, target).json["items"] as? [[String: Any]]
      #expect(oldest?.compactMap { $0["workflowId"] as? String } == ["run-1", "run-10"])
      let count = try await service.send(.get, "/api/v1/workflow-count?query=\(query)+GROUP+BY+ExecutionStatus").json
      #expect(count["count"] as? Int == 11 && (count["groups"] as? [[String: Any]])?.first?["status"] as? String == "Running")
    }
  }

  @Test func `A blocked run says what blocks it, is retried on demand, and goes on when fitting code is there`() async throws {
    let database = try OperatorFixture.migratedDatabase()
    try await OperatorFixture.run(on: database) { service in
      _ = try await service.engine.client.start(Original.self, id: "versioned", input: 1)
      _ = try await service.answer("/api/v1/workflows/versioned/history") { ($0["events"] as? [Any])?.count == 4 }
      let timers = try await service.send(.get, "/api/v1/workflows/versioned").json["pendingTimers"] as? [[String: Any]] ?? []
      let times = ["startedAt", "firesAt"].compactMap { RecordedTime(timers.first?[$0] as? String ?? "")?.microseconds }
      #expect(timers.count == 1 && times.count == 2 && times[1] - times[0] == 3_600_000_000)
    }
    try await OperatorFixture.run(OperatorFixture.changedRegistry, on: database) { service in
      _ = try await service.send(.post, "/api/v1/workflows/versioned/cancel")
      let shown = try await service.status(of: "versioned", becomes: "Blocked")
      let blocked = try #require(shown["blocked"] as? [String: Any])
      #expect(blocked["code"] as? String == "non-determinism" && shown["blockedCode"] as? String == "non-determinism")
      #expect((blocked["reason"] as? String)?.contains("event 2") == true && blocked["build"] as? String == "test")
      let list = try await service.send(.get, "/api/v1/workflows?status=blocked").json["items"] as? [[String: Any]]
      #expect(list?.first?["workflowId"] as? String == "versioned")
      #expect(try await service.send(.post, "/api/v1/workflows/versioned/retry").status == 202)
      let before = try #require(blocked["attempts"] as? Int)
      _ = try await service.answer("/api/v1/workflows/versioned") { document in
        ((document["blocked"] as? [String: Any])?["attempts"] as? Int ?? 0) > before
      }
    }
    try await OperatorFixture.run(on: database) { service in
      _ = try await service.status(of: "versioned", becomes: "Canceled")
    }
  }

  @Test(arguments: ErrorCode.all) func `Every code of the catalogue is a problem of its own type with its status`(code: ErrorCode) {
    let answer = Answer(OrchestratorError(code, "the thing 'x' is not there").response)
    #expect(
      answer.status == code.httpStatus && answer.problem == code.name && answer.text("type") == "urn:orchestrator:problem:\(code.name)")
    #expect(answer.text("detail") == "The thing 'x' is not there.")
    #expect((answer.response.headers["Retry-After"] != nil) == (code.httpStatus == 503))
  }

  @Test func `A start that no owner has taken yet is shown as such, not as unknown`() async throws {
    let database = try Database(try OperatorFixture.migratedDatabase(), maximumConnections: 2)
    let client = Client(database, OperatorFixture.registry, identity: "test")
    _ = try await client.start(Waiting.self, id: "early", input: "x")
    let error = await #expect(throws: OrchestratorError.self) { try await client.describe(WorkflowKey(workflowID: "early")) }
    #expect(error?.code == .unavailable && error?.message.contains("no owner has taken it yet") == true)
    await database.shutdown()
  }
}
