import HTTP
import Orchestrator

/// The body of `POST /api/v1/batches` and `.../batch-preview`.
struct BatchRequestBody: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable {
    case action, query, batchId, reason, operationsPerSecond, runId, name, input, point, exclude
  }

  let action: BatchAction
  let query: String
  let batchID: String?
  let reason: String
  let operationsPerSecond: Double
  /// Makes a repeated request harmless.
  let runID: RunID

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    action = try BatchAction(from: decoder)
    query = try fields.decode(String.self, forKey: .query)
    batchID = try fields.decodeIfPresent(String.self, forKey: .batchId)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason) ?? ""
    operationsPerSecond = try fields.decodeIfPresent(Double.self, forKey: .operationsPerSecond) ?? 50
    runID = try fields.decodeIfPresent(RunID.self, forKey: .runId) ?? .generate()
  }
}

extension OperatorAPI {
  func addBatchRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/batches") { request in
      let client = try await authorized(request)
      return try .json(
        encoding: try await client.listBatches(
          namespace: namespace(of: request), limit: try limit(of: request), cursor: request.queryValue("cursor")))
    }
    router.on(.post, "/api/v1/batches") { try await startBatch($0) }
    router.on(.post, "/api/v1/batch-preview") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(BatchRequestBody.self, upTo: Self.largestBody)
      return try .json(
        encoding: try await client.previewBatch(
          body.action, query: body.query, namespace: namespace(of: request), limit: try limit(of: request)))
    }
    router.on(.get, "/api/v1/batches/{batchId}") { request in
      try .json(encoding: try await authorized(request).describeBatch(Self.batch(of: request), namespace: namespace(of: request)))
    }
    router.on(.post, "/api/v1/batches/{batchId}/cancel") { request in
      let client = try await authorized(request)
      let body = try await request.optionalJSON(ModerationRequest.self, upTo: 64 << 10)
      try await client.cancelBatch(Self.batch(of: request), reason: body?.reason ?? "", namespace: namespace(of: request))
      return HTTPResponse(.accepted)
    }
  }

  private static func batch(of request: HTTPRequest) -> String { request.parameters["batchId"] ?? "" }

  /// 202: durable; the same `runId` again is the same request.
  private func startBatch(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let body = try await request.strictJSON(BatchRequestBody.self, upTo: Self.largestBody)
    let id = body.batchID ?? "batch-\(body.runID)"
    let batch = try await client.startBatch(
      body.action, query: body.query, id: id, reason: body.reason, operationsPerSecond: body.operationsPerSecond,
      namespace: namespace(of: request), runID: body.runID)
    let document = BatchStartedDocument(batchId: id, runId: "\(batch.runID ?? body.runID)")
    var response = try HTTPResponse.json(encoding: document, status: .accepted)
    response.headers["Location"] = "/api/v1/batches/" + StartedDocument.encoded(id)
    return response
  }
}

/// The answer to a batch that was begun.
private struct BatchStartedDocument: Encodable {
  let batchId: String
  let runId: String
}
