/// The containers that `Encodable` types write into; each method only appends to the text in its place.
struct FieldsEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let output: PayloadOutput
  let place: PayloadText.Place
  var codingPath: [any CodingKey] { [] }

  private func put(_ scalar: PayloadScalar, _ key: Key) { output.text.putField(key.stringValue, scalar, in: place) }

  func encodeNil(forKey key: Key) { put(.null, key) }
  func encode(_ value: Bool, forKey key: Key) { put(.bool(value), key) }
  func encode(_ value: String, forKey key: Key) { put(.string(value), key) }
  func encode(_ value: Double, forKey key: Key) { put(.double(value), key) }
  func encode(_ value: Float, forKey key: Key) { put(.float(value), key) }
  func encode(_ value: Int, forKey key: Key) { put(.signed(Int64(value)), key) }
  func encode(_ value: Int8, forKey key: Key) { put(.signed(Int64(value)), key) }
  func encode(_ value: Int16, forKey key: Key) { put(.signed(Int64(value)), key) }
  func encode(_ value: Int32, forKey key: Key) { put(.signed(Int64(value)), key) }
  func encode(_ value: Int64, forKey key: Key) { put(.signed(Int64(value)), key) }
  func encode(_ value: UInt, forKey key: Key) { put(.unsigned(UInt64(value)), key) }
  func encode(_ value: UInt8, forKey key: Key) { put(.unsigned(UInt64(value)), key) }
  func encode(_ value: UInt16, forKey key: Key) { put(.unsigned(UInt64(value)), key) }
  func encode(_ value: UInt32, forKey key: Key) { put(.unsigned(UInt64(value)), key) }
  func encode(_ value: UInt64, forKey key: Key) { put(.unsigned(UInt64(value)), key) }
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    output.text.beginField(key.stringValue, in: place)
    try output.encode(value)
  }

  func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    output.text.beginField(key.stringValue, in: place)
    return KeyedEncodingContainer(FieldsEncoder<Nested>(output: output, place: output.text.open(.object)))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    output.text.beginField(key.stringValue, in: place)
    return ElementsEncoder(output: output, place: output.text.open(.array))
  }

  /// Classes with an encodable base are left to `JSONEncoder`.
  func superEncoder() -> any Encoder { ValueEncoder.givingUp(output) }
  func superEncoder(forKey key: Key) -> any Encoder { ValueEncoder.givingUp(output) }
}

struct ElementsEncoder: UnkeyedEncodingContainer {
  let output: PayloadOutput
  let place: PayloadText.Place
  var codingPath: [any CodingKey] { [] }
  var count: Int { output.text.elements(in: place) }

  private func put(_ scalar: PayloadScalar) { output.text.putElement(scalar, in: place) }

  func encodeNil() { put(.null) }
  func encode(_ value: Bool) { put(.bool(value)) }
  func encode(_ value: String) { put(.string(value)) }
  func encode(_ value: Double) { put(.double(value)) }
  func encode(_ value: Float) { put(.float(value)) }
  func encode(_ value: Int) { put(.signed(Int64(value))) }
  func encode(_ value: Int8) { put(.signed(Int64(value))) }
  func encode(_ value: Int16) { put(.signed(Int64(value))) }
  func encode(_ value: Int32) { put(.signed(Int64(value))) }
  func encode(_ value: Int64) { put(.signed(Int64(value))) }
  func encode(_ value: UInt) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt8) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt16) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt32) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt64) { put(.unsigned(UInt64(value))) }
  func encode<Value: Encodable>(_ value: Value) throws {
    output.text.beginElement(in: place)
    try output.encode(value)
  }

  func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
    output.text.beginElement(in: place)
    return KeyedEncodingContainer(FieldsEncoder<Nested>(output: output, place: output.text.open(.object)))
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    output.text.beginElement(in: place)
    return ElementsEncoder(output: output, place: output.text.open(.array))
  }

  func superEncoder() -> any Encoder { ValueEncoder.givingUp(output) }
}

/// Takes one value of any shape.
struct ValueEncoder: Encoder, SingleValueEncodingContainer {
  let output: PayloadOutput
  /// Where the value begins in the text, and in how many open containers.
  let start: Int
  let depth: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// An encoder that takes anything; what comes of it does not count.
  static func givingUp(_ output: PayloadOutput) -> ValueEncoder {
    output.text.giveUp()
    return ValueEncoder(output: output, start: output.text.count, depth: output.text.depth)
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(FieldsEncoder<Key>(output: output, place: output.text.open(.object, start: start, depth: depth)))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    ElementsEncoder(output: output, place: output.text.open(.array, start: start, depth: depth))
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  private func put(_ scalar: PayloadScalar) { output.text.append(scalar, start: start) }

  func encodeNil() { put(.null) }
  func encode(_ value: Bool) { put(.bool(value)) }
  func encode(_ value: String) { put(.string(value)) }
  func encode(_ value: Double) { put(.double(value)) }
  func encode(_ value: Float) { put(.float(value)) }
  func encode(_ value: Int) { put(.signed(Int64(value))) }
  func encode(_ value: Int8) { put(.signed(Int64(value))) }
  func encode(_ value: Int16) { put(.signed(Int64(value))) }
  func encode(_ value: Int32) { put(.signed(Int64(value))) }
  func encode(_ value: Int64) { put(.signed(Int64(value))) }
  func encode(_ value: UInt) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt8) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt16) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt32) { put(.unsigned(UInt64(value))) }
  func encode(_ value: UInt64) { put(.unsigned(UInt64(value))) }
  func encode<Value: Encodable>(_ value: Value) throws {
    if output.text.count != start { output.text.giveUp() }
    try output.encode(value)
  }
}
