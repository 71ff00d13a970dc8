import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite("The server's streams") struct ServerStreamTests {
  @Test("hold an upload of 50 MB back while its consumer is slow, in a bounded buffer")
  func backPressure() async throws {
    let total = 50_000_000
    let file = try temporaryFile(bytes: total)
    let largest = Mutex(0)
    try await withServer { request in
      var sum = 0
      do {
        for try await chunk in request.body {
          largest.withLock { $0 = max($0, chunk.count) }
          sum += chunk.count
          // A slow consumer is what this test is about.
          try await Task.sleep(for: .milliseconds(1))
        }
      } catch { return HTTPResponse(.internalServerError) }
      return .text("\(sum)")
    } _: { _, url in
      let response = try await client.send(local(.put, url, body: .file(path: file)))
      #expect(response.body == Array("\(total)".utf8))
    }
    #expect(largest.withLock { $0 } <= 256 * 1024)
  }

  @Test("hold a producer back while its client is slow")
  func producerBackPressure() async throws {
    let produced = Mutex(0)
    try await withServer { _ in
      HTTPResponse(
        body: .stream(
          ResponseStream { writer in
            for _ in 0..<1000 {
              try await writer.write([UInt8](repeating: 1, count: 100_000))
              produced.withLock { $0 += 100_000 }
            }
          }))
    } _: { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      var seen: [Int] = []
      try await eventually("the producer waits") {
        seen.append(produced.withLock { $0 })
        return seen.count > 10 && seen[seen.count - 1] > 0 && Set(seen.suffix(10)).count == 1
      }
      // What the sockets of both sides hold comes on top of the 256 KiB.
      #expect(produced.withLock { $0 } < 20_000_000)
      let received = await socket.countAll(until: 100_000_000)
      #expect(received >= 100_000_000)
    }
  }

  @Test("cancel the handler when the client goes away, in every state")
  func disconnect() async throws {
    let ended = Mutex<[String]>([])
    @Sendable func noting(_ name: String, _ body: () async throws -> Void) async {
      do { try await body() } catch { ended.withLock { $0.append(name) } }
    }
    try await withServer { request in
      switch request.path {
      // Ends by cancellation only: that is what is observed.
      case "/waits": await noting("waits") { try await Task.sleep(for: .seconds(60)) }
      case "/reads": await noting("reads") { for try await _ in request.body {} }
      default:
        return .serverSentEvents { events in
          await noting("streams") {
            try await events.send(ServerSentEvent(data: "a"))
            // Ends by cancellation only.
            try await Task.sleep(for: .seconds(60))
          }
        }
      }
      return HTTPResponse()
    } _: { server, _ in
      var sockets: [RawSocket] = []
      for head in ["GET /waits", "POST /reads", "GET /streams"] {
        let socket = try RawSocket(port: server.port)
        await socket.write("\(head) HTTP/1.1\r\nHost: a\r\n\(head.hasPrefix("POST") ? "Content-Length: 9\r\n" : "")\r\n")
        sockets.append(socket)
      }
      try await eventually("all three run") { server.activeRequests == 3 }
      _ = await sockets[2].readUntil("data: a")
      sockets.removeAll()
      try await eventually("all three have ended") { server.activeRequests == 0 && ended.withLock { $0.count } == 3 }
      #expect(Set(ended.withLock { $0 }) == ["waits", "reads", "streams"])
    }
  }

  @Test("carry events to curl")
  func events() async throws {
    try await withServer { _ in
      .serverSentEvents { events in
        try await events.send(ServerSentEvent(id: "1", event: "step", data: "a\nb"))
        try await events.send(ServerSentEvent(id: "2", data: "c"))
      }
    } _: { _, url in
      let (status, output) = try await curl("-N", "-i", url)
      #expect(status == 0)
      #expect(output.contains("Content-Type: text/event-stream\r\n"))
      #expect(output.hasSuffix("\r\n\r\nid: 1\nevent: step\ndata: a\ndata: b\n\nid: 2\ndata: c\n\n"))
    }
  }

  @Test("beat while there is no event")
  func heartbeats() async throws {
    try await withServer { _ in
      // Stays open until the client goes.
      .serverSentEvents(heartbeat: .milliseconds(5)) { _ in try await Task.sleep(for: .seconds(60)) }
    } _: { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      for _ in 0..<3 {
        let beat = await socket.readUntil(":\n\n")
        #expect(beat.contains(":\n\n"))
      }
    }
  }

  @Test("that break are seen as broken by the client")
  func brokenStream() async throws {
    struct Broken: Error {}
    try await withServer { _ in
      HTTPResponse(
        body: .stream(
          ResponseStream { writer in
            try await writer.write(Array("half".utf8))
            throw Broken()
          }))
    } _: { _, url in
      let error = await #expect(throws: HTTPClientError.self) { try await client.send(local(.get, url)) }
      #expect([.truncated, .connectionLost].contains(error?.code))
    }
  }

  @Test("of files know ranges and validators")
  func fileRanges() async throws {
    let path = try temporaryFile(bytes: 1000)
    let content = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    try await withServer { request in
      do throws(HTTPError) {
        return try .file(at: request.path == "/gone" ? "/gone" : path, contentType: "audio/wav", entityTag: "\"v1\"", for: request)
      } catch { return error.response }
    } _: { _, url in
      func get(_ headers: HTTPHeaders, _ method: HTTPMethod = .get) async throws -> HTTPClientResponse {
        try await client.send(local(method, url, headers: headers))
      }
      let whole = try await get([:])
      #expect(whole.status == .ok && whole.body == content && whole.headers["Content-Type"] == "audio/wav")
      let part = try await get(["Range": "bytes=10-19"])
      #expect(part.status == .partialContent && part.body == Array(content[10...19]))
      #expect(part.headers["Content-Range"] == "bytes 10-19/1000" && part.headers["Content-Length"] == "10")
      let suffix = try await get(["Range": "bytes=-1"])
      #expect(suffix.body == [content[999]])
      let beyond = try await get(["Range": "bytes=1000-"])
      #expect(beyond.status == .rangeNotSatisfiable && beyond.headers["Content-Range"] == "bytes */1000")
      let current = try await get(["Range": "bytes=0-0", "If-Range": "\"v1\""])
      #expect(current.status == .partialContent)
      let outdated = try await get(["Range": "bytes=0-0", "If-Range": "\"v0\""])
      #expect(outdated.status == .ok && outdated.body == content)
      let unchanged = try await get(["If-None-Match": "W/\"v1\""])
      #expect(unchanged.status == .notModified && unchanged.body.isEmpty)
      let head = try await get([:], .head)
      #expect(head.headers["Content-Length"] == "1000" && head.headers["Accept-Ranges"] == "bytes")
      let gone = try await client.send(local(.get, url + "/gone"))
      #expect(gone.status == .notFound)
    }
  }

  @Test("serve 300 clients at once")
  func parallel() async throws {
    try await withServer { request in
      // Long enough that the requests overlap.
      try? await Task.sleep(for: .milliseconds(20))
      return .text(request.queryValue("n") ?? "")
    } _: { _, url in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<300 {
          group.addTask { try await client.send(local(.get, "\(url)/?n=\(number)")).body == Array("\(number)".utf8) }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test("and running requests end when the server drains; what never ends is cancelled")
  func drain() async throws {
    let cancelled = Mutex(0)
    let server = try HTTPServer { request in
      switch request.path {
      case "/short":
        // Ends within the drain time.
        try? await Task.sleep(for: .milliseconds(300))
        return .text("done")
      case "/stuck":
        // Ends by cancellation only.
        do { try await Task.sleep(for: .seconds(60)) } catch { cancelled.withLock { $0 += 1 } }
        return .text("never")
      default:
        return .serverSentEvents { events in
          try await events.send(ServerSentEvent(data: "a"))
          // Stays open until the drain ends it.
          try await Task.sleep(for: .seconds(60))
        }
      }
    }
    let url = "http://127.0.0.1:\(server.port)"
    async let short = client.send(local(.get, url + "/short"))
    let stuck = Task { try await client.send(local(.get, url + "/stuck")) }
    let streams = (0..<20).map { _ in Task { try await client.send(local(.get, url + "/stream")) } }
    try await eventually("all run") { server.activeRequests == 22 }
    let start = ContinuousClock.now
    await server.drain(within: .seconds(3))
    // Far from the minute that the stuck ones would take, and far from what a busy machine needs.
    #expect(ContinuousClock.now - start < .seconds(30))
    let answered = try await short
    #expect(answered.body == Array("done".utf8) && answered.headers["Connection"] == "close")
    for stream in streams { #expect(try await stream.value.status == .ok) }
    await #expect(throws: HTTPClientError.self) { try await stuck.value }
    try await eventually("the stuck handler is cancelled") { cancelled.withLock { $0 } == 1 }
    await #expect(throws: HTTPClientError.self) { try await client.send(local(.get, url + "/short")) }
  }
}
