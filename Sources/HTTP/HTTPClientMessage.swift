import Foundation

/// A request to another server.
public struct HTTPClientRequest: Sendable {
  public enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// A file that is read while it is sent.
    case file(path: String)
  }

  public var method: HTTPMethod
  /// An absolute `http` or `https` URL.
  public var url: String
  public var headers: HTTPHeaders
  public var body: Body
  /// Until the connection stands, name look-up and TLS included.
  public var connectTimeout: Duration = .seconds(10)
  /// Until the last byte of the response; nil waits for ever.
  public var totalTimeout: Duration? = .seconds(60)
  /// Without a byte in either direction; whole seconds, nil waits for ever.
  public var idleTimeout: Duration?
  /// Bytes of the response's body, after which the transfer is given up.
  public var responseLimitBytes: Int = 1024 * 1024
  public var addressPolicy: AddressPolicy = .publicOnly

  public init(_ method: HTTPMethod = .get, _ url: String, headers: HTTPHeaders = [:], body: Body = .none) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

/// What another server answered, whatever its status; redirects are not followed.
public struct HTTPClientResponse: Sendable, Equatable {
  public let status: HTTPStatus
  public let headers: HTTPHeaders
  /// Empty when the body went to a file or a receiver.
  public let body: [UInt8]

  /// How long the server asks to wait before the next attempt, or nil.
  public var retryAfter: Duration? { headers["Retry-After"].flatMap { RetryAfter.parse($0, now: Date()) } }
}

/// The `Retry-After` header (RFC 9110 section 10.2.3).
public enum RetryAfter {
  /// The time from `now`, at least zero, of a number of seconds or an HTTP date; nil when it is neither.
  public static func parse(_ value: String, now: Date) -> Duration? {
    let value = trimmed(value)
    if !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      // More digits than a number has: a wait beyond every limit a caller could set.
      return .seconds(Int64(Int32(value) ?? .max))
    }
    guard let date = HTTPDate.parse(value) else { return nil }
    return .seconds(max(0, date.timeIntervalSince(now)))
  }
}

/// Why there is no response.
public struct HTTPClientError: Error, Equatable, CustomStringConvertible {
  public struct Code: Sendable, Hashable, RawRepresentable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let invalidRequest = Code(rawValue: "invalid-request")
    public static let nameNotResolved = Code(rawValue: "name-not-resolved")
    public static let addressForbidden = Code(rawValue: "address-forbidden")
    public static let connectionRefused = Code(rawValue: "connection-refused")
    public static let connectionFailed = Code(rawValue: "connection-failed")
    public static let connectionLost = Code(rawValue: "connection-lost")
    public static let securityFailed = Code(rawValue: "security-failed")
    public static let timedOut = Code(rawValue: "timed-out")
    public static let truncated = Code(rawValue: "truncated")
    public static let tooLarge = Code(rawValue: "too-large")
    public static let malformedResponse = Code(rawValue: "malformed-response")
    public static let fileFailed = Code(rawValue: "file-failed")
    /// The receiver of the body threw.
    public static let receiverFailed = Code(rawValue: "receiver-failed")
    /// The task was cancelled or the client closed.
    public static let cancelled = Code(rawValue: "cancelled")
  }

  public let code: Code
  /// Scheme, host and port; never the path or the query, which may hold a secret.
  public let origin: String
  public let detail: String

  public static func == (left: HTTPClientError, right: HTTPClientError) -> Bool { left.code == right.code }

  public var description: String { "The request to \(origin) failed (\(code.rawValue)): \(detail)." }

  /// Whether the same request may succeed later.
  public var isTransient: Bool {
    [.nameNotResolved, .connectionRefused, .connectionFailed, .connectionLost, .timedOut, .truncated].contains(code)
  }
}
