import Foundation

/// A payload inside a document for people and programs is the JSON value that it holds, not a text around it.
///
/// Numbers of up to 38 digits stay exact; keys come back in order.
extension Payload: Codable {
  public init(from decoder: any Decoder) throws {
    let value = try JSONNode(from: decoder)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      try self.init(checking: [UInt8](try encoder.encode(value)))
    } catch let error as PayloadError {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: error.description))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    try JSONDecoder().decode(JSONNode.self, from: Data(bytes)).encode(to: encoder)
  }
}

/// Any JSON value, with numbers as exact as Foundation can carry them.
private enum JSONNode: Codable {
  case null
  case bool(Bool)
  case decimal(Decimal)
  case number(Double)
  case text(String)
  case list([JSONNode])
  case object([String: JSONNode])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([String: JSONNode].self) {
      self = .object(value)
    } else if let value = try? container.decode([JSONNode].self) {
      self = .list(value)
    } else if let value = try? container.decode(Decimal.self), value.isFinite {
      self = .decimal(value)
    } else {
      self = .number(try container.decode(Double.self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .decimal(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}
