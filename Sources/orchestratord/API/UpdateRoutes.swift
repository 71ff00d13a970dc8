import Foundation
import HTTP
import Orchestrator

/// Updates: requests to a run, with their answers.
extension OperatorAPI {
  func addUpdateRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/workflows/{workflowId}/updates") { try await sendUpdate($0) }
    router.on(.get, "/api/v1/workflows/{workflowId}/updates/{updateId}") { request in
      try await answer(to: request.parameters["updateId"] ?? "", of: request, by: try await authorized(request, also: .service))
    }
  }

  /// Durable before anything is waited for; the same `updateId` again is the same request.
  private func sendUpdate(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request, also: .service)
    let body = try await request.strictJSON(UpdateRequest.self, upTo: Self.largestBody)
    let updateID = body.updateID ?? UUID().uuidString
    try await client.update(key(of: request), name: body.name, input: body.input ?? .null, updateID: updateID)
    return try await answer(to: updateID, of: request, by: client)
  }

  /// Waits up to `?waitSeconds=` (0 to 60, by default 20); 202 when the update is not answered by then.
  private func answer(to updateID: String, of request: HTTPRequest, by client: Client) async throws -> HTTPResponse {
    let key = key(of: request)
    let seconds = try number("waitSeconds", of: request, in: 0...60, default: 20)
    let document = try await withThrowingTaskGroup(of: UpdateDocument?.self) { group in
      group.addTask {
        do {
          return UpdateDocument(updateID, .completed, result: try await client.updateResult(key, updateID: updateID))
        } catch let error as UpdateFailure {
          return UpdateDocument(updateID, error.isRejected ? .rejected : .failed, failure: error.failure)
        }
      }
      group.addTask {
        try await Task.sleep(for: .seconds(seconds))
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
    return try .json(encoding: document ?? UpdateDocument(updateID, .waiting), status: document == nil ? .accepted : .ok)
  }
}

/// The body of `POST /api/v1/workflows/{workflowId}/updates`.
struct UpdateRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case name, input, updateId }

  let name: String
  let input: Payload?
  let updateID: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    name = try fields.decode(String.self, forKey: .name)
    input = try fields.decodeIfPresent(Payload.self, forKey: .input)
    updateID = try fields.decodeIfPresent(String.self, forKey: .updateId)
  }
}

/// How an update stands.
struct UpdateDocument: Encodable {
  enum Status: String, Encodable {
    /// Durable, not answered yet.
    case waiting = "Waiting"
    case completed = "Completed"
    case rejected = "Rejected"
    case failed = "Failed"
  }

  let updateId: String
  let status: Status
  let result: Payload?
  let failure: Failure?

  init(_ updateID: String, _ status: Status, result: Payload? = nil, failure: Failure? = nil) {
    (updateId, self.status, self.result, self.failure) = (updateID, status, result, failure)
  }
}
