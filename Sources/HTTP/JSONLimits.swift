import Foundation

/// A check of a JSON text before it is decoded: a decoder recurses as deep as the text asks and forgives what follows it.
public struct JSONLimits: Sendable {
  /// Arrays and objects inside each other.
  public var depth: Int

  public init(depth: Int = 32) { self.depth = depth }

  /// Throws ``HTTPError`` 400 on invalid UTF-8, an empty text, too many levels, unbalanced brackets or bytes after the value.
  ///
  /// Only the frame is checked: whatever else is wrong, the decoder says.
  public func check(_ bytes: [UInt8]) throws(HTTPError) {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw HTTPError(.badRequest, "The JSON text is not UTF-8.") }
    guard let start = bytes.firstIndex(where: { !Self.isSpace($0) }) else {
      throw HTTPError(.badRequest, "There is no JSON value in the body.")
    }
    let end = try endOfValue(bytes, from: start)
    guard bytes[end...].allSatisfy(Self.isSpace) else {
      throw HTTPError(.badRequest, "The JSON value is followed by other text at byte \(end).")
    }
  }

  private func endOfValue(_ bytes: [UInt8], from start: Int) throws(HTTPError) -> Int {
    guard [0x7B, 0x5B, 0x22].contains(bytes[start]) else {
      return bytes[start...].firstIndex { Self.isSpace($0) || $0 == 0x2C } ?? bytes.endIndex
    }
    var open: [UInt8] = []
    var isString = false
    var isEscaped = false
    for index in start..<bytes.endIndex {
      let byte = bytes[index]
      if isString {
        if isEscaped { isEscaped = false } else if byte == 0x5C { isEscaped = true } else if byte == 0x22 { isString = false }
      } else {
        switch byte {
        case 0x22: isString = true
        case 0x7B, 0x5B:
          open.append(byte + 2)
          guard open.count <= depth else { throw HTTPError(.badRequest, "The JSON value has more than \(depth) levels.") }
        case 0x7D, 0x5D:
          guard open.popLast() == byte else { throw HTTPError(.badRequest, "The JSON brackets do not match at byte \(index).") }
        default: break
        }
      }
      if open.isEmpty && !isString { return index + 1 }
    }
    throw HTTPError(.badRequest, "The JSON value does not end.")
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
}

extension HTTPRequest {
  /// The body decoded from JSON.
  ///
  /// Throws ``HTTPError``: 413 above `limit` bytes, 400 when it is no JSON or breaks ``JSONLimits``, 422 when it is JSON of
  /// another shape.
  public func decode<Value: Decodable>(_ type: Value.Type, upTo limit: Int) async throws(HTTPError) -> Value {
    let bytes = try await body.collect(upTo: limit)
    try JSONLimits().check(bytes)
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw Self.refusal(error)
    } catch {
      throw HTTPError(.badRequest, "The body is not JSON.")
    }
  }

  private static func refusal(_ error: DecodingError) -> HTTPError {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return path.isEmpty ? "the body" : "\"\(path.hasPrefix(".") ? String(path.dropFirst()) : path)\""
    }
    return switch error {
    case .keyNotFound(let key, let context):
      HTTPError(.unprocessableContent, "\"\(key.stringValue)\" is missing in \(place(context)).")
    case .typeMismatch(let type, let context):
      HTTPError(.unprocessableContent, "The value of \(place(context)) is not of the type \(type).")
    case .valueNotFound(_, let context): HTTPError(.unprocessableContent, "The value of \(place(context)) is null.")
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      HTTPError(.unprocessableContent, "The value of \(place(context)) is not valid.")
    default: HTTPError(.badRequest, "The body is not JSON.")
    }
  }
}
