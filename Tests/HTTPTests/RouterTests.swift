import Foundation
import Synchronization
import Testing

@testable import HTTP

@Suite("The router") struct RouterTests {
  private struct Teapot: HTTPResponseConvertible {
    var response: HTTPResponse { HTTPResponse(HTTPStatus(rawValue: 418)) }
  }

  private struct Secret: Error {
    let password = "hunter2"
  }

  private static let router: Router = {
    var router = Router()
    func answer(_ name: String) -> HTTPHandler {
      { request in
        let parameters = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return .text(([name] + parameters).joined(separator: " "))
      }
    }
    router.on(.get, "/", answer("root"))
    router.on(.get, "/tracks", answer("list"))
    router.on(.post, "/tracks", answer("create"))
    router.on(.get, "/tracks/{id}", answer("show"))
    router.on(.get, "/tracks/new", answer("form"))
    router.on(.delete, "/tracks/{track}/parts/{part}", answer("drop"))
    router.on(.get, "/tracks/new/help", answer("help"))
    router.on(.get, "/files/{key...}", answer("file"))
    router.on(.get, "/files/{key}/size", answer("size"))
    router.on(.get, "/teapot") { _ in throw Teapot() }
    router.on(.get, "/secret") { _ in throw Secret() }
    router.on(.get, "/cancelled") { _ in throw CancellationError() }
    return router
  }()

  private static func respond(_ method: String, _ target: String) async throws -> (Int, String, HTTPHeaders) {
    let response = await router.respond(to: try HTTPRequest(method: HTTPMethod(rawValue: method), target: target))
    guard case .bytes(let bytes) = response.body else { return (response.status.rawValue, "", response.headers) }
    return (response.status.rawValue, String(decoding: bytes, as: UTF8.self), response.headers)
  }

  @Test(
    "finds the handler of a method and a path",
    arguments: [
      ("GET", "/", "root"), ("HEAD", "/", "root"), ("GET", "/tracks", "list"), ("GET", "/tracks/", "list"), ("GET", "//tracks", "list"),
      ("POST", "/tracks?x=/tracks/7", "create"), ("GET", "/tracks/7", "show id=7"), ("HEAD", "/tracks/7", "show id=7"),
      ("GET", "/tracks/new", "form"), ("GET", "/tracks/new/help", "help"), ("GET", "/tracks/a%2Fb%20c", "show id=a/b c"),
      ("GET", "/tracks/%7Bid%7D", "show id={id}"), ("DELETE", "/tracks/1/parts/2", "drop part=2 track=1"),
      ("DELETE", "/tracks/new/parts/2", "drop part=2 track=new"), ("GET", "/files/a", "file key=a"),
      ("GET", "/files/a/b/c", "file key=a/b/c"),
      ("GET", "/files/a/size", "size key=a"), ("GET", "/files/a/b/size", "file key=a/b/size"),
      ("GET", "http://host/tracks/7?a=b", "show id=7"),
    ])
  func found(_ method: String, _ target: String, _ expected: String) async throws {
    let (status, text, _) = try await Self.respond(method, target)
    #expect(status == 200)
    #expect(text == expected)
  }

  @Test(
    "answers 404 for unknown paths", arguments: ["/track", "/tracks/1/parts", "/tracks/1/parts/2/3", "/tracks/1/2", "/Tracks", "/files"])
  func notFound(_ target: String) async throws {
    let (status, text, headers) = try await Self.respond("GET", target)
    #expect(status == 404)
    #expect(headers["Content-Type"] == "application/problem+json")
    #expect(text.contains("\"title\":\"Not Found\""))
  }

  @Test(
    "answers 405 with the methods there are, and OPTIONS likewise",
    arguments: [
      ("PUT", "/tracks", 405, "GET, HEAD, OPTIONS, POST"), ("OPTIONS", "/tracks", 204, "GET, HEAD, OPTIONS, POST"),
      ("GET", "/tracks/1/parts/2", 405, "DELETE, OPTIONS"), ("HEAD", "/tracks/1/parts/2", 405, "DELETE, OPTIONS"),
      ("get", "/tracks", 405, "GET, HEAD, OPTIONS, POST"), ("OPTIONS", "*", 204, "GET, HEAD, OPTIONS"),
    ])
  func methods(_ method: String, _ target: String, _ expected: Int, _ allow: String) async throws {
    let (status, _, headers) = try await Self.respond(method, target)
    #expect(status == expected)
    #expect(headers["Allow"] == allow)
  }

  @Test("turns errors into responses without telling what is inside", arguments: [("/teapot", 418), ("/secret", 500), ("/cancelled", 503)])
  func errors(_ target: String, _ expected: Int) async throws {
    let (status, text, _) = try await Self.respond("GET", target)
    #expect(status == expected)
    #expect(!text.contains("hunter2") && !text.contains("Secret"))
  }

