import HTTP
import Orchestrator

extension OperatorAPI {
  func addActivityRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/activities") { try await listActivities($0) }
    addQueueRoutes(to: &router)
    router.on(.get, "/api/v1/owners") { request in
      try .json(encoding: Page(items: try await authorized(request).owners(), nextCursor: nil))
    }
    let activity = "/api/v1/workflows/{workflowId}/activities/{sequence}"
    router.on(.post, activity + "/retry") { request in
      try await command(request) {
        _ = try await request.optionalJSON(ModerationRequest.self, upTo: 64 << 10)
        return .retry
      }
    }
    router.on(.post, activity + "/complete") { request in
      try await command(request) { .complete(try await request.strictJSON(CompleteRequest.self, upTo: Self.largestBody).result) }
    }
    router.on(.post, activity + "/fail") { request in
      try await command(request) { .fail(reason: try await request.strictJSON(FailRequest.self, upTo: 64 << 10).reason) }
    }
    router.on(.post, activity + "/reset") { request in
      try await command(request) {
        .reset(try await request.optionalJSON(ActivityResetRequest.self, upTo: 64 << 10)?.reset ?? ActivityReset())
      }
    }
    router.on(.post, activity + "/update-options") { request in
      try await command(request) {
        let body = try await request.strictJSON(ActivityOptionsRequest.self, upTo: 64 << 10)
        return .updateOptions(try body.options.map { try ActivityOptionsChange($0) })
      }
    }
    addPauseRoutes(to: &router, activity)
  }

  private func addPauseRoutes(to router: inout Router, _ activity: String) {
    router.on(.post, activity + "/pause") { request in
      let client = try await authorized(request)
      let body = try await request.optionalJSON(ModerationRequest.self, upTo: 64 << 10)
      try await client.pauseActivity(key(of: request), sequence: Self.sequence(of: request), reason: body?.reason ?? "")
      return try accepted(key(of: request))
    }
    router.on(.post, activity + "/resume") { request in
      try await authorized(request).resumeActivity(key(of: request), sequence: Self.sequence(of: request))
      return try accepted(key(of: request))
    }
    router.on(.get, "/api/v1/activity-pauses") { request in
      try .json(encoding: Page(items: try await authorized(request).activityPauses(namespace: namespace(of: request)), nextCursor: nil))
    }
    router.on(.post, "/api/v1/activity-pauses") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(ActivityPauseRequest.self, upTo: 64 << 10)
      try await client.pauseActivityType(
        body.activityType, taskQueue: body.taskQueue, reason: body.reason, namespace: namespace(of: request))
      return HTTPResponse(.noContent)
    }
    router.on(.delete, "/api/v1/activity-pauses/{activityType}") { request in
      try await authorized(request).resumeActivityType(
        request.parameters["activityType"] ?? "", taskQueue: request.queryValue("taskQueue"), namespace: namespace(of: request))
      return HTTPResponse(.noContent)
    }
  }

  /// `GET /api/v1/activities?state=parked&limit=&cursor=`: what waits for an operator; with `workflowId` all that is pending of it.
  private func listActivities(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let state = request.queryValue("state")
    guard state == nil || state?.lowercased() == "parked" else {
      throw APIProblem.invalid(
        "invalid-query", "\"state\" can only be parked; ask with \"workflowId\" for all that is pending of a workflow.")
    }
    if let workflowID = request.queryValue("workflowId") {
      let runID = try await client.newestRun(of: WorkflowKey(namespace: namespace(of: request), workflowID: workflowID))
      let pending = try await client.pendingActivities(runID, showing: try await display(of: request))
      return try .json(encoding: Page(items: pending.filter { state == nil || $0.state == .parked }, nextCursor: nil))
    }
    let page = try await client.parkedActivities(
      namespace: namespace(of: request), limit: try limit(of: request), cursor: request.queryValue("cursor"),
      showing: try await display(of: request))
    return try .json(encoding: page)
  }

  /// 202: the word is durable, the run takes it right after. The body is not read before it is known who sends it.
  private func command(_ request: HTTPRequest, _ action: () async throws -> ActivityAction) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let (key, sequence) = (key(of: request), try Self.sequence(of: request))
    try await client.commandActivity(key, sequence: sequence, try await action())
    return try accepted(key)
  }

  private static func sequence(of request: HTTPRequest) throws -> Int32 {
    guard let sequence = Int32(request.parameters["sequence"] ?? ""), sequence > 0 else {
      throw APIProblem.invalid("invalid-id", "An activity is named by its sequence number in the run, from 1.")
    }
    return sequence
  }
}

/// The body of `POST /api/v1/activity-pauses`.
struct ActivityPauseRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case activityType, taskQueue, reason }

  let activityType: String
  let taskQueue: String?
  let reason: String

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    activityType = try fields.decode(String.self, forKey: .activityType)
    taskQueue = try fields.decodeIfPresent(String.self, forKey: .taskQueue)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason) ?? ""
  }
}

/// The body of `.../activities/{sequence}/reset`.
struct ActivityResetRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case keepHeartbeat, restoreOptions }

  let reset: ActivityReset

  init(from decoder: any Decoder) throws { reset = try ActivityReset(from: decoder) }
}

/// The body of `.../activities/{sequence}/update-options`; options of null are those that the code asked for.
struct ActivityOptionsRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case options }

  let options: Payload?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    guard fields.contains(.options) else {
      throw DecodingError.keyNotFound(Field.options, .init(codingPath: [], debugDescription: "no options"))
    }
    options = try fields.decodeIfPresent(Payload.self, forKey: .options)
  }
}
