import Foundation
import Orchestrator
import Testing

@testable import HTTP
@testable import orchestratord

/// What a worker in any language may do, and what it may not.
@Suite struct TaskRoutesTests {
  private static let worker = "worker-token-0001"

  /// A fixture with the worker's routes, and the means to poll.
  private static func run(
    _ body: (OperatorFixture, (_ path: String, _ json: String) async throws -> Answer) async throws -> Void
  ) async throws {
    try await OperatorFixture.run { service in
      var router = Router()
      let authentication = try Authentication(tokens: "\(worker):lab:worker, operator-token-01:olga:operator")
      TaskAPI(tasks: RemoteTasks(service.engine.client), authentication: authentication).addRoutes(to: &router)
      let routes = router
      try await body(service) { path, json in
        try await Self.send(path, json, as: Self.worker, to: routes)
      }
      #expect(try await Self.send("/api/v1/tasks/complete", #"{"tasks":[]}"#, as: "operator-token-01", to: routes).status == 403)
      #expect(try await Self.send("/api/v1/tasks/complete", #"{"tasks":[]}"#, as: nil, to: routes).status == 401)
    }
  }

  private static func send(_ path: String, _ json: String, as token: String?, to router: Router) async throws -> Answer {
    var headers: HTTPHeaders = [:]
    if let token { headers["Authorization"] = "Bearer \(token)" }
    return Answer(
      await router.respond(
        to: try HTTPRequest(
          method: .post, target: path, headers: headers, remoteAddress: "192.0.2.1", body: RequestBody(Array(json.utf8)))))
  }

  private static let poll = "/api/v1/task-queues/elsewhere/poll"

