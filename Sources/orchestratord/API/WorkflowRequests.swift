import Foundation
import HTTP
import Orchestrator

/// The body of `POST /api/v1/workflows`.
struct StartRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case type, workflowId, input, runId, searchAttributes, memo, options }

  let type: String
  let workflowID: String
  let input: Payload?
  /// Makes a repeated start harmless.
  let runID: RunID?
  let searchAttributes: Payload?
  let memo: Payload?
  let options: StartOptions?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    type = try fields.decode(String.self, forKey: .type)
    workflowID = try fields.decode(String.self, forKey: .workflowId)
    input = try fields.decodeIfPresent(Payload.self, forKey: .input)
    runID = try fields.decodeIfPresent(RunID.self, forKey: .runId)
    searchAttributes = try fields.decodeIfPresent(Payload.self, forKey: .searchAttributes)
    memo = try fields.decodeIfPresent(Payload.self, forKey: .memo)
    options = try fields.decodeIfPresent(StartOptions.self, forKey: .options)
  }
}

/// The body of `POST /api/v1/search-attributes`.
struct SearchAttributeRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case name, type }

  let name: String
  let type: SearchAttributeType

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    name = try fields.decode(String.self, forKey: .name)
    type = try fields.decode(SearchAttributeType.self, forKey: .type)
  }
}

/// The body of `POST /api/v1/workflows/{workflowId}/signal`.
struct SignalRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case name, input, requestId }

  let name: String
  let input: Payload?
  let requestID: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    name = try fields.decode(String.self, forKey: .name)
    input = try fields.decodeIfPresent(Payload.self, forKey: .input)
    requestID = try fields.decodeIfPresent(String.self, forKey: .requestId)
  }
}

/// The body of `.../activities/{sequence}/complete`; a result of null must be written as such.
struct CompleteRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case result }

  let result: Payload

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    guard fields.contains(.result) else {
      throw DecodingError.keyNotFound(Field.result, .init(codingPath: [], debugDescription: "no result"))
    }
    result = try fields.decodeIfPresent(Payload.self, forKey: .result) ?? .null
  }
}

/// The body of `.../activities/{sequence}/fail`.
struct FailRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case reason }

  let reason: String

  init(from decoder: any Decoder) throws {
    reason = try decoder.container(keyedBy: Field.self).decode(String.self, forKey: .reason)
  }
}

/// The answer to a start.
struct StartedDocument: Encodable {
  let workflowId: String
  let runId: String
  let statusUrl: String

  init(workflowID: String, runID: RunID) {
    workflowId = workflowID
    runId = runID.description
    statusUrl = Self.url(workflowID)
  }

  var url: String { statusUrl }

  static func url(_ workflowID: String) -> String { "/api/v1/workflows/" + encoded(workflowID) }

  /// An id as one segment of a path.
  static func encoded(_ id: String) -> String {
    let allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{0}"..."\u{7f}"))
      .union(CharacterSet(charactersIn: "-._~:@"))
    return id.addingPercentEncoding(withAllowedCharacters: allowed) ?? id
  }
}

extension HTTPRequest {
  /// As `strictJSON`, for a body that may be left out.
  func optionalJSON<Value: StrictlyDecodable>(_ type: Value.Type, upTo limit: Int) async throws -> Value? {
    let isEmpty = body.declaredLength == 0 || (body.declaredLength == nil && headers["Transfer-Encoding"] == nil)
    return isEmpty ? nil : try await strictJSON(type, upTo: limit)
  }
}
