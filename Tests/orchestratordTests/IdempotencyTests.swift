import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Synchronization
import Testing

@testable import orchestratord

/// A POST that is sent again with its Idempotency-Key.
@Suite struct IdempotencyTests {
  /// A route that counts how often it is done, and answers as a test says.
  private final class Deed: Sendable {
    let count = Mutex(0)
    let status: HTTPStatus
    let begun = AsyncStream<Void>.makeStream()
    let mayEnd: AsyncStream<Void>?

    init(_ status: HTTPStatus = .created, waitingFor mayEnd: AsyncStream<Void>? = nil) {
      self.status = status
      self.mayEnd = mayEnd
    }

    func router(_ api: TestAPI) throws -> Router {
      var router = Router()
      let idempotent = IdempotentRequests(database: api.database, authentication: api.access.authentication)
      router.use { try await idempotent.around($0, $1) }
      router.on(.post, "/api/v1/deeds/{name}") { request in
        let number = self.count.withLock { count in
          count += 1
          return count
        }
        self.begun.continuation.yield()
        if let mayEnd = self.mayEnd { for await _ in mayEnd { break } }
        let text = String(decoding: try await request.body.collect(upTo: 100), as: UTF8.self)
        var response = try HTTPResponse.json(
          encoding: ["number": "\(number)", "body": text, "secret": "of the answer"], status: self.status)
        response.headers["Location"] = "/api/v1/deeds/\(number)"
        return response
      }
      return router
    }
  }

  private static func send(
    _ router: Router, _ path: String = "/api/v1/deeds/a", body: String = "{}", key: String? = "key-1",
    as token: String = "artist-token-0001"
  ) async throws -> Answer {
    var headers: HTTPHeaders = ["Authorization": "Bearer \(token)", "Content-Type": "application/json"]
    headers["Idempotency-Key"] = key
    return Answer(
      await router.respond(to: try HTTPRequest(method: .post, target: path, headers: headers, body: RequestBody(Array(body.utf8)))))
  }

  @Test func `The same key gives the same answer and does nothing again, for this user, path, query and body only`() async throws {
    let api = try await TestAPI()
    let deed = Deed()
    let router = try deed.router(api)
    let first = try await Self.send(router)
    #expect(first.status == 201 && first.response.headers["Idempotent-Replayed"] == nil)
    let second = try await Self.send(router)
    #expect(second.status == 201 && second.bytes == first.bytes && second.response.headers["Idempotent-Replayed"] == "true")
    #expect(second.response.headers["Location"] == "/api/v1/deeds/1" && second.response.headers["Content-Type"] == "application/json")
    for (path, body) in [("/api/v1/deeds/a", "{ }"), ("/api/v1/deeds/a?x=1", "{}")] {
      let other = try await Self.send(router, path, body: body)
      #expect(other.status == 422 && other.problem == "idempotency-key-reused")
    }
    #expect(deed.count.withLock { $0 } == 1)
    #expect(try await Self.send(router, "/api/v1/deeds/b").text("number") == "2")
    #expect(try await Self.send(router, as: "other-token-00001").text("number") == "3")
    #expect(try await Self.send(router, key: "key-2").text("number") == "4")
    #expect(try await Self.send(router, key: nil).text("number") == "5")
    #expect(try await Self.send(router, key: "two words").problem == "invalid-idempotency-key")
  }

  @Test func `While the first request is answered, a second one is told to wait`() async throws {
    let api = try await TestAPI()
    let gate = AsyncStream<Void>.makeStream()
    let deed = Deed(waitingFor: gate.stream)
    let router = try deed.router(api)
    async let first = Self.send(router)
    for await _ in deed.begun.stream { break }
    let second = try await Self.send(router)
    #expect(second.status == 409 && second.problem == "request-in-flight" && second.response.headers["Retry-After"] == "1")
    gate.continuation.finish()
    #expect(try await first.status == 201)
    #expect(try await Self.send(router).response.headers["Idempotent-Replayed"] == "true")
    #expect(deed.count.withLock { $0 } == 1)
  }

  @Test(arguments: [(HTTPStatus.serviceUnavailable, 2), (.tooManyRequests, 2), (.forbidden, 2), (.conflict, 1), (.unprocessableContent, 1)])
  func `What may go another way next time is done again, what was decided is not`(status: HTTPStatus, times: Int) async throws {
    let api = try await TestAPI()
    let deed = Deed(status)
    let router = try deed.router(api)
    for _ in 0..<2 { #expect(try await Self.send(router).status == status.rawValue) }
    #expect(deed.count.withLock { $0 } == times)
  }

  @Test func `A request whose process died is done again after five minutes, and its late answer is not kept`() async throws {
    let api = try await TestAPI()
    let gate = AsyncStream<Void>.makeStream()
    let deed = Deed(waitingFor: gate.stream)
    let router = try deed.router(api)
    async let dead = Self.send(router)
    for await _ in deed.begun.stream { break }
    try await api.database.execute(script: "update access.idempotent_requests set begun_at = now() - interval '301 seconds'")
    gate.continuation.finish()
    let (late, again) = (try await dead, try await Self.send(router))
    #expect(late.status == 201 && again.status == 201)
    #expect(try await Self.send(router).response.headers["Idempotent-Replayed"] == "true")
  }

  @Test func `What is stored shows neither key nor answer, and goes after a day`() async throws {
    let api = try await TestAPI()
    let router = try Deed().router(api)
    _ = try await Self.send(router, key: "a-key-of-some-length")
    let stored = try await api.database.query(
      Statement(name: "stored", sql: "select encode(key_hash || fingerprint || answer, 'escape') from access.idempotent_requests"))
    #expect(stored.count == 1)
    for word in ["a-key-of-some-length", "secret", "deeds"] { #expect(!(try stored.text(0, 0).contains(word))) }
    try await api.database.execute(script: "update access.idempotent_requests set begun_at = now() - interval '25 hours'")
    _ = try await Self.send(router, key: "another")
    let count = try await api.database.query(Statement(name: "kept", sql: "select count(*) from access.idempotent_requests"))
    #expect(try count.int64(0, 0) == 1)
  }
}
