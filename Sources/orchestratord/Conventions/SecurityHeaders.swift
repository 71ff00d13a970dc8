import HTTP

/// What browsers are told of every answer (https://owasp.org/www-project-secure-headers/).
enum SecurityHeaders {
  static func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    var response = try await next(request)
    func standard(_ name: String, _ value: String) { if response.headers[name] == nil { response.headers[name] = value } }
    standard("X-Content-Type-Options", "nosniff")
    standard("Referrer-Policy", "no-referrer")
    // A browser that opens what is published is to play it, and may do so in a frame.
    guard request.path.hasPrefix("/api/") else { return response }
    standard("X-Frame-Options", "DENY")
    standard("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    // What depends on who asks is kept by nobody else.
    standard("Cache-Control", "no-store")
    return response
  }
}
