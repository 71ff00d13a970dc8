import Foundation
import HTTP
import Orchestrator

/// The routes for operators: what runs, why it waits, and a hand on it. Histories record the user's name as who acted.
///
///     OperatorAPI(client: engine.client, authentication: .development).addRoutes(to: &router)
struct OperatorAPI: Sendable {
  let client: Client
  let authentication: Authentication

  func addRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/workflows") { try await listWorkflows($0) }
    // A workflow may be called "count", so the count of workflows has a path of its own.
    router.on(.get, "/api/v1/workflow-count") { try await countWorkflows($0) }
    router.on(.get, "/api/v1/workflow-export") { try await exportWorkflows($0) }
    router.on(.post, "/api/v1/workflows") { try await startWorkflow($0) }
    router.on(.get, "/api/v1/workflows/{workflowId}") { try await showWorkflow($0) }
    router.on(.get, "/api/v1/workflows/{workflowId}/history") { try await showHistory($0) }
    router.on(.get, "/api/v1/workflows/{workflowId}/attempts") { try await showAttempts($0) }
    router.on(.get, "/api/v1/workflows/{workflowId}/query/{name}") { try await queryWorkflow($0) }
    router.on(.post, "/api/v1/workflows/{workflowId}/signal") { try await signalWorkflow($0) }
    router.on(.post, "/api/v1/workflows/{workflowId}/cancel") { request in
      try await act(on: request) { try await $0.cancel($1, reason: $2) }
    }
    router.on(.post, "/api/v1/workflows/{workflowId}/terminate") { request in
      try await act(on: request) { try await $0.terminate($1, reason: $2) }
    }
    router.on(.post, "/api/v1/workflows/{workflowId}/pause") { request in
      try await act(on: request) { try await $0.pause($1, reason: $2) }
    }
    router.on(.post, "/api/v1/workflows/{workflowId}/resume") { request in
      try await act(on: request) { try await $0.unpause($1, reason: $2) }
    }
    router.on(.get, "/api/v1/search-attributes") { request in
      try .json(encoding: Listing(items: try await authorized(request).searchAttributes(), nextCursor: nil))
    }
    router.on(.post, "/api/v1/search-attributes") { try await addSearchAttribute($0) }
    addUpdateRoutes(to: &router)
    addActivityRoutes(to: &router)
    addScheduleRoutes(to: &router)
    addRepairRoutes(to: &router)
    addBatchRoutes(to: &router)
    addVersionRoutes(to: &router)
  }

  /// `GET /api/v1/workflows?query=&status=&type=&workflowId=&startedAfter=&limit=&cursor=`, newest first.
  private func listWorkflows(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let page = try await client.listWorkflows(
      try filter(of: request), limit: try limit(of: request), cursor: request.queryValue("cursor"))
    return try .json(encoding: page)
  }

  /// `GET /api/v1/workflow-count`, with what a list takes to choose runs.
  private func countWorkflows(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    return try .json(encoding: try await client.countWorkflows(try filter(of: request)))
  }

  func filter(of request: HTTPRequest) throws -> WorkflowFilter {
    var filter = WorkflowFilter(
      namespace: namespace(of: request), query: request.queryValue("query"), workflowType: request.queryValue("type"),
      workflowID: request.queryValue("workflowId"))
    if let text = request.queryValue("status") {
      guard let status = WorkflowStatus(named: text) else {
        let known = WorkflowStatus.allCases.map(\.rawValue).joined(separator: ", ")
        throw APIProblem.invalid("invalid-query", "\"status\" must be one of \(known).")
      }
      filter.status = status
    }
    filter.startedAfter = try time("startedAfter", of: request)
    return filter
  }

  /// `POST /api/v1/workflows`: durable when answered. The same `runId` again is the same start.
  private func startWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request, also: .service)
    let body = try await request.strictJSON(StartRequest.self, upTo: Self.largestBody)
    let key = WorkflowKey(namespace: namespace(of: request), workflowID: body.workflowID)
    var attributes = SearchAttributes()
    if let given = body.searchAttributes { attributes = try await client.searchAttributes(reading: given) }
    let runID = try await client.start(
      type: body.type, key: key, input: body.input ?? .null, runID: body.runID ?? .generate(), searchAttributes: attributes,
      memo: body.memo, options: body.options ?? .standard)
    let started = StartedDocument(workflowID: body.workflowID, runID: runID)
    var response = try HTTPResponse.json(encoding: started, status: .created)
    response.headers["Location"] = started.url
    return response
  }

  /// `POST /api/v1/search-attributes`: the same again changes nothing.
  private func addSearchAttribute(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(SearchAttributeRequest.self, upTo: 64 << 10)
    try await client.addSearchAttribute(body.name, body.type)
    return try .json(encoding: SearchAttributeDefinition(name: body.name, type: body.type), status: .created)
  }

  /// `GET /api/v1/workflows/{workflowId}?runId=`: the newest run, or that one.
  private func showWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request, also: .service)
    return try .json(
      encoding: try await client.describe(key(of: request), runID: runID(of: request), showing: try await display(of: request)))
  }

  /// `GET /api/v1/workflows/{workflowId}/history?runId=&after=&limit=`
  private func showHistory(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let after = try number("after", of: request, in: 0...Int(Int32.max), default: 0)
    return try .json(
      encoding: try await client.history(
        try await run(of: request, client), after: Int32(after), limit: try limit(of: request, 1000),
        showing: try await display(of: request)))
  }

  /// `GET /api/v1/workflows/{workflowId}/attempts?runId=`: every attempt that failed.
  private func showAttempts(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    return try .json(
      encoding: Page(
        items: try await client.attempts(try await run(of: request, client), showing: try await display(of: request)), nextCursor: nil))
  }

  /// `GET /api/v1/workflows/{workflowId}/query/{name}`: answered from the stored state, also after the run closed.
  private func queryWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request, also: .service)
    try await requireReader(of: request)
    do {
      return try .json(encoding: ["result": try await client.query(key(of: request), name: request.parameters["name"] ?? "")])
    } catch let error as OrchestratorError where [.unknownWorkflowType, .unknownWorkflowVersion].contains(error.code) {
      // The run is in no state to be asked: that is no failure of this process.
      throw APIProblem(.conflict, error.code.name, APIProblem.sentence(error.message))
    }
  }

  /// `POST /api/v1/workflows/{workflowId}/signal`: durable when answered, applied once per `requestId`.
  private func signalWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request, also: .service)
    let body = try await request.strictJSON(SignalRequest.self, upTo: Self.largestBody)
    let key = key(of: request)
    try await client.signal(key, name: body.name, input: body.input ?? .null, requestID: body.requestID ?? UUID().uuidString)
    return try accepted(key)
  }

  /// `POST .../cancel`, `.../terminate`, `.../retry`, with `{"reason": "..."}` or without a body.
  private func act(
    on request: HTTPRequest, _ action: (Client, WorkflowKey, _ reason: String) async throws -> Void
  ) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.optionalJSON(ModerationRequest.self, upTo: 64 << 10)
    let key = key(of: request)
    try await action(client, key, body?.reason ?? "")
    return try accepted(key)
  }
}

