import Foundation

/// An encoded value: UTF-8 JSON, kept as bytes so that the hot path never parses it.
public struct Payload: Sendable, Hashable {
  public let bytes: [UInt8]

  /// Wraps bytes that are JSON already; callers that take them from outside check them first (`Payload(checking:)`).
  public init(json bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Takes JSON text from outside.
  /// - Throws: `PayloadError.invalidJSON` or `.tooLarge`.
  public init(checking bytes: [UInt8]) throws {
    guard bytes.count <= Limits.payloadBytes else { throw PayloadError.tooLarge(bytes: bytes.count) }
    guard JSONGrammar.accepts(bytes) else { throw PayloadError.invalidJSON }
    self.bytes = bytes
  }

  public static let null = Payload(json: Array("null".utf8))

  public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Why a value cannot travel; says what to do, never what the value is.
public enum PayloadError: Error, Equatable, Sendable, CustomStringConvertible {
  case invalidJSON
  case tooLarge(bytes: Int, type: String? = nil)
  case undecodable(type: String, reason: String)
  case unencodable(type: String, reason: String)
  /// It is still as a codec left it.
  case encoded(how: String)

  public var description: String {
    switch self {
    case .invalidJSON: "the payload is not valid JSON"
    case .tooLarge(let bytes, let type):
      """
      the payload\(type.map { " of type \($0)" } ?? "") has \(bytes) bytes, the limit is \(Limits.payloadBytes): keep large values in the object \
      store and pass their key
      """
    case .undecodable(let type, let reason): "the payload does not decode as \(type): \(reason)"
    case .encoded(let how):
      """
      the value is stored \(how), which this process could not read: give it the codecs and the key ring of where it was written, then retry; \
      if it has them, the value was changed, or moved here from another workflow
      """
    case .unencodable(let type, let reason): "a value of type \(type) does not encode: \(reason)"
    }
  }
}

/// An input or output that carries nothing.
public struct Nothing: Codable, Sendable, Equatable {
  public init() {}
}

/// Swift values to payloads and back: the one place that knows the encoding.
public enum PayloadCodec {
  /// Encodes with sorted keys, so that equal values give equal bytes. Throws ``PayloadError``.
  public static func encode<Value: Encodable>(_ value: Value) throws -> Payload {
    if let bytes = FastPayloadEncoder.encode(value) {
      guard bytes.count <= Limits.payloadBytes else {
        throw PayloadError.tooLarge(bytes: bytes.count, type: String(describing: Value.self))
      }
      return Payload(json: bytes)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data: Data
    do {
      data = try encoder.encode(value)
    } catch {
      throw PayloadError.unencodable(type: String(describing: Value.self), reason: reason(error))
    }
    guard data.count <= Limits.payloadBytes else { throw PayloadError.tooLarge(bytes: data.count, type: String(describing: Value.self)) }
    let bytes = [UInt8](data)
    guard !JSONGrammar.mayHoldNull(bytes) || JSONGrammar.accepts(bytes) else {
      throw PayloadError.unencodable(
        type: String(describing: Value.self), reason: "a text in it contains U+0000, which PostgreSQL cannot hold")
    }
    return Payload(json: bytes)
  }

  /// Decodes a payload of any origin. Throws ``PayloadError``.
  public static func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws -> Value {
    if let how = PayloadEnvelope.summary(of: payload) { throw PayloadError.encoded(how: how) }
    if let value = FastPayloadDecoder.decode(type, from: payload.bytes) { return value }
    do {
      return try JSONDecoder().decode(type, from: Data(payload.bytes))
    } catch {
      throw PayloadError.undecodable(type: String(describing: type), reason: reason(error))
    }
  }

  /// The coding path and the rule broken, never the value: payloads may be secret.
  private static func reason(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "no value for key '\(key.stringValue)' at '\(path(context))'"
    case DecodingError.typeMismatch(let type, let context): return "expected \(type) at '\(path(context))'"
    case DecodingError.valueNotFound(let type, let context): return "expected \(type), found null, at '\(path(context))'"
    case DecodingError.dataCorrupted(let context): return "\(context.debugDescription) at '\(path(context))'"
    default: return String(describing: type(of: error))
    }
  }
}