  private static func tasks(_ answer: Answer) throws -> [[String: Any]] { try #require(answer.json["tasks"] as? [[String: Any]]) }

  private static func token(_ task: [String: Any]) throws -> String { try #require(task["taskToken"] as? String) }

  @Test func `A worker's key is good for its queues, until it is revoked`() async throws {
    try await OperatorFixture.run { service in
      let directory = AccessDirectory(database: service.database)
      let made = try #require(
        try await directory.addKey(name: "lab", roles: [.worker], taskQueues: ["elsewhere"], lifetime: .hours(1), by: "ada"))
      var authentication = Authentication.closed
      authentication.directory = directory
      var router = Router()
      TaskAPI(tasks: RemoteTasks(service.engine.client), authentication: authentication).addRoutes(to: &router)
      #expect(try await Self.send(Self.poll, "{}", as: made.key, to: router).status == 200)
      let other = try await Self.send("/api/v1/task-queues/payments/poll", "{}", as: made.key, to: router)
      #expect(other.status == 403 && other.problem == "queue-not-permitted")
      _ = try await directory.revokeKey(made.record.id)
      #expect(try await Self.send(Self.poll, "{}", as: made.key, to: router).status == 401)
    }
  }

  @Test func `A task is leased, kept, completed once, and its workflow goes on`() async throws {
    try await Self.run { service, send in
      let run = try await service.engine.client.start(Remote.self, id: "r1", input: 20)
      let leased = try Self.tasks(try await send(Self.poll, #"{"waitSeconds":20,"worker":"python/1","leaseSeconds":60}"#))
      let task = try #require(leased.first)
      #expect(task["input"] as? Int == 20 && task["activityType"] as? String == "remote-step" && task["attempt"] as? Int == 1)
      #expect(task["workflowId"] as? String == "r1" && (task["idempotencyKey"] as? String)?.hasSuffix("/1") == true)
      let token = try Self.token(task)
      let kept = try await send("/api/v1/tasks/heartbeat", #"{"tasks":[{"taskToken":"\#(token)","details":{"at":5}}]}"#)
      #expect((kept.json["lost"] as? [String])?.isEmpty == true && (kept.json["cancelRequested"] as? [String])?.isEmpty == true)
      let done = #"{"tasks":[{"taskToken":"\#(token)","result":21}],"worker":"python/1"}"#
      #expect((try await send("/api/v1/tasks/complete", done).json["lost"] as? [String])?.isEmpty == true)
      #expect(try await run.result() == 21)
      // The answer was lost, and it is said again: it was recorded once.
      #expect(try await send("/api/v1/tasks/complete", done).json["lost"] as? [String] == [token])
    }
  }

  @Test func `A failure follows the retry policy, and the next attempt is told how far the one before came`() async throws {
    try await Self.run { service, send in
      let run = try await service.engine.client.start(Remote.self, id: "r2", input: 1)
      let first = try Self.token(try #require(try Self.tasks(try await send(Self.poll, #"{"waitSeconds":20}"#)).first))
      _ = try await send("/api/v1/tasks/heartbeat", #"{"tasks":[{"taskToken":"\#(first)","details":"half"}]}"#)
      let failure = #"{"type":"Timeout","message":"no answer","nextRetryDelayMilliseconds":10}"#
      let failed = try await send("/api/v1/tasks/fail", #"{"tasks":[{"taskToken":"\#(first)","failure":\#(failure),"details":"nearly"}]}"#)
      #expect((failed.json["lost"] as? [String])?.isEmpty == true)
      let task = try #require(try Self.tasks(try await send(Self.poll, #"{"waitSeconds":20}"#)).first)
      #expect(task["attempt"] as? Int == 2 && task["heartbeatDetails"] as? String == "nearly")
      let final = #"{"type":"NoSuchFile","message":"gone","retryable":false}"#
      let second = try Self.token(task)
      _ = try await send("/api/v1/tasks/fail", #"{"tasks":[{"taskToken":"\#(second)","failure":\#(final)}]}"#)
      let error = await #expect(throws: WorkflowFailure.self) { try await run.result() }
      #expect(error?.failure?.cause.first?.type == "NoSuchFile")
    }
  }

  @Test func `A lease that ended, and a workflow that no longer waits, are told at the next word`() async throws {
    try await Self.run { service, send in
      let run = try await service.engine.client.start(Remote.self, id: "r3", input: 1)
      let token = try Self.token(try #require(try Self.tasks(try await send(Self.poll, #"{"waitSeconds":20,"leaseSeconds":60}"#)).first))
      try await run.cancel()
      var answer = try await send("/api/v1/tasks/heartbeat", #"{"tasks":[{"taskToken":"\#(token)"}]}"#)
      while (answer.json["cancelRequested"] as? [String])?.isEmpty == true, (answer.json["lost"] as? [String])?.isEmpty == true {
        answer = try await send("/api/v1/tasks/heartbeat", #"{"tasks":[{"taskToken":"\#(token)"}]}"#)
      }
      let late = try await service.engine.client.start(Remote.self, id: "r4", input: 1)
      let short = try Self.token(try #require(try Self.tasks(try await send(Self.poll, #"{"waitSeconds":20,"leaseSeconds":1}"#)).first))
      // Its lease ends, and somebody else is given the task.
      let next = try #require(try Self.tasks(try await send(Self.poll, #"{"waitSeconds":60}"#)).first)
      #expect(next["attempt"] as? Int == 2)
      let lost = try await send("/api/v1/tasks/complete", #"{"tasks":[{"taskToken":"\#(short)","result":1}]}"#)
      #expect(lost.json["lost"] as? [String] == [short])
      let other = try Self.token(next)
      _ = try await send("/api/v1/tasks/complete", #"{"tasks":[{"taskToken":"\#(other)","result":2}]}"#)
      #expect(try await late.result() == 2)
    }
  }

  @Test(
    arguments: [
      (#"{"maximum":101}"#, 422), (#"{"waitSeconds":61}"#, 422), (#"{"leaseSeconds":0}"#, 422), (#"{"max":1}"#, 400), ("[", 400),
      (#"{"worker":""}"#, 422),
    ])
  func `A poll that makes no sense is refused`(_ json: String, _ status: Int) async throws {
    try await Self.run { _, send in
      let poll = try await send(Self.poll, json)
      #expect(poll.status == status)
      let complete = try await send("/api/v1/tasks/complete", #"{"tasks":[{"taskToken":"x.1.1.1"}]}"#)
      let fail = try await send("/api/v1/tasks/fail", #"{"tasks":[{"taskToken":"0","failure":{}}]}"#)
      #expect(complete.status == 422 && fail.status == 422)
    }
  }
}
