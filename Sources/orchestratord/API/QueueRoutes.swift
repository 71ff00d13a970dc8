import HTTP
import Orchestrator

extension OperatorAPI {
  func addQueueRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/queues") { request in
      try .json(encoding: Page(items: try await authorized(request).queues(), nextCursor: nil))
    }
    router.on(.get, "/api/v1/queues/{taskQueue}") { request in
      try .json(encoding: Page(items: try await authorized(request).limitedQueues(request.parameters["taskQueue"]), nextCursor: nil))
    }
    router.on(.put, "/api/v1/queues/{taskQueue}") { try await setQueue($0) }
    router.on(.delete, "/api/v1/queues/{taskQueue}") { request in
      let client = try await authorized(request)
      try await client.unsetQueue(request.parameters["taskQueue"] ?? "", namespace: namespace(of: request))
      return HTTPResponse(.noContent)
    }
    router.on(.get, "/api/v1/workers") { request in
      try .json(encoding: Page(items: try await authorized(request).workers(), nextCursor: nil))
    }
  }

  private func setQueue(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let name = request.parameters["taskQueue"] ?? ""
    let body = try await request.strictJSON(QueueRequest.self, upTo: 64 << 10)
    try await client.setQueue(name, body.limits, namespace: namespace(of: request))
    return try .json(encoding: body.limits)
  }
}

/// The body of `PUT /api/v1/queues/{taskQueue}`: all limits, what is left out is none.
struct QueueRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case concurrency, rate, burst }

  let limits: QueueLimits

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    limits = QueueLimits(
      concurrency: try fields.decodeIfPresent(Int32.self, forKey: .concurrency),
      rate: try fields.decodeIfPresent(Double.self, forKey: .rate), burst: try fields.decodeIfPresent(Int32.self, forKey: .burst))
  }
}
