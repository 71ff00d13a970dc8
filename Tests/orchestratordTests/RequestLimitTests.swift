import HTTP
import Orchestrator
import Testing

@testable import orchestratord

@Suite struct RequestLimitTests {
  private static func router(_ count: Int, per span: Duration = .seconds(900)) throws -> Router {
    let authentication = try Authentication(tokens: TestAPI.tokens)
    let limit = RequestLimit(count, per: span, proxies: try TrustedProxies("192.0.2.9"))
    var router = Router()
    router.use { try await limit.around($0, $1) }
    router.on(.get, "/api/v1/mine") { request in
      let principal = try await authentication.principal(of: request)
      // Asked twice, as some routes do.
      _ = try await authentication.principal(of: request)
      return HTTPResponse.text(principal.userID)
    }
    router.on(.get, "/api/v1/open") { _ in HTTPResponse.text("open") }
    router.on(.get, "/stream/1") { _ in HTTPResponse.text("stream") }
    return router
  }

  private static func send(
    _ router: Router, _ path: String = "/api/v1/mine", as token: String? = "artist-token-0001", from address: String = "192.0.2.1",
    for client: String? = nil
  ) async throws -> HTTPResponse {
    var headers: HTTPHeaders = [:]
    if let token { headers["Authorization"] = "Bearer \(token)" }
    headers["X-Forwarded-For"] = client
    return await router.respond(to: try HTTPRequest(method: .get, target: path, headers: headers, remoteAddress: address))
  }

  @Test func `A user has so many requests, is told how many are left, and then waits`() async throws {
    let router = try Self.router(3)
    for left in [2, 1, 0] {
      let answer = try await Self.send(router)
      #expect(answer.status == .ok)
      #expect(answer.headers["RateLimit-Policy"] == "\"requests\";q=3;w=900")
      let standing = try #require(answer.headers["RateLimit"]?.firstMatch(of: /^"requests";r=(\d+);t=(\d+)$/))
      #expect(Int(standing.1) == left && (890...900).contains(Int(standing.2) ?? 0))
    }
    let refused = try await Self.send(router)
    #expect(refused.status == .tooManyRequests && Answer(refused).problem == "too-many-requests")
    #expect((890...900).contains(Int(refused.headers["Retry-After"] ?? "") ?? 0))
    #expect(refused.headers["RateLimit"]?.contains("r=0") == true)
    #expect(try await Self.send(router, as: "other-token-00001").status == .ok)
    #expect(try await Self.send(router, "/stream/1").headers["RateLimit-Policy"] == nil)
  }

  @Test func `Without a token that is taken the address counts, as a trusted proxy tells it`() async throws {
    let router = try Self.router(2)
    for _ in 0..<2 { #expect(try await Self.send(router, as: "invented-token-001").status == .unauthorized) }
    #expect(try await Self.send(router, as: "invented-token-002").status == .tooManyRequests)
    #expect(try await Self.send(router, "/api/v1/open", as: nil).status == .tooManyRequests)
    #expect(try await Self.send(router).status == .ok)
    for _ in 0..<2 { #expect(try await Self.send(router, "/api/v1/open", as: nil, from: "192.0.2.9", for: "198.51.100.1").status == .ok) }
    #expect(try await Self.send(router, "/api/v1/open", as: nil, from: "192.0.2.9", for: "198.51.100.1").status == .tooManyRequests)
    #expect(try await Self.send(router, "/api/v1/open", as: nil, from: "192.0.2.9", for: "198.51.100.2").status == .ok)
  }

  @Test func `When the span is over it begins again`() async throws {
    let router = try Self.router(1, per: .milliseconds(50))
    var answers = [try await Self.send(router).status]
    let deadline = ContinuousClock.now + .seconds(20)
    while answers.last != .ok || answers.count < 2, ContinuousClock.now < deadline { answers.append(try await Self.send(router).status) }
    #expect(answers.count >= 2 && answers.last == .ok)
  }
}
