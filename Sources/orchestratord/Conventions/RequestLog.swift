import HTTP
import Orchestrator

/// A line for every request at the level debug: the route and not the path, which may name what is nobody's business.
enum RequestLog {
  static func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    let begun = ContinuousClock.now
    let response = try await next(request)
    Log.debug(
      "request", "\(request.method.rawValue) \(request.route ?? "unknown path")",
      ["status": "\(response.status.rawValue)", "milliseconds": "\((ContinuousClock.now - begun).milliseconds)"])
    return response
  }
}
