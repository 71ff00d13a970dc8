/// The containers that `Encodable` types write into; each method only puts a node in its place.
struct FieldsEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let object: PayloadNode.ObjectFields
  var codingPath: [any CodingKey] { [] }

  private func put(_ node: PayloadNode, _ key: Key) { object.fields.append((key.stringValue, node)) }

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
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { put(try PayloadNode.node(of: value), key) }

  func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    let nested = PayloadNode.ObjectFields()
    put(.object(nested), key)
    return KeyedEncodingContainer(FieldsEncoder<Nested>(object: nested))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    let nested = PayloadNode.ArrayElements()
    put(.array(nested), key)
    return ElementsEncoder(array: nested)
  }

  /// Classes with an encodable base are left to `JSONEncoder`.
  func superEncoder() -> any Encoder {
    object.fields.append(("super", .unavailable))
    return ValueEncoder()
  }

  func superEncoder(forKey key: Key) -> any Encoder {
    put(.unavailable, key)
    return ValueEncoder()
  }
}

struct ElementsEncoder: UnkeyedEncodingContainer {
  let array: PayloadNode.ArrayElements
  var codingPath: [any CodingKey] { [] }
  var count: Int { array.elements.count }

  private func put(_ node: PayloadNode) { array.elements.append(node) }

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
  func encode<Value: Encodable>(_ value: Value) throws { put(try PayloadNode.node(of: value)) }

  func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
    let nested = PayloadNode.ObjectFields()
    put(.object(nested))
    return KeyedEncodingContainer(FieldsEncoder<Nested>(object: nested))
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    let nested = PayloadNode.ArrayElements()
    put(.array(nested))
    return ElementsEncoder(array: nested)
  }

  func superEncoder() -> any Encoder {
    put(.unavailable)
    return ValueEncoder()
  }
}

struct SingleValueEncoder: SingleValueEncodingContainer {
  let encoder: ValueEncoder
  var codingPath: [any CodingKey] { [] }

  private func put(_ node: PayloadNode) { encoder.node = node }

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
  func encode<Value: Encodable>(_ value: Value) throws { put(try PayloadNode.node(of: value)) }
}
