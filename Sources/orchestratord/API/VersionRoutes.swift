import HTTP
import Orchestrator

extension OperatorAPI {
  func addVersionRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/workflow-versions") { request in
      let client = try await authorized(request)
      return try .json(
        encoding: Page(
          items: try await client.workflowVersions(of: request.queryValue("type"), namespace: namespace(of: request)), nextCursor: nil))
    }
    router.on(.put, "/api/v1/workflow-versions/{workflowType}/current") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(CurrentVersionRequest.self, upTo: 64 << 10)
      try await client.setCurrentVersion(body.version, of: type(of: request), namespace: namespace(of: request), isForced: body.isForced)
      return HTTPResponse(.noContent)
    }
    router.on(.put, "/api/v1/workflow-versions/{workflowType}/ramping") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(RampingVersionRequest.self, upTo: 64 << 10)
      try await client.setRampingVersion(
        body.version, percent: body.percent, of: type(of: request), namespace: namespace(of: request), isForced: body.isForced)
      return HTTPResponse(.noContent)
    }
    router.on(.post, "/api/v1/workflows/{workflowId}/move") { request in
      let client = try await authorized(request)
      let body = try await request.strictJSON(MoveVersionRequest.self, upTo: 64 << 10)
      try await client.move(key(of: request), to: body.versioning, reason: body.reason)
      return try accepted(key(of: request))
    }
  }

  private func type(of request: HTTPRequest) -> String { request.parameters["workflowType"] ?? "" }
}

/// The body of `PUT /api/v1/workflow-versions/{workflowType}/current`; a version of null is the one that the code says.
struct CurrentVersionRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case version, force }

  let version: String?
  let isForced: Bool

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    version = try fields.optionalVersion(.version)
    isForced = try fields.decodeIfPresent(Bool.self, forKey: .force) ?? false
  }
}

/// The body of `PUT /api/v1/workflow-versions/{workflowType}/ramping`; a version of null ends it.
struct RampingVersionRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case version, percent, force }

  let version: String?
  let percent: Double
  let isForced: Bool

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    version = try fields.optionalVersion(.version)
    percent = try fields.decodeIfPresent(Double.self, forKey: .percent) ?? 0
    guard (0...100).contains(percent) else {
      throw DecodingError.dataCorruptedError(forKey: .percent, in: fields, debugDescription: "the share is 0 to 100 percent")
    }
    isForced = try fields.decodeIfPresent(Bool.self, forKey: .force) ?? false
  }
}

/// The body of `POST /api/v1/workflows/{workflowId}/move`: a version to stay with, or null to go on with the current one.
struct MoveVersionRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case version, reason }

  let versioning: RunVersioning
  let reason: String

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    versioning = try fields.optionalVersion(.version).map { .pinned($0) } ?? .autoUpgrade
    reason = try fields.decodeIfPresent(String.self, forKey: .reason) ?? ""
  }
}

extension KeyedDecodingContainer {
  /// It must be written, and may be null.
  fileprivate func optionalVersion(_ key: Key) throws -> String? {
    guard contains(key) else { throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "no version")) }
    return try decodeIfPresent(String.self, forKey: key)
  }
}