  @Test("wraps every answer, errors too, the first wrapper outermost")
  func middleware() async throws {
    let log = Mutex<[String]>([])
    var router = Self.router
    for name in ["a", "b"] {
      router.use { request, next in
        log.withLock { $0.append(name) }
        let response = try await next(request)
        log.withLock { $0.append("\(name)\(response.status.rawValue)") }
        return response
      }
    }
    for target in ["/", "/secret", "/none"] { _ = await router.respond(to: try HTTPRequest(method: .get, target: target)) }
    #expect(log.withLock { $0 } == ["a", "b", "b200", "a200", "a", "b", "b500", "a500", "a", "b", "b404", "a404"])
  }

  @Test("lets a wrapper refuse without the handler")
  func refusal() async throws {
    var router = Self.router
    router.use { _, _ in throw HTTPError(.unauthorized, "Send a token.") }
    let response = await router.respond(to: try HTTPRequest(method: .get, target: "/"))
    #expect(response.status == .unauthorized)
  }
}

@Suite("A request target") struct RequestTargetTests {
  @Test("is split and decoded once")
  func decoded() throws {
    let target = try RequestTarget("/a%2Fb/c%2520d?x=1+2&y=%C3%A4&z&=v&&q=a=b")
    #expect(target.rawPath == "/a%2Fb/c%2520d")
    #expect(target.path == "/a/b/c%20d")
    #expect(target.segments == ["a/b", "c%20d"])
    let items = [("x", "1 2"), ("y", "ä"), ("z", ""), ("", "v"), ("q", "a=b")].map { QueryItem(name: $0.0, value: $0.1) }
    #expect(target.query == items)
  }

  @Test("keeps a plus in the path")
  func plus() throws {
    #expect(try RequestTarget("/a+b").path == "/a+b")
  }

  @Test(
    "is refused when it cannot be understood",
    arguments: [
      "", "a", "/%", "/%2", "/%zz", "/%00", "/%ff", "/?%", "/?a=%1", "/..", "/a/../b", "/a/%2e%2e/b", "/./a", "ftp://x/",
      "host:80", "/%C3", "/?a=%C3",
    ])
  func malformed(_ target: String) {
    #expect(throws: HTTPError.self) { try RequestTarget(target) }
  }
}

@Suite("Headers") struct HTTPHeadersTests {
  @Test("keep their order and compare names without case")
  func fields() {
    var headers: HTTPHeaders = ["A": "1", "b": "2", "a": "3"]
    #expect(headers["A"] == "1")
    #expect(headers.values("a") == ["1", "3"])
    headers["B"] = "4"
    #expect(headers.fields.map(\.name) == ["A", "a", "B"])
    headers["A"] = nil
    #expect(headers.fields.map(\.value) == ["4"])
  }

  @Test("cannot be made to start another header")
  func injection() {
    let headers: HTTPHeaders = ["X": "a\r\nSet-Cookie: b\0\u{7F}", "Y\r\nZ: ": "c", " ": "d"]
    #expect(headers.fields.map(\.name) == ["X", "YZ"])
    #expect(headers["X"] == "a  Set-Cookie: b  ")
  }

  @Test("find a token in a list")
  func tokens() {
    let headers: HTTPHeaders = ["Connection": "keep-alive, Upgrade", "connection": "x"]
    #expect(headers.contains(token: "upgrade", in: "Connection"))
    #expect(headers.contains(token: "X", in: "Connection"))
    #expect(!headers.contains(token: "up", in: "Connection"))
  }

  @Test(
    "with parameters are read",
    arguments: [
      ("form-data; name=a", "name", "a"), ("form-data; name=\"a;b\\\"c\"", "name", "a;b\"c"), ("x;a=1;b=2", "B", "2"),
      ("x ; a=1 ; ", "a", "1"), ("text/html", "a", nil), ("x; a=\"\"", "a", ""),
    ])
  func parameters(_ text: String, _ name: String, _ value: String?) throws {
    #expect(try #require(HeaderParameters(text))[name] == value)
  }

  @Test("with broken parameters are refused", arguments: ["x; a", "x; =1", "x; a=", "x; a=\"b", "x; a=b c", "x; a=\"b\\"])
  func brokenParameters(_ text: String) {
    #expect(HeaderParameters(text) == nil)
  }
}

@Suite("Problem details") struct ProblemDetailsTests {
  @Test("are the JSON of RFC 9457 with extension members")
  func encoded() {
    let problem = ProblemDetails(
      type: "https://example.org/quota", title: "Quota", status: .forbidden, detail: "Full.", instance: "/tracks/7",
      extensions: ["left": .number(0), "kinds": .list([.text("a"), .boolean(true)]), "status": .text("ignored")])
    let expected =
      "{\"detail\":\"Full.\",\"instance\":\"/tracks/7\",\"kinds\":[\"a\",true],\"left\":0,\"status\":403,"
      + "\"title\":\"Quota\",\"type\":\"https://example.org/quota\"}"
    #expect(String(decoding: problem.encoded, as: UTF8.self) == expected)
    #expect(problem.response.status == .forbidden)
    #expect(problem.response.headers["Content-Type"] == "application/problem+json")
  }
}
