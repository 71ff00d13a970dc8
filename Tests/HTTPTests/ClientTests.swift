import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP

/// Shared: one client serves the whole process, as in the product.
let client = HTTPClient()

/// A request to this machine.
func local(_ method: HTTPMethod = .get, _ url: String, headers: HTTPHeaders = [:], body: HTTPClientRequest.Body = .none)
  -> HTTPClientRequest
{
  var request = HTTPClientRequest(method, url, headers: headers, body: body)
  request.addressPolicy = .publicOrLoopback
  return request
}

@Suite("The client") struct ClientTests {
  /// Tells what it received.
  private static let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    guard let body = try? await request.body.collect(upTo: 10_000_000) else { return HTTPResponse(.badRequest) }
    return HTTPResponse(
      headers: [
        "X-Method": request.method.rawValue, "X-Length": "\(request.body.declaredLength ?? 0)",
        "X-Sent": request.headers["X-Sent"].map { "<\($0)>" } ?? "-", "X-Type": request.headers["Content-Type"] ?? "-",
      ], body: .bytes(body))
  }

  @Test("sends every method, headers and a body, and receives them back", arguments: ["GET", "POST", "PUT", "PATCH", "DELETE"])
  func echoes(_ method: String) async throws {
    try await withServer(handler: Self.echo) { _, url in
      let method = HTTPMethod(rawValue: method)
      let body = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0) })
      let response = try await client.send(local(method, url, headers: ["X-Sent": "", "Content-Type": "a/b"], body: .bytes(body)))
      #expect(response.status == .ok)
      #expect(response.headers["x-method"] == method.rawValue)
      #expect(response.headers["X-Sent"] == "<>")
      #expect(response.headers["X-Type"] == "a/b")
      #expect(response.body == body)
      let empty = try await client.send(local(method, url))
      #expect(empty.headers["X-Length"] == "0")
      #expect(empty.headers["X-Type"] == "-")
    }
  }

  @Test("sends a file and stores a response in one")
  func files() async throws {
    let source = try temporaryFile(bytes: 3_000_000)
    let target = NSTemporaryDirectory() + "http-tests-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: target) }
    try await withServer(handler: Self.echo) { _, url in
      var request = local(.put, url, body: .file(path: source))
      request.responseLimitBytes = 3_000_000
      let response = try await client.download(request, to: target)
      #expect(response.body.isEmpty)
      #expect(response.headers["X-Length"] == "3000000")
      #expect(try Data(contentsOf: URL(fileURLWithPath: source)) == Data(contentsOf: URL(fileURLWithPath: target)))
      await #expect(throws: HTTPClientError.self) { try await client.send(local(.put, url, body: .file(path: "/nowhere"))) }
    }
  }

  @Test("keeps the body of a refusal out of the file")
  func refusedDownload() async throws {
    let target = NSTemporaryDirectory() + "http-tests-\(UUID().uuidString)"
    try await withServer { _ in
      .text("no", status: .forbidden)
    } _: { _, url in
      let response = try await client.download(local(.get, url), to: target)
      #expect(response.status == .forbidden)
      #expect(response.body == Array("no".utf8))
      #expect(!FileManager.default.fileExists(atPath: target))
    }
  }

  @Test("gives up a response above the limit, in memory and in a file")
  func tooLarge() async throws {
    try await withServer { _ in
      HTTPResponse(body: .bytes([UInt8](repeating: 1, count: 200_000)))
    } _: { _, url in
      var request = local(.get, url)
      request.responseLimitBytes = 199_999
      let path = NSTemporaryDirectory() + "http-tests-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try await expect(.tooLarge) { try await client.send(request) }
      try await expect(.tooLarge) { try await client.download(request, to: path) }
      request.responseLimitBytes = 200_000
      #expect(try await client.send(request).body.count == 200_000)
    }
  }

  @Test("times out as a whole and when nothing moves")
  func timeouts() async throws {
    try await withServer { _ in
      // Longer than the client waits: only the client's limit ends it.
      try? await Task.sleep(for: .seconds(60))
      return HTTPResponse()
    } _: { server, url in
      var request = local(.get, url)
      request.totalTimeout = .milliseconds(200)
      try await expect(.timedOut) { try await client.send(request) }
      request.totalTimeout = nil
      request.idleTimeout = .seconds(1)
      try await expect(.timedOut) { try await client.send(request) }
      try await eventually("the handlers are cancelled") { server.activeRequests == 0 }
    }
  }

  @Test("aborts the transfer when its task is cancelled, before and while it runs")
  func cancellation() async throws {
    let isCancelled = Mutex(false)
    try await withServer { _ in
      await withTaskCancellationHandler {
        // Only the client's cancellation ends this.
        try? await Task.sleep(for: .seconds(60))
        return HTTPResponse()
      } onCancel: {
        isCancelled.withLock { $0 = true }
      }
    } _: { server, url in
      let task = Task { try await client.send(local(.get, url)) }
      try await eventually("the handler runs") { server.activeRequests == 1 }
      task.cancel()
      try await expect(.cancelled) { try await task.value }
      try await eventually("the handler is cancelled") { isCancelled.withLock { $0 } }
      let early = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await client.send(local(.get, url))
      }
      early.cancel()
      try await expect(.cancelled) { try await early.value }
    }
  }

  @Test("tells a refused connection, an unknown name and an unusable URL apart")
  func unreachable() async throws {
    let port = try await withServer { _ in
      HTTPResponse()
    } _: { server, _ in
      server.port
    }
    try await expect(.connectionRefused) { try await client.send(local(.get, "http://127.0.0.1:\(port)/")) }
    try await expect(.nameNotResolved) { try await client.send(local(.get, "http://nowhere.invalid/")) }
    for url in ["", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "gopher://127.0.0.1/", "http://a b/", "http:// /"] {
      try await expect(.invalidRequest) { try await client.send(local(.get, url)) }
    }
  }

  @Test("never reaches this machine by an outside URL, however it is written, nor by a kept connection")
  func forbiddenAddress() async throws {
    let count = Mutex(0)
    try await withServer { _ in
      count.withLock { $0 += 1 }
      return HTTPResponse()
    } _: { server, url in
      _ = try await client.send(local(.get, url))
      for host in ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0", "[::1]", "[::ffff:127.0.0.1]"] {
        try await expect(.addressForbidden) {
          try await client.send(HTTPClientRequest(.get, "http://\(host):\(server.port)/"))
        }
      }
      #expect(count.withLock { $0 } == 1)
    }
  }

  @Test("does not follow redirects")
  func redirect() async throws {
    try await withServer { _ in
      HTTPResponse(.temporaryRedirect, headers: ["Location": "/other"])
    } _: { _, url in
      let response = try await client.send(local(.get, url))
      #expect(response.status == .temporaryRedirect)
      #expect(response.headers["Location"] == "/other")
    }
  }

  @Test("tells a cut response from a complete one")
  func truncated() async throws {
    let replies = [
      ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", HTTPClientError.Code.truncated),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", .truncated), ("", .connectionLost),
      ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "y", count: 70_000))\r\n\r\n", .tooLarge),
    ]
    for (reply, code) in replies {
      let server = try OneReplyServer(reply)
      try await expect(code) { try await client.send(local(.get, "http://127.0.0.1:\(server.port)/")) }
    }
  }

  @Test("gives the body to a receiver as it comes, and ends when it throws")
  func receiver() async throws {
    struct Enough: Error {}
    try await withServer { _ in
      .serverSentEvents { events in
        for number in 0... { try await events.send(ServerSentEvent(id: "\(number)", data: "\(number)")) }
      }
    } _: { _, url in
      let parser = Mutex(ServerSentEventParser())
      let numbers = Mutex<[String]>([])
      var request = local(.get, url)
      request.responseLimitBytes = .max
      try await expect(.receiverFailed) {
        try await client.send(request) { response, bytes in
          guard response.headers["Content-Type"] == "text/event-stream" else { throw Enough() }
          let events = try parser.withLock { try $0.push(bytes) }
          numbers.withLock { $0 += events.map(\.data) }
          if numbers.withLock({ $0.count }) > 1000 { throw Enough() }
        }
      }
      #expect(numbers.withLock { Array($0[...1000]) } == (0...1000).map(String.init))
    }
  }

  private func expect(_ code: HTTPClientError.Code, _ body: () async throws -> HTTPClientResponse) async throws {
    do {
      let response = try await body()
      Issue.record("expected \(code.rawValue), received \(response.status)")
    } catch let error as HTTPClientError {
      #expect(error.code == code, "\(error)")
    }
  }
}
