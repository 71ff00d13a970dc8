import Foundation

/// Encodes what most payloads are made of (objects, arrays, texts, numbers) several times faster than `JSONEncoder`, to the same bytes.
/// Whatever it is not sure of it leaves to `JSONEncoder`: the result is nil then.
struct FastPayloadEncoder {
  /// The value as JSON with sorted keys; nil when `JSONEncoder` must do it, or must say why it cannot be done.
  static func encode<Value: Encodable>(_ value: Value) -> [UInt8]? {
    guard !isSpecial(Value.self) else { return nil }
    let encoder = ValueEncoder()
    do {
      try value.encode(to: encoder)
      var bytes: [UInt8] = []
      bytes.reserveCapacity(160)
      try encoder.node.write(to: &bytes)
      return bytes
    } catch {
      return nil
    }
  }

  /// Types that `JSONEncoder` and `JSONDecoder` treat in their own way, and payloads inside of documents, whose numbers need them.
  static func isSpecial(_ type: Any.Type) -> Bool {
    type == Data.self || type == URL.self || type == Decimal.self || type == Payload.self
  }
}

/// Not an error of the value: the fast way does not know how.
struct FastPathUnavailable: Error {}

/// A value on its way to JSON; objects and arrays are shared with the containers that fill them.
enum PayloadNode {
  /// Nothing was encoded: an empty object, as `JSONEncoder` has it.
  case empty
  case null
  case bool(Bool)
  case signed(Int64)
  case unsigned(UInt64)
  case double(Double)
  case float(Float)
  case string(String)
  case object(ObjectFields)
  case array(ArrayElements)
  case unavailable

  final class ObjectFields {
    var fields: [(name: String, value: PayloadNode)] = []
  }

  final class ArrayElements {
    var elements: [PayloadNode] = []
  }

  func write(to bytes: inout [UInt8]) throws {
    switch self {
    case .empty: bytes.append(contentsOf: "{}".utf8)
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .signed(let value): bytes.append(contentsOf: String(value).utf8)
    case .unsigned(let value): bytes.append(contentsOf: String(value).utf8)
    case .double(let value): try Self.write(value.description, isFinite: value.isFinite, to: &bytes)
    case .float(let value): try Self.write(value.description, isFinite: value.isFinite, to: &bytes)
    case .string(let text): try Self.write(text, to: &bytes)
    case .object(let object): try Self.write(object, to: &bytes)
    case .array(let array): try Self.write(array, to: &bytes)
    case .unavailable: throw FastPathUnavailable()
    }
  }

  private static func write(_ number: String, isFinite: Bool, to bytes: inout [UInt8]) throws {
    guard isFinite else { throw FastPathUnavailable() }
    bytes.append(contentsOf: number.hasSuffix(".0") ? number.utf8.dropLast(2) : number.utf8[...])
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) throws {
    var text = text
    try text.withUTF8 { text in
      // A text without anything to escape is the rule.
      for byte in text where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { throw FastPathUnavailable() }
      bytes.append(UInt8(ascii: "\""))
      bytes.append(contentsOf: text)
      bytes.append(UInt8(ascii: "\""))
    }
  }

  private static func write(_ object: ObjectFields, to bytes: inout [UInt8]) throws {
    bytes.append(UInt8(ascii: "{"))
    var last: String?
    for field in object.fields.sorted(by: { $0.name < $1.name }) {
      guard field.name != last else { throw FastPathUnavailable() }
      if last != nil { bytes.append(UInt8(ascii: ",")) }
      last = field.name
      try write(field.name, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      try field.value.write(to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private static func write(_ array: ArrayElements, to bytes: inout [UInt8]) throws {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in array.elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      try element.write(to: &bytes)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// The node of any encodable value.
  static func node<Value: Encodable>(of value: Value) throws -> PayloadNode {
    if let text = value as? String { return .string(text) }
    // Not thrown: a type may swallow an error and encode something else instead.
    guard !FastPayloadEncoder.isSpecial(Value.self) else { return .unavailable }
    let encoder = ValueEncoder()
    try value.encode(to: encoder)
    return encoder.node
  }
}

/// Takes one value of any shape.
final class ValueEncoder: Encoder {
  var node = PayloadNode.empty
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .object(let object) = node { return KeyedEncodingContainer(FieldsEncoder<Key>(object: object)) }
    let object = PayloadNode.ObjectFields()
    node = .object(object)
    return KeyedEncodingContainer(FieldsEncoder<Key>(object: object))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .array(let array) = node { return ElementsEncoder(array: array) }
    let array = PayloadNode.ArrayElements()
    node = .array(array)
    return ElementsEncoder(array: array)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { SingleValueEncoder(encoder: self) }
}
