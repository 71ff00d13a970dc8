/// A request method; compared with case (RFC 9110 section 9.1).
public struct HTTPMethod: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { rawValue = value }

  public static let get: HTTPMethod = "GET"
  public static let head: HTTPMethod = "HEAD"
  public static let post: HTTPMethod = "POST"
  public static let put: HTTPMethod = "PUT"
  public static let patch: HTTPMethod = "PATCH"
  public static let delete: HTTPMethod = "DELETE"
  public static let options: HTTPMethod = "OPTIONS"
}

/// One `name=value` of a query, decoded.
public struct QueryItem: Sendable, Equatable {
  public let name: String
  public let value: String
}

/// A request whose head has been received; its body is read on demand.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  /// The path as the client sent it, without the query.
  public let rawPath: String
  /// The path after percent-decoding once.
  public let path: String
  /// The decoded segments of the path; an encoded slash stays inside its segment.
  public let pathSegments: [String]
  public let query: [QueryItem]
  public var headers: HTTPHeaders
  /// The client's numeric IP address, or the empty string when it is unknown.
  public let remoteAddress: String
  /// The pattern of the matched route, such as `/tracks/{id}`; nil when none matched.
  public internal(set) var route: String?
  /// The values of the `{name}` segments of the matched route.
  public internal(set) var parameters: [String: String] = [:]
  public var body: RequestBody

  /// Throws ``HTTPError`` 400 when the target has a broken percent-encoding, a NUL byte or a dot segment.
  public init(
    method: HTTPMethod, target: String, headers: HTTPHeaders = [:], remoteAddress: String = "",
    body: RequestBody = RequestBody([])
  ) throws(HTTPError) {
    let target = try RequestTarget(target)
    self.method = method
    rawPath = target.rawPath
    path = target.path
    pathSegments = target.segments
    query = target.query
    self.headers = headers
    self.remoteAddress = remoteAddress
    self.body = body
  }

  /// The first value of a query item, or nil.
  public func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

/// What a handler answers.
public struct HTTPResponse: Sendable {
  public enum Body: Sendable {
    case empty
    case bytes([UInt8])
    /// A file or a part of it, sent by the kernel from an open descriptor.
    case file(FileRegion)
    /// Bytes produced while they are sent, with back-pressure.
    case stream(ResponseStream)
  }

  public var status: HTTPStatus
  /// `Content-Length`, `Transfer-Encoding` and `Date` are the server's and ignored here.
  public var headers: HTTPHeaders
  public var body: Body

  public init(_ status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: Body = .empty) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Text in UTF-8.
  public static func text(_ text: String, status: HTTPStatus = .ok) -> HTTPResponse {
    HTTPResponse(status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
  }

  /// Bytes that already are JSON.
  public static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
    HTTPResponse(status, headers: ["Content-Type": "application/json"], body: .bytes(bytes))
  }
}

/// A file, or `length` bytes of it from `offset`.
public struct FileRegion: Sendable, Equatable {
  public let path: String
  /// In bytes from the start of the file.
  public let offset: UInt64
  /// In bytes; nil sends everything from the offset to the end.
  public let length: UInt64?

  public init(path: String, offset: UInt64 = 0, length: UInt64? = nil) {
    self.path = path
    self.offset = offset
    self.length = length
  }
}

/// A producer of body bytes that runs while the client receives them.
public struct ResponseStream: Sendable {
  let endsOnDrain: Bool
  let produce: @Sendable (ResponseWriter) async throws -> Void

  /// - Parameter endsOnDrain: true for streams without an end of their own: draining the server closes them at once.
  public init(endsOnDrain: Bool = false, _ produce: @escaping @Sendable (ResponseWriter) async throws -> Void) {
    self.endsOnDrain = endsOnDrain
    self.produce = produce
  }
}

/// An error that knows its response; the router answers every other error with 500 and no details.
public protocol HTTPResponseConvertible: Error {
  var response: HTTPResponse { get }
}

/// A refusal with a status and a text for the client.
public struct HTTPError: HTTPResponseConvertible, Equatable, CustomStringConvertible {
  public let status: HTTPStatus
  /// What happened and what to do; shown to the client.
  public let detail: String

  public init(_ status: HTTPStatus, _ detail: String) {
    self.status = status
    self.detail = detail
  }

  public var response: HTTPResponse { ProblemDetails(status: status, detail: detail).response }
  public var description: String { "\(status): \(detail)" }
}