extension OperatorAPI {
  /// A payload of the greatest size and the names around it.
  static let largestBody = Limits.payloadBytes + (16 << 10)

  /// The client under the name of an operator or admin.
  /// - Parameter others: who else may do this.
  /// - Throws: `APIProblem` 401, 403.
  func authorized(_ request: HTTPRequest, also others: Role...) async throws -> Client {
    let principal = try await authentication.authorized(request, [.operator, .admin] + others)
    return client.acting(as: principal.userID)
  }

  func namespace(of request: HTTPRequest) -> String { request.queryValue("namespace") ?? "default" }

  func key(of request: HTTPRequest) -> WorkflowKey {
    WorkflowKey(namespace: namespace(of: request), workflowID: request.parameters["workflowId"] ?? "")
  }

  func runID(of request: HTTPRequest) throws -> RunID? {
    try request.queryValue("runId").map { text in
      guard let runID = RunID(text) else { throw APIProblem.invalid("invalid-id", "A run is named by a UUID.") }
      return runID
    }
  }

  /// The run that a request is about, which must be one of the workflow id.
  private func run(of request: HTTPRequest, _ client: Client) async throws -> RunID {
    let key = key(of: request)
    guard let runID = try runID(of: request) else { return try await client.newestRun(of: key) }
    return try await client.describe(key, runID: runID).summary.runID
  }

  func limit(of request: HTTPRequest, _ standard: Int = 50) throws -> Int {
    try number("limit", of: request, in: 1...1000, default: standard)
  }

  func number(_ name: String, of request: HTTPRequest, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
    try request.number(name, in: range, default: standard)
  }

  /// 202: the message is durable, the run takes it right after.
  func accepted(_ key: WorkflowKey) throws -> HTTPResponse {
    let url = StartedDocument.url(key.workflowID)
    var response = try HTTPResponse.json(encoding: ["workflowId": key.workflowID, "statusUrl": url], status: .accepted)
    response.headers["Location"] = url
    return response
  }
}
