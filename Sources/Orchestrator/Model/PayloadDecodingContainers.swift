/// The containers that `Decodable` types read from; whatever is missing or of another kind ends the fast way.
struct ValueDecoder: Decoder, SingleValueDecodingContainer {
  let tokens: JSONTokens
  let index: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard tokens.tokens[index].kind == .object else { throw tokens.unavailable() }
    return KeyedDecodingContainer(FieldsDecoder<Key>(tokens: tokens, object: index))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard tokens.tokens[index].kind == .array else { throw tokens.unavailable() }
    return ElementsDecoder(tokens: tokens, array: index)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool { tokens.isNull(index) }
  func decode(_ type: Bool.Type) throws -> Bool { try tokens.bool(index) }
  func decode(_ type: String.Type) throws -> String { try tokens.string(index) }
  func decode(_ type: Double.Type) throws -> Double { try tokens.floating(index) }
  func decode(_ type: Float.Type) throws -> Float { try tokens.floating(index) }
  func decode(_ type: Int.Type) throws -> Int { try tokens.integer(index) }
  func decode(_ type: Int8.Type) throws -> Int8 { try tokens.integer(index) }
  func decode(_ type: Int16.Type) throws -> Int16 { try tokens.integer(index) }
  func decode(_ type: Int32.Type) throws -> Int32 { try tokens.integer(index) }
  func decode(_ type: Int64.Type) throws -> Int64 { try tokens.integer(index) }
  func decode(_ type: UInt.Type) throws -> UInt { try tokens.integer(index) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try tokens.integer(index) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try tokens.integer(index) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try tokens.integer(index) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try tokens.integer(index) }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try tokens.decode(type, index) }
}

struct FieldsDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let tokens: JSONTokens
  let object: Int
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { ((try? tokens.names(of: object)) ?? []).compactMap { Key(stringValue: $0) } }

  private func index(_ key: Key) throws -> Int {
    guard let index = tokens.field(key.stringValue, of: object) else { throw tokens.unavailable() }
    return index
  }

  func contains(_ key: Key) -> Bool { tokens.field(key.stringValue, of: object) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { tokens.isNull(try index(key)) }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try tokens.bool(index(key)) }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try tokens.string(index(key)) }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try tokens.floating(index(key)) }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try tokens.floating(index(key)) }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try tokens.integer(index(key)) }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try tokens.integer(index(key)) }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try tokens.integer(index(key)) }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try tokens.integer(index(key)) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try tokens.integer(index(key)) }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try tokens.integer(index(key)) }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try tokens.integer(index(key)) }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try tokens.integer(index(key)) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try tokens.integer(index(key)) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try tokens.integer(index(key)) }
  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try tokens.decode(type, index(key)) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
    try ValueDecoder(tokens: tokens, index: index(key)).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try ValueDecoder(tokens: tokens, index: index(key)).unkeyedContainer()
  }

  /// Classes with a decodable base are left to `JSONDecoder`.
  func superDecoder() throws -> any Decoder { throw tokens.unavailable() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw tokens.unavailable() }
}

struct ElementsDecoder: UnkeyedDecodingContainer {
  let tokens: JSONTokens
  private let end: Int
  private var index: Int
  let count: Int?
  private(set) var currentIndex = 0
  var codingPath: [any CodingKey] { [] }
  var isAtEnd: Bool { index >= end }

  init(tokens: JSONTokens, array: Int) {
    self.tokens = tokens
    end = Int(tokens.tokens[array].next)
    index = array + 1
    count = Int(tokens.tokens[array].count)
  }

  private mutating func take() throws -> Int {
    guard index < end else { throw tokens.unavailable() }
    defer { index = Int(tokens.tokens[index].next) }
    currentIndex += 1
    return index
  }

  mutating func decodeNil() throws -> Bool {
    guard index < end else { throw tokens.unavailable() }
    guard tokens.isNull(index) else { return false }
    _ = try take()
    return true
  }

  mutating func decode(_ type: Bool.Type) throws -> Bool { try tokens.bool(take()) }
  mutating func decode(_ type: String.Type) throws -> String { try tokens.string(take()) }
  mutating func decode(_ type: Double.Type) throws -> Double { try tokens.floating(take()) }
  mutating func decode(_ type: Float.Type) throws -> Float { try tokens.floating(take()) }
  mutating func decode(_ type: Int.Type) throws -> Int { try tokens.integer(take()) }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try tokens.integer(take()) }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try tokens.integer(take()) }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try tokens.integer(take()) }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try tokens.integer(take()) }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try tokens.integer(take()) }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try tokens.integer(take()) }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try tokens.integer(take()) }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try tokens.integer(take()) }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try tokens.integer(take()) }
  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try tokens.decode(type, take()) }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    try ValueDecoder(tokens: tokens, index: take()).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try ValueDecoder(tokens: tokens, index: take()).unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { throw tokens.unavailable() }
}

extension JSONTokens {
  func decode<Value: Decodable>(_ type: Value.Type, _ index: Int) throws -> Value {
    guard !FastPayloadEncoder.isSpecial(type) else { throw unavailable() }
    return try Value(from: ValueDecoder(tokens: self, index: index))
  }
}
