import Foundation
import HTTP
import Orchestrator

/// The body of `POST /api/v1/workflows/{workflowId}/reset`, `.../fork` and `.../retry`.
struct ResetRequestBody: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case point, runId, exclude, reason, newRunId, newWorkflowId, input }

  let point: ResetPoint?
  let runID: RunID?
  let exclusions: Set<ResetExclusion>?
  let reason: String
  /// Makes a repeated request harmless.
  let newRunID: RunID
  let newWorkflowID: String?
  let input: Payload?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    point = try fields.decodeIfPresent(String.self, forKey: .point).map { text in
      guard let point = ResetPoint(text) else {
        throw DecodingError.dataCorruptedError(
          forKey: .point, in: fields, debugDescription: "the number of an event, first, last-activity or before-failure")
      }
      return point
    }
    runID = try fields.decodeIfPresent(RunID.self, forKey: .runId)
    exclusions = try fields.decodeIfPresent([String].self, forKey: .exclude).map { words in
      Set(
        try words.map { word in
          guard let exclusion = ResetExclusion(rawValue: word) else {
            throw DecodingError.dataCorruptedError(forKey: .exclude, in: fields, debugDescription: "signals, updates")
          }
          return exclusion
        })
    }
    reason = try fields.decodeIfPresent(String.self, forKey: .reason) ?? ""
    newRunID = try fields.decodeIfPresent(RunID.self, forKey: .newRunId) ?? .generate()
    newWorkflowID = try fields.decodeIfPresent(String.self, forKey: .newWorkflowId)
    input = try fields.decodeIfPresent(Payload.self, forKey: .input)
  }
}

extension OperatorAPI {
  func addRepairRoutes(to router: inout Router) {
    let workflow = "/api/v1/workflows/{workflowId}"
    router.on(.get, "/api/v1/blocked-groups") { request in
      let groups = try await authorized(request).blockedGroups(namespace: namespace(of: request))
      return try .json(encoding: Listing(items: groups, nextCursor: nil))
    }
    router.on(.delete, workflow) { request in
      try await authorized(request).delete(key(of: request), runID: runID(of: request))
      return HTTPResponse(.noContent)
    }
    router.on(.post, workflow + "/reset") { try await resetWorkflow($0) }
    router.on(.post, workflow + "/reset-preview") { try await previewReset($0) }
    router.on(.post, workflow + "/fork") { try await forkWorkflow($0) }
    router.on(.post, workflow + "/retry") { request in
      let client = try await authorized(request)
      let body = try await request.optionalJSON(ResetRequestBody.self, upTo: 64 << 10)
      let key = key(of: request)
      return try standing(
        key.workflowID,
        try await client.retry(key, runID: body?.runID, reason: body?.reason ?? "", newRunID: body?.newRunID ?? .generate()))
    }
  }

  /// 202: the run that goes on stands.
  private func resetWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(ResetRequestBody.self, upTo: 64 << 10)
    let key = key(of: request)
    return try standing(
      key.workflowID,
      try await client.reset(
        key, runID: body.runID, to: try Self.point(of: body), excluding: body.exclusions ?? [], reason: body.reason, newRunID: body.newRunID
      ))
  }

  private func previewReset(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(ResetRequestBody.self, upTo: 64 << 10)
    return try .json(
      encoding: try await client.previewReset(
        key(of: request), runID: body.runID, to: try Self.point(of: body), excluding: body.exclusions ?? []))
  }

  private func forkWorkflow(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(ResetRequestBody.self, upTo: Self.largestBody)
    let key = key(of: request)
    guard let newID = body.newWorkflowID else { throw APIProblem.invalid("invalid-body", "\"newWorkflowId\" is missing.") }
    switch (body.point, body.input) {
    case (let point?, nil):
      let new = try await client.fork(
        key, runID: body.runID, to: newID, from: point, excluding: body.exclusions ?? Set(ResetExclusion.allCases), reason: body.reason,
        newRunID: body.newRunID)
      return try standing(newID, new)
    case (nil, let input?):
      return try standing(newID, try await client.fork(key, runID: body.runID, to: newID, input: input, newRunID: body.newRunID))
    default: throw APIProblem.invalid("invalid-body", "Give either \"point\" or \"input\".")
    }
  }

  private static func point(of body: ResetRequestBody) throws -> ResetPoint {
    guard let point = body.point else { throw APIProblem.invalid("invalid-body", "\"point\" is missing.") }
    return point
  }

  private func standing(_ workflowID: String, _ runID: RunID) throws -> HTTPResponse {
    let document = StartedDocument(workflowID: workflowID, runID: runID)
    var response = try HTTPResponse.json(encoding: document, status: .accepted)
    response.headers["Location"] = document.url
    return response
  }
}
