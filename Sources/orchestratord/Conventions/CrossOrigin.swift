import HTTP

/// Lets pages of named origins call the API (https://fetch.spec.whatwg.org/#http-cors-protocol); all others are told nothing.
struct CrossOrigin: Sendable {
  /// `https://studio.example`, as browsers send it.
  let origins: Set<String>
  private static let requestHeaders =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, Tus-Resumable, Upload-Checksum, Upload-Length, "
    + "Upload-Metadata, Upload-Offset, X-Amz-Checksum-Sha256, X-Request-Id, traceparent, tracestate"
  private static let answerHeaders =
    "Content-Range, ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Track-Id, Track-Status-Url, Tus-Checksum-Algorithm, "
    + "Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, X-Request-Id"

  /// Reads origins separated by commas.
  /// - Throws: `UsageError` for what is no origin.
  init(_ text: String) throws(UsageError) {
    var origins: Set<String> = []
    for part in text.split(whereSeparator: { $0 == "," || $0 == " " }) {
      let origin = part.lowercased()
      let host = origin.hasPrefix("https://") ? origin.dropFirst(8) : origin.hasPrefix("http://") ? origin.dropFirst(7) : ""
      guard !host.isEmpty, !host.contains(where: { "/?#@*".contains($0) }) else {
        throw UsageError("an allowed origin is written https://host or https://host:port, without a path; not '\(part)'")
      }
      origins.insert(origin)
    }
    self.origins = origins
  }

  /// The routes under `/stream` have their own rule: what is published may be played on any page.
  func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    guard !origins.isEmpty, request.path.hasPrefix("/api/") || request.path.hasPrefix("/storage/") else { return try await next(request) }
    var response = try await next(request)
    response.headers.add("Vary", "Origin")
    guard let origin = request.headers["Origin"], origins.contains(origin.lowercased()) else { return response }
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = Self.answerHeaders
    guard request.method == .options, request.headers["Access-Control-Request-Method"] != nil, response.status == .noContent else {
      return response
    }
    response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
    response.headers["Access-Control-Allow-Headers"] = Self.requestHeaders
    response.headers["Access-Control-Max-Age"] = "7200"
    return response
  }
}
