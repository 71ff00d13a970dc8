/// What of an event or message its owner's codecs see: the fields that hold values. Names, numbers and times stay readable for SQL.
struct StoredAttributes {
  /// What becomes of one value, and of the messages of failures.
  struct Transformation {
    let value: (Payload) throws -> Payload
    let failure: (Payload) throws -> Payload
  }

  /// The same attributes with their values changed; nil when none was.
  static func transformed(_ bytes: [UInt8], _ transformation: Transformation) throws -> [UInt8]? {
    try AttributesReader(bytes).replacing { name, value in
      switch name {
      case "input", "result", "memo", "details", "header": try transformation.value(value)
      case "failure": try transformation.failure(value)
      // What comes with a start stands in its options.
      case "options", "startMessage":
        try transformed(value.bytes, transformation).map { Payload(json: $0) }
      case "carriedSignals":
        try array(value) { Payload(json: try transformed($0.bytes, transformation) ?? $0.bytes) }
      default: nil
      }
    }
  }

  /// An array with each element changed.
  static func array(_ payload: Payload, _ change: (Payload) throws -> Payload) throws -> Payload {
    let wrapped = Array(#"{"a":"#.utf8) + payload.bytes + Array("}".utf8)
    return Payload.array(try AttributesReader(wrapped).array("a").map { try change(Payload(json: $0)).bytes })
  }
}

extension CodecChain {
  /// Events and messages as they are to be stored.
  func encode(attributes: [UInt8], _ key: WorkflowKey) throws -> [UInt8] {
    try StoredAttributes.transformed(
      attributes, .init(value: { try encode($0, key) }, failure: { try encode(failure: $0, key) })) ?? attributes
  }

  /// Events and messages as they were before they were stored.
  func decode(attributes: [UInt8], _ key: WorkflowKey) throws -> [UInt8] {
    try StoredAttributes.transformed(
      attributes, .init(value: { try decode($0, key) }, failure: { try decode(failure: $0, key) })) ?? attributes
  }

  /// A failure: its details are values; its texts are, when they shall be.
  func encode(failure: Payload, _ key: WorkflowKey) throws -> Payload {
    guard failure.bytes.first == UInt8(ascii: "{") else { return failure }
    let reader = try AttributesReader(failure.bytes)
    var bytes =
      try reader.replacing { name, value in
        switch name {
        case "details": try encode(value, key)
        case "cause": try StoredAttributes.array(value) { try encode(failure: $0, key) }
        case "message" where encodesFailureMessages: FailureTexts.placeholder
        case "stackTrace" where encodesFailureMessages: .null
        default: nil
        }
      } ?? failure.bytes
    guard encodesFailureMessages, reader.payload("encodedAttributes") == nil else { return Payload(json: bytes) }
    let texts = FailureTexts(message: reader.text("message") ?? "", stackTrace: reader.text("stackTrace"))
    bytes.removeLast()
    bytes += Array(#","encodedAttributes":"#.utf8) + (try encode(try PayloadCodec.encode(texts), key)).bytes + Array("}".utf8)
    return Payload(json: bytes)
  }

  func decode(failure: Payload, _ key: WorkflowKey) throws -> Payload {
    guard failure.bytes.first == UInt8(ascii: "{") else { return failure }
    let reader = try AttributesReader(failure.bytes)
    let bytes = try reader.replacing { name, value in
      switch name {
      case "details": try decode(value, key)
      case "cause": try StoredAttributes.array(value) { try decode(failure: $0, key) }
      default: nil
      }
    }
    let opened = Payload(json: bytes ?? failure.bytes)
    guard let encoded = reader.payload("encodedAttributes") else { return opened }
    let texts = try PayloadCodec.decode(FailureTexts.self, from: try decode(encoded, key))
    var result = try PayloadCodec.decode(Failure.self, from: opened)
    result.message = texts.message
    result.stackTrace = texts.stackTrace
    result.encodedAttributes = nil
    return result.payload
  }
}

/// The texts of a failure whose messages are encoded.
private struct FailureTexts: Codable {
  let message: String
  let stackTrace: String?

  static let placeholder = Payload(json: Array(#""Encoded failure""#.utf8))
}
