import HTTP
import Testing

@testable import orchestratord

@Suite struct PageLinkTests {
  private static func send(_ target: String, next: String?) async throws -> HTTPResponse {
    var router = Router()
    router.use { try await PageLinks.around($0, $1) }
    router.on(.get, "/api/v1/things") { _ in try .json(encoding: Page(items: [1, 2], nextCursor: next)) }
    router.on(.get, "/api/v1/thing") { _ in try .json(encoding: ["nextCursor": "none of ours"]) }
    return await router.respond(to: try HTTPRequest(method: .get, target: target))
  }

  @Test func `A page that is not the last links to the next one, with the rest of the query as it was`() async throws {
    let answer = try await Self.send("/api/v1/things?status=a%26b&cursor=old&limit=2", next: "x+/=&>")
    #expect(answer.headers["Link"] == "</api/v1/things?status=a%26b&limit=2&cursor=x%2B%2F%3D%26%3E>; rel=\"next\"")
    #expect(Answer(answer).text("nextCursor") == "x+/=&>")
  }

  @Test func `The last page and what is no list link nowhere`() async throws {
    #expect(try await Self.send("/api/v1/things", next: nil).headers["Link"] == nil)
    #expect(try await Self.send("/api/v1/thing", next: nil).headers["Link"] == nil)
  }
}
