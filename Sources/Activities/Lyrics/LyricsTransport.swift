import Foundation

/// Sends one POST; throws `LyricsFailure` of kind `unreachable` when no complete answer came in time.
public typealias LyricsTransport = @Sendable (LyricsHTTPRequest) async throws -> LyricsHTTPResponse

/// A POST to an external service. It has no description: headers hold a key.
public struct LyricsHTTPRequest: Sendable {
  public let url: String
  public let headers: [(name: String, value: String)]
  public let body: Data
  public let timeout: Duration
  public let maximumResponseBytes: Int
}

/// What came back.
public struct LyricsHTTPResponse: Sendable {
  public let status: Int
  public let retryAfter: String?
  public let body: Data

  public init(status: Int, retryAfter: String? = nil, body: Data) {
    self.status = status
    self.retryAfter = retryAfter
    self.body = body
  }
}
