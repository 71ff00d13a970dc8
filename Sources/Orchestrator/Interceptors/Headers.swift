/// What travels beside inputs, for those who stand between caller and code: who asks, and for which trace. Carried in starts, signals, updates,
/// activities and children, and on to the next run of a chain.
public struct Headers: Sendable, Equatable {
  private var values: [String: Payload]

  public init(_ values: [String: Payload] = [:]) {
    self.values = values
  }

  public var isEmpty: Bool { values.isEmpty }
  /// Sorted.
  public var names: [String] { values.keys.sorted() }

  public subscript(_ name: String) -> Payload? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// A header that is a text; nil for every other.
  public func text(_ name: String) -> String? { values[name].flatMap { try? PayloadCodec.decode(String.self, from: $0) } }

  /// Sets a header that is a text; nil removes it.
  public mutating func setText(_ name: String, _ text: String?) {
    values[name] = text.flatMap { try? PayloadCodec.encode($0) }
  }

  /// As events hold them: a JSON object; nil for none.
  var payload: Payload? {
    values.isEmpty ? nil : JSONObject.payload(of: values)
  }

  /// Headers of an event; what cannot be read as such is none.
  init(_ payload: Payload?) {
    values = payload.flatMap { try? JSONObject.fields(of: $0.bytes) } ?? [:]
  }
}

/// The fields of a JSON object, each as its bytes.
enum JSONObject {
  static func fields(of bytes: [UInt8]) throws -> [String: Payload] {
    var fields: [String: Payload] = [:]
    _ = try AttributesReader(bytes).replacing { name, value in
      fields[name] = value
      return nil
    }
    return fields
  }

  /// The object with these fields, in the order of their names.
  static func payload(of fields: [String: Payload]) -> Payload {
    var bytes = [UInt8(ascii: "{")]
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      AttributesWriter.append(name, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      bytes += value.bytes
    }
    bytes.append(UInt8(ascii: "}"))
    return Payload(json: bytes)
  }
}

/// An input with its headers where a row has a place for the input only, as in the functions that anyone may call in SQL and in task queues:
/// `{"metadata":{"encoding":"orchestrator/headed"},"header":{...},"data":...}`. Whoever takes it puts the two where they belong.
struct HeadedValue {
  static let encoding = "orchestrator/headed"
  private static let marker = Array(encoding.utf8)

  let header: Payload
  let value: Payload

  init(_ value: Payload, _ header: Payload) {
    self.value = value
    self.header = header
  }

  /// Nil for a value that is none.
  init?(_ payload: Payload) {
    guard let (reader, _) = PayloadEnvelope.metadata(of: payload, encoding: Self.encoding), let header = reader.payload("header"),
      let value = reader.payload("data")
    else { return nil }
    self.init(value, header)
  }

  static func wrapped(_ value: Payload, _ header: Payload?) -> Payload { header.map { HeadedValue(value, $0).payload } ?? value }

  private var payload: Payload {
    var writer = AttributesWriter(capacity: value.bytes.count + header.bytes.count + 80)
    writer.field("metadata", Payload(json: Array(#"{"encoding":"orchestrator/headed"}"#.utf8)))
    writer.field("header", header)
    writer.field("data", value)
    return Payload(json: writer.finish())
  }

  /// A message with the headers of its input in a field of their own.
  static func unwrapped(attributes: [UInt8]) -> [UInt8] {
    guard PayloadEnvelope.mayHold(marker, in: attributes), let reader = try? AttributesReader(attributes),
      let headed = reader.payload("input").flatMap({ HeadedValue($0) }), reader.payload("header") == nil,
      var bytes = reader.replacing({ name, _ in name == "input" ? headed.value : nil })
    else { return attributes }
    bytes.removeLast()
    return bytes + Array(#","header":"#.utf8) + headed.header.bytes + Array("}".utf8)
  }
}
