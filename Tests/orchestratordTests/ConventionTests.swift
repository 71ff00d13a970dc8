import Foundation
import Testing

@testable import HTTP
@testable import orchestratord

/// What holds for every answer, whoever gives it.
@Suite struct ConventionTests {
  private static let long = String(repeating: "a line of text that repeats itself\n", count: 100)

  private static func router(origins: String = "https://studio.example, http://localhost:3000") throws -> Router {
    let crossOrigin = try CrossOrigin(origins)
    var router = Router()
    router.use { try await RequestIdentifier.around($0, $1) }
    router.use { try await SecurityHeaders.around($0, $1) }
    router.use { try await crossOrigin.around($0, $1) }
    router.use { try await ResponseCompression.around($0, $1) }
    router.on(.get, "/api/v1/text") { _ in
      HTTPResponse(.ok, headers: ["Content-Type": "text/plain; charset=utf-8", "ETag": "\"1\""], body: .bytes(Array(long.utf8)))
    }
    router.on(.post, "/api/v1/text") { _ in HTTPResponse.text(long) }
    router.on(.get, "/api/v1/short") { _ in HTTPResponse.text(RequestIdentifier.current ?? "none") }
    router.on(.get, "/stream/1") { _ in HTTPResponse(.ok, headers: ["Content-Type": "audio/aac"], body: .bytes(Array(long.utf8))) }
    return router
  }

  private static func send(_ method: HTTPMethod, _ target: String, _ headers: HTTPHeaders = [:]) async throws -> HTTPResponse {
    await (try router()).respond(to: try HTTPRequest(method: method, target: target, headers: headers))
  }

  @Test func `an answer names its request: by the name that was given, or one of its own`() async throws {
    #expect(try await Self.send(.get, "/api/v1/short", ["X-Request-Id": "a-1._B"]).headers["X-Request-Id"] == "a-1._B")
    let given = try await Self.send(.get, "/api/v1/short", ["X-Request-Id": "a-1"])
    #expect(Array(given.bytes) == Array("a-1".utf8))
    for bad in ["", "two words", "line\u{85}", String(repeating: "x", count: 129), "a\"b"] {
      let made = try await Self.send(.get, "/api/v1/short", ["X-Request-Id": bad]).headers["X-Request-Id"]
      #expect(made != bad && UUID(uuidString: made ?? "") != nil)
    }
    #expect(try await Self.send(.get, "/nowhere").headers["X-Request-Id"] != nil)
  }

  @Test func `browsers are told to do nothing with an answer but what was asked, refusals included`() async throws {
    for target in ["/api/v1/text", "/nowhere", "/stream/1"] {
      let headers = try await Self.send(.get, target).headers
      #expect(headers["X-Content-Type-Options"] == "nosniff" && headers["Referrer-Policy"] == "no-referrer")
      #expect(headers["Content-Security-Policy"] == (target.hasPrefix("/api") ? "default-src 'none'; frame-ancestors 'none'" : nil))
      #expect(headers["Cache-Control"] == (target == "/stream/1" ? nil : "no-store"))
    }
  }

  @Test func `pages of named origins may call the API, others are told nothing`() async throws {
    let named = try await Self.send(.get, "/api/v1/short", ["Origin": "https://studio.example"]).headers
    #expect(named["Access-Control-Allow-Origin"] == "https://studio.example" && named["Access-Control-Allow-Credentials"] == nil)
    #expect(named.values("Vary").contains("Origin"))
    for origin in ["https://studio.example.evil", "https://evil.example", "null", "http://studio.example", "https://studio.example:444"] {
      let other = try await Self.send(.get, "/api/v1/short", ["Origin": origin]).headers
      #expect(other["Access-Control-Allow-Origin"] == nil && other.values("Vary").contains("Origin"))
    }
    let asked: HTTPHeaders = ["Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"]
    let preflight = try await Self.send(.options, "/api/v1/text", asked)
    #expect(preflight.status == .noContent && preflight.headers["Access-Control-Allow-Methods"]?.contains("POST") == true)
    #expect(preflight.headers["Access-Control-Allow-Headers"]?.contains("Idempotency-Key") == true)
    #expect(try await Self.send(.options, "/api/v1/nothing", asked).headers["Access-Control-Allow-Methods"] == nil)
  }

  @Test(arguments: ["studio.example", "https://", "https://a/b", "https://*", "ftp://a", "https://a?b", "https://user@a"])
  func `what is no origin is refused at the start`(_ text: String) { #expect(throws: UsageError.self) { try CrossOrigin(text) } }

  @Test(arguments: [
    ("gzip", true), ("gzip;q=0", false), ("*", true), ("*;q=0, gzip", true), ("identity", false), ("br, gzip;q=0.1", true),
    ("gzip;q=0, *", false), ("", false), ("GZIP", true), ("gzip;q=x", false), ("gzip; ; =", false),
  ])
  func `gzip is sent to who takes it`(_ accepted: String, _ isTaken: Bool) async throws {
    let answer = try await Self.send(.get, "/api/v1/text", ["Accept-Encoding": accepted])
    #expect((answer.headers["Content-Encoding"] == "gzip") == isTaken)
    #expect(answer.headers.values("Vary").contains("Accept-Encoding"))
    #expect(answer.headers["ETag"] == (isTaken ? "W/\"1\"" : "\"1\""))
  }

  @Test func `what is short, sound, or an answer to a change is not compressed`() async throws {
    for (method, target) in [(HTTPMethod.get, "/api/v1/short"), (.get, "/stream/1"), (.post, "/api/v1/text")] {
      #expect(try await Self.send(method, target, ["Accept-Encoding": "gzip"]).headers["Content-Encoding"] == nil)
    }
  }

  @Test func `curl unpacks what was compressed for it, and gets it as it is when it asks for nothing`() async throws {
    let server = try HTTPServer(HTTPServerConfiguration(), router: try Self.router())
    let url = "http://127.0.0.1:\(server.port)/api/v1/text"
    for options in [["--compressed"], []] {
      let printed = try await Curl.run(["-f", "-w", "\n%{size_download}"] + options + [url])
      let size = try #require(Int(printed.split(separator: "\n").last ?? ""))
      #expect(printed.hasPrefix(Self.long))
      #expect(options.isEmpty ? size == Self.long.utf8.count : size < 200)
    }
    await server.drain(within: .seconds(1))
  }
}

extension HTTPResponse {
  fileprivate var bytes: [UInt8] { if case .bytes(let bytes) = body { bytes } else { [] } }
}
