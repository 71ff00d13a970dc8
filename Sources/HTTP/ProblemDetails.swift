import Foundation

/// A machine-readable error document (RFC 9457), sent as `application/problem+json`.
public struct ProblemDetails: Sendable, Equatable {
  /// A value of an extension member.
  public enum Value: Sendable, Equatable, Encodable {
    case text(String)
    case number(Int)
    case boolean(Bool)
    case list([Value])
    case object([String: Value])

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .boolean(let value): try container.encode(value)
      case .list(let value): try container.encode(value)
      case .object(let value): try container.encode(value)
      }
    }
  }

  /// A URI of the kind of problem; `about:blank` says that the status alone tells it.
  public var type: String
  public var title: String
  public var status: HTTPStatus
  public var detail: String
  /// A URI of this occurrence, or nil.
  public var instance: String?
  /// Further members; the five standard names are ignored here.
  public var extensions: [String: Value]

  public init(
    type: String = "about:blank", title: String? = nil, status: HTTPStatus, detail: String, instance: String? = nil,
    extensions: [String: Value] = [:]
  ) {
    self.type = type
    self.title = title ?? status.reason
    self.status = status
    self.detail = detail
    self.instance = instance
    self.extensions = extensions
  }

  /// The document as a response; add headers such as `Retry-After` to what comes back.
  public var response: HTTPResponse {
    HTTPResponse(
      status, headers: ["Content-Type": "application/problem+json", "Cache-Control": "no-store"], body: .bytes(encoded))
  }

  /// The JSON document with sorted keys.
  public var encoded: [UInt8] {
    var members = extensions
    members["type"] = .text(type)
    members["title"] = .text(title)
    members["status"] = .number(status.rawValue)
    members["detail"] = .text(detail)
    members["instance"] = instance.map(Value.text)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Text, whole numbers and booleans always encode: the fallback is never taken.
    return (try? encoder.encode(members)).map { [UInt8]($0) } ?? Array("{}".utf8)
  }
}
