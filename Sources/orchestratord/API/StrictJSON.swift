import Foundation
import HTTP

/// The type's fields, known by name, so that any other field can be refused.
protocol StrictlyDecodable: Decodable {
  associatedtype Field: CodingKey & CaseIterable
}

extension HTTPRequest {
  /// The body decoded from JSON in which every field of the outer object is known.
  ///
  /// - Throws: 413 above `limit` bytes, 400 when it is no JSON or has an unknown field, 422 when a value has the wrong type.
  func strictJSON<Value: StrictlyDecodable>(_ type: Value.Type, upTo limit: Int) async throws -> Value {
    guard Self.isJSON(headers["Content-Type"]) else {
      throw APIProblem(.unsupportedMediaType, "json-required", "The body must be sent as application/json.")
    }
    let bytes = try await body.collect(upTo: limit)
    try JSONLimits().check(bytes)
    guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) else {
      throw APIProblem.invalid("invalid-json", "The body is not JSON.")
    }
    guard let members = object as? [String: Any] else { throw APIProblem.invalid("invalid-json", "The body must be a JSON object.") }
    let known = Value.Field.allCases.map(\.stringValue)
    if let unknown = members.keys.sorted().first(where: { !known.contains($0) }) {
      throw APIProblem.invalid(
        "unknown-field", "The field \"\(unknown.prefix(100))\" is not known here; known are \(known.joined(separator: ", ")).")
    }
    if let reason = (members["reason"] ?? members["note"]) as? String { AuditTrail.note(reason: reason) }
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw APIProblem(.unprocessableContent, "invalid-value", Self.explanation(error))
    }
  }

  private static func isJSON(_ contentType: String?) -> Bool {
    // Clients that state nothing are given the benefit of the doubt: a form cannot be mistaken for it, it always states its type.
    guard let name = contentType?.split(separator: ";").first else { return true }
    return name.trimmingCharacters(in: .whitespaces).lowercased() == "application/json"
  }

  private static func explanation(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String {
      let text = path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return text.isEmpty ? "the body" : "\"\(text.hasPrefix(".") ? String(text.dropFirst()) : text)\""
    }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing."
    case .typeMismatch(_, let context): "The value of \(place(context.codingPath)) has the wrong type."
    case .valueNotFound(_, let context): "The value of \(place(context.codingPath)) is null."
    case .dataCorrupted(let context): "The value of \(place(context.codingPath)) is not valid."
    @unknown default: "A value of the body is not valid."
    }
  }
}
