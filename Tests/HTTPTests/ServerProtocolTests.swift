import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite("The server's protocol") struct ServerProtocolTests {
  private static let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    do throws(HTTPError) { return HTTPResponse(body: .bytes(try await request.body.collect(upTo: 1000))) } catch { return error.response }
  }

  @Test(
    "refuses what is ambiguous or malformed, and forgets it",
    arguments: [
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /?a=%f HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 70_000))\r\n\r\n",
      "GET /\(String(repeating: "y", count: 70_000)) HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
  func refused(_ text: String) async throws {
    try await withServer { _ in
      .text("reached")
    } _: { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write(text)
      let reply = await socket.readAll()
      #expect(reply.isEmpty || reply.hasPrefix("HTTP/1.1 4"), "\(reply.prefix(200))")
      try await eventually("the exchange is forgotten") { server.activeRequests == 0 }
    }
  }

  @Test("keeps a connection for the next request, also after a small body nobody read")
  func keepAlive() async throws {
    try await withServer { request in
      .text(request.path)
    } _: { server, _ in
      let socket = try RawSocket(port: server.port)
      for number in 1...3 {
        await socket.write("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
        let got = await socket.readUntil("/\(number)")
        #expect(got.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await socket.write("POST /p\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde")
        let posted = await socket.readUntil("/p\(number)")
        #expect(posted.hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
      await socket.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
      let pipelined = await socket.readUntil("/b")
      #expect(pipelined.contains("/a"))
    }
  }

  @Test("answers HEAD with the headers of GET and no body")
  func head() async throws {
    try await withServer { _ in
      .text("hello")
    } _: { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      let reply = await socket.readAll()
      #expect(reply.contains("Content-Length: 5\r\n"))
      #expect(reply.hasSuffix("\r\n\r\n"))
    }
  }

  @Test("does not start a stream for HEAD")
  func headOfStream() async throws {
    let started = Mutex(false)
    try await withServer { _ in
      HTTPResponse(body: .stream(ResponseStream { _ in started.withLock { $0 = true } }))
    } _: { server, url in
      let response = try await client.send(local(.head, url))
      #expect(response.status == .ok)
      try await eventually("the exchange ends") { server.activeRequests == 0 }
      #expect(!started.withLock { $0 })
    }
  }

  @Test("tells the client to send its body only when the handler reads it")
  func expectContinue() async throws {
    try await withServer(handler: Self.echo) { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
      let interim = await socket.readUntil("\r\n\r\n")
      #expect(interim == "HTTP/1.1 100 Continue\r\n\r\n")
      await socket.write("abc")
      let final = await socket.readUntil("abc")
      #expect(final.hasPrefix("HTTP/1.1 200 OK\r\n"))
      let refused = try RawSocket(port: server.port)
      await refused.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
      let refusal = await refused.readAll()
      #expect(refusal.hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test("stops a chunked upload at the limit with 413 while the client still sends")
  func chunkedLimit() async throws {
    try await withServer(handler: Self.echo) { server, _ in
      let socket = try RawSocket(port: server.port)
      await socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "10000\r\n" + String(repeating: "x", count: 65536) + "\r\n"
      for _ in 0..<20 { await socket.write(chunk) }
      let reply = await socket.readAll()
      #expect(reply.hasPrefix("HTTP/1.1 413 Content Too Large\r\n"))
      #expect(reply.contains("Connection: close\r\n"))
      #expect(reply.hasSuffix("}"))
      for _ in 0..<2000 where await socket.write(Array(chunk.utf8)) == 0 { return }
      Issue.record("the server reads for ever what nobody wants")
    }
  }

  @Test("closes the connection of a client that stops sending")
  func slowClient() async throws {
    var configuration = HTTPServerConfiguration()
    configuration.idleTimeout = .seconds(1)
    try await withServer(configuration, handler: Self.echo) { server, _ in
      let inHead = try RawSocket(port: server.port)
      await inHead.write("GET / HTTP/1.1\r\nHos")
      let inBody = try RawSocket(port: server.port)
      await inBody.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      let headReply = await inHead.readAll()
      #expect(!headReply.contains("200 OK"))
      let bodyReply = await inBody.readAll()
      #expect(!bodyReply.contains("200 OK"))
      try await eventually("the exchanges are forgotten") { server.activeRequests == 0 }
    }
  }

  @Test("limits the connections of one address")
  func connectionLimit() async throws {
    var configuration = HTTPServerConfiguration()
    configuration.connectionLimitPerAddress = 2
    try await withServer(configuration) { _ in
      .text("x")
    } _: { server, _ in
      let kept = try (0..<2).map { _ in try RawSocket(port: server.port) }
      for socket in kept {
        await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let served = await socket.readUntil("\r\nx")
        #expect(served.contains("200 OK"))
      }
      let refused = try RawSocket(port: server.port)
      await refused.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let nothing = await refused.readAll()
      // Without this use the kept sockets would be closed by now.
      #expect(nothing.isEmpty && kept.count == 2)
    }
  }

  @Test("does not listen on a port that is taken, nor on an address that is none")
  func cannotListen() async throws {
    try await withServer { _ in
      HTTPResponse()
    } _: { server, _ in
      var configuration = HTTPServerConfiguration()
      configuration.port = server.port
      #expect(throws: HTTPServerError(address: "127.0.0.1", port: server.port)) { try HTTPServer(configuration) { _ in HTTPResponse() } }
      configuration.address = "localhost"
      #expect(throws: HTTPServerError.self) { try HTTPServer(configuration) { _ in HTTPResponse() } }
    }
  }
}
