import HTTP
import Orchestrator

/// The routes for workers in any language: lease, keep and end tasks. docs/worker-protocol.md describes them.
///
///     TaskAPI(tasks: RemoteTasks(engine.client), authentication: .development).addRoutes(to: &router)
struct TaskAPI: Sendable {
  let tasks: RemoteTasks
  let authentication: Authentication

  /// Tasks in one request, with payloads of a common size.
  private static let largestBody = 4 * OperatorAPI.largestBody

  func addRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/task-queues/{taskQueue}/poll") { try await poll($0) }
    router.on(.post, "/api/v1/tasks/heartbeat") { try await heartbeat($0) }
    router.on(.post, "/api/v1/tasks/complete") { try await complete($0) }
    router.on(.post, "/api/v1/tasks/fail") { try await fail($0) }
  }

  /// Who asks: its name stands in histories, behind that of the worker.
  /// - Throws: `APIProblem` 401, 403.
  private func worker(_ request: HTTPRequest) async throws -> Principal {
    let principal = try await authentication.principal(of: request)
    try principal.require(.worker)
    return principal
  }

  private func poll(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await worker(request)
    let body = try await request.strictJSON(PollRequest.self, upTo: 64 << 10)
    let taskQueue = request.parameters["taskQueue"] ?? ""
    guard principal.taskQueues?.contains(taskQueue) ?? true else {
      throw APIProblem(.forbidden, "queue-not-permitted", "This key is for other task queues.")
    }
    let leased = try await tasks.poll(
      taskQueue, worker: body.worker ?? principal.userID, maximum: body.maximum,
      lease: .seconds(body.leaseSeconds), wait: .seconds(body.waitSeconds))
    return try .json(encoding: ["tasks": leased])
  }

  private func heartbeat(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try await worker(request)
    let body = try await request.strictJSON(HeartbeatRequest.self, upTo: Self.largestBody)
    let answer = try await tasks.heartbeat(body.tasks.map { ($0.taskToken, $0.details) }, lease: .seconds(body.leaseSeconds))
    return try .json(encoding: TaskAnswer(lost: answer.lost, cancelRequested: answer.cancelRequested))
  }

  private func complete(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await worker(request)
    let body = try await request.strictJSON(CompleteTasksRequest.self, upTo: Self.largestBody)
    let answer = try await tasks.complete(body.tasks.map { ($0.taskToken, $0.result) }, worker: body.worker ?? principal.userID)
    return try .json(encoding: TaskAnswer(lost: answer.lost, cancelRequested: []))
  }

  private func fail(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await worker(request)
    let body = try await request.strictJSON(FailTasksRequest.self, upTo: Self.largestBody)
    var lost: [TaskToken] = []
    for task in body.tasks
    where try await !tasks.fail(task.taskToken, task.failure, details: task.details, worker: body.worker ?? principal.userID) {
      lost.append(task.taskToken)
    }
    return try .json(encoding: TaskAnswer(lost: lost, cancelRequested: []))
  }
}
