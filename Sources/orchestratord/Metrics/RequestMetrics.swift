import HTTP
import Synchronization

/// Counts and times the HTTP requests of this process. Labels are the routes of the program, never what a client sent.
final class RequestMetrics: Sendable {
  private struct Key: Hashable, Sendable {
    let method: String
    let route: String
    let status: Int
  }

  private struct State: Sendable {
    var durations: [Key: Histogram] = [:]
    var underWay = 0
  }

  private let state = Mutex(State())
  private static let methods: Set<HTTPMethod> = [.get, .head, .post, .put, .patch, .delete, .options]

  /// Around every handler; until the head of the answer is there, so a stream counts as long as it takes to begin.
  func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    state.withLock { $0.underWay += 1 }
    let began = ContinuousClock.now
    var status = 500
    defer {
      let method = Self.methods.contains(request.method) ? request.method.rawValue : "other"
      let key = Key(method: method, route: request.route ?? "none", status: status)
      let duration = ContinuousClock.now - began
      state.withLock {
        $0.underWay -= 1
        $0.durations[key, default: Histogram()].add(duration)
      }
    }
    let response = try await next(request)
    status = response.status.rawValue
    return response
  }

  func write(to text: inout MetricText) {
    let (durations, underWay) = state.withLock { ($0.durations, $0.underWay) }
    text.one("orchestrator_http_requests_under_way", .gauge, "HTTP requests that have not been answered yet.", Double(underWay))
    text.describe(
      "orchestrator_http_request_seconds", .histogram, "Time from the head of a request to the head of its answer, by route and status.")
    let sorted = durations.sorted { ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status) }
    for (key, histogram) in sorted {
      text.samples(
        "orchestrator_http_request_seconds", [("method", key.method), ("route", key.route), ("status", String(key.status))], histogram)
    }
  }
}
