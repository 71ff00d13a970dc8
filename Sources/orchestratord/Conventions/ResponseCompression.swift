import Compression
import HTTP

/// Compresses answers for clients that take gzip (RFC 9110 section 12.5.3).
enum ResponseCompression {
  /// Smaller ones do not get there sooner.
  static let smallestBytes = 1024
  private static let types: Set<String> = [
    "application/json", "application/problem+json", "text/plain", "text/html", "text/vtt", "text/css", "application/javascript",
    "application/yaml", "image/svg+xml",
  ]

  /// Only what was asked for by GET: an answer that repeats what a request said, beside a secret, would tell of the secret by its length.
  static func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    var response = try await next(request)
    guard request.method == .get || request.method == .head, case .bytes(let bytes) = response.body, bytes.count >= smallestBytes,
      response.status != .partialContent, response.headers["Content-Encoding"] == nil, isText(response.headers["Content-Type"])
    else { return response }
    response.headers.add("Vary", "Accept-Encoding")
    guard takesGzip(request.headers) else { return response }
    response.body = .bytes(Gzip.compress(bytes))
    response.headers["Content-Encoding"] = "gzip"
    // Not byte for byte what the tag was made of.
    if let tag = response.headers["ETag"], !tag.hasPrefix("W/") { response.headers["ETag"] = "W/" + tag }
    return response
  }

  private static func isText(_ contentType: String?) -> Bool {
    contentType.flatMap { HeaderParameters($0) }.map { types.contains($0.value.lowercased()) } ?? false
  }

  /// Whether gzip is named with a weight above 0, or `*` is and gzip is not.
  static func takesGzip(_ headers: HTTPHeaders) -> Bool {
    var weights: [String: Double] = [:]
    for coding in headers.values("Accept-Encoding").flatMap({ $0.split(separator: ",") }).prefix(32) {
      guard let coding = HeaderParameters(String(coding)) else { continue }
      weights[coding.value.lowercased()] = coding["q"].map { Double($0) ?? 0 } ?? 1
    }
    return weights["gzip"] ?? weights["*"] ?? 0 > 0
  }
}
