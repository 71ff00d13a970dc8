import Foundation

/// Typed values of a run, by which it is found. Each name is added with its type first (`orchestratord search-attribute add`).
///
///     let attributes: SearchAttributes = ["Customer": .keyword("ann"), "Amount": .int(12), "Tags": .keywordList(["rush"])]
public struct SearchAttributes: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  /// A value with its type; the types are Temporal's.
  public enum Value: Sendable, Equatable {
    /// Compared as a whole.
    case keyword(String)
    /// Words are found in it.
    case text(String)
    case int(Int64)
    /// Finite.
    case double(Double)
    case bool(Bool)
    case datetime(RecordedTime)
    /// Each is compared as a whole.
    case keywordList([String])
  }

  public var values: [String: Value]

  public init(_ values: [String: Value] = [:]) {
    self.values = values
  }

  public init(dictionaryLiteral elements: (String, Value)...) {
    values = Dictionary(elements) { _, last in last }
  }

  public var isEmpty: Bool { values.isEmpty }

  /// As they are stored and travel: a JSON object, the names in order.
  var payload: Payload { Self.document(values.mapValues(\.payload)) }

  static func document(_ values: [String: Payload]) -> Payload {
    var bytes: [UInt8] = [UInt8(ascii: "{")]
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      AttributesWriter.append(name, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      bytes.append(contentsOf: value.bytes)
    }
    bytes.append(UInt8(ascii: "}"))
    return Payload(json: bytes)
  }

  /// - Parameter types: the search attributes of the database.
  /// - Throws: `OrchestratorError` with code `invalid-argument`: an unknown name, a value of another type or too large.
  func check(against types: [String: SearchAttributeType]) throws {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let type = types[name] else { throw Self.unknown(name) }
      guard value.type == type, value.isStorable else { throw Self.misfit(name, type) }
      guard value.payload.bytes.count <= Limits.searchAttributeBytes else {
        throw Self.refused("the value of search attribute '\(name)' has more than \(Limits.searchAttributeBytes) bytes")
      }
    }
    guard payload.bytes.count <= Limits.searchAttributesBytes else {
      throw Self.refused("the search attributes have more than \(Limits.searchAttributesBytes) bytes together")
    }
  }

  static func unknown(_ name: String) -> OrchestratorError {
    refused("there is no search attribute '\(name)': add it with its type first, by `orchestratord search-attribute add \(name) TYPE`")
  }

  static func misfit(_ name: String, _ type: SearchAttributeType) -> OrchestratorError {
    refused("search attribute '\(name)' takes a value of type \(type.rawValue), such as \(type.example)")
  }

  private static func refused(_ reason: String) -> OrchestratorError { OrchestratorError(.invalidArgument, reason) }
}

extension SearchAttributes.Value {
  var type: SearchAttributeType {
    switch self {
    case .keyword: .keyword
    case .text: .text
    case .int: .int
    case .double: .double
    case .bool: .bool
    case .datetime: .datetime
    case .keywordList: .keywordList
    }
  }

  /// PostgreSQL holds no U+0000 and JSON no infinity; times sort as text within the years of four digits.
  fileprivate var isStorable: Bool {
    switch self {
    case .keyword(let text), .text(let text): !text.utf8.contains(0)
    case .keywordList(let texts): !texts.contains { $0.utf8.contains(0) }
    case .double(let number): number.isFinite
    case .datetime(let time): RecordedTime(time.description) == time
    case .int, .bool: true
    }
  }

  /// As it is stored.
  var payload: Payload {
    var bytes: [UInt8] = []
    switch self {
    case .keyword(let text), .text(let text): AttributesWriter.append(text, to: &bytes)
    case .int(let number): bytes.append(contentsOf: String(number).utf8)
    case .double(let number): bytes.append(contentsOf: String(number).utf8)
    case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    case .datetime(let time): AttributesWriter.append(time.description, to: &bytes)
    case .keywordList(let texts):
      return .array(texts.map { Self.keyword($0).payload.bytes })
    }
    return Payload(json: bytes)
  }
}

// MARK: - Values from outside

extension SearchAttributes {
  /// Values in JSON, each read as its type asks: a text, a number, true or false, an array of texts.
  /// - Throws: `OrchestratorError` with code `invalid-argument`.
  init(json: Payload, types: [String: SearchAttributeType]) throws {
    guard let given = try? PayloadCodec.decode([String: Untyped].self, from: json) else {
      throw Self.refused("search attributes are a JSON object: for each name a text, a number, true, false, or an array of texts")
    }
    values = [:]
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let type = types[name] else { throw Self.unknown(name) }
      guard let typed = value.typed(as: type) else { throw Self.misfit(name, type) }
      values[name] = typed
    }
  }

  private enum Untyped: Decodable {
    case text(String)
    case integer(Int64)
    case number(Double)
    case bool(Bool)
    case texts([String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flag = try? container.decode(Bool.self) {
        self = .bool(flag)
      } else if let number = try? container.decode(Int64.self) {
        self = .integer(number)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .texts(try container.decode([String].self))
      }
    }

    func typed(as type: SearchAttributeType) -> Value? {
      switch (type, self) {
      case (.keyword, .text(let text)): .keyword(text)
      case (.text, .text(let text)): .text(text)
      case (.datetime, .text(let text)): RecordedTime(text).map { .datetime($0) }
      case (.int, .integer(let number)): .int(number)
      case (.double, .integer(let number)): .double(Double(number))
      case (.double, .number(let number)): .double(number)
      case (.bool, .bool(let flag)): .bool(flag)
      case (.keywordList, .texts(let texts)): .keywordList(texts)
      default: nil
      }
    }
  }
}

extension SearchAttributes.Value {
  /// A value as a person types it; of a list the texts with commas between. Nil when it is none of the type.
  public init?(_ text: String, as type: SearchAttributeType) {
    switch type {
    case .keyword: self = .keyword(text)
    case .text: self = .text(text)
    case .keywordList: self = .keywordList(text.isEmpty ? [] : text.components(separatedBy: ","))
    case .int:
      guard let number = Int64(text) else { return nil }
      self = .int(number)
    case .double:
      guard let number = Double(text), number.isFinite else { return nil }
      self = .double(number)
    case .bool:
      guard let flag = Bool(text) else { return nil }
      self = .bool(flag)
    case .datetime:
      guard let time = RecordedTime(text) else { return nil }
      self = .datetime(time)
    }
  }
}

extension SearchAttributeType {
  /// A value of this type, as a person would write it.
  public var example: String {
    switch self {
    case .keyword: "gold"
    case .text: "some words"
    case .int: "12"
    case .double: "1.5"
    case .bool: "true"
    case .datetime: "2026-01-31T12:00:00Z"
    case .keywordList: "an array of texts"
    }
  }
}
