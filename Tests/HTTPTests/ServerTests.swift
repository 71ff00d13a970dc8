import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite("The server answers") struct ServerTests {
  @Test("a GET with the handler's bytes, headers and status")
  func get() async throws {
    try await withServer { request in
      HTTPResponse(.created, headers: ["X-Path": request.path], body: .bytes(Array("hello".utf8)))
    } _: { _, url in
      let result = try await curl("-i", "\(url)/a%20b?x=1")
      #expect(result.output.hasPrefix("HTTP/1.1 201 Created\r\n"))
      #expect(result.output.contains("X-Path: a b\r\n") || result.output.contains("X-Path: /a b\r\n"))
      #expect(result.output.hasSuffix("\r\n\r\nhello"))
    }
  }

  @Test("an upload that the handler collects")
  func upload() async throws {
    try await withServer { request in
      guard let body = try? await request.body.collect(upTo: 100) else { return HTTPResponse(.contentTooLarge) }
      return HTTPResponse(body: .bytes(body.reversed()))
    } _: { _, url in
      let counted = try await curl("-d", "abc", "\(url)/")
      #expect(counted.output == "cba")
      let chunked = try await curl("-H", "Transfer-Encoding: chunked", "-d", "abcd", "\(url)/")
      #expect(chunked.output == "dcba")
    }
  }

  @Test("a refusal of a body larger than the limit before the body is sent")
  func refusedBeforeBody() async throws {
    let large = try temporaryFile(bytes: 3_000_000)
    try await withServer { request in
      do { return HTTPResponse(body: .bytes(try await request.body.collect(upTo: 1000))) } catch {
        return (error as? HTTPError)?.response ?? HTTPResponse(.internalServerError)
      }
    } _: { _, url in
      let waiting = try await curl(
        "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "--expect100-timeout", "15", "-H", "Expect: 100-continue", "-T", large,
        "\(url)/")
      #expect(waiting.output == "413 0")
      let eager = try await curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "-T", large, "\(url)/")
      #expect(eager.output.hasSuffix("413"))
      let chunked = try await curl(
        "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "-H", "Transfer-Encoding: chunked", "-T", large, "\(url)/")
      #expect(chunked.output.hasSuffix("413"))
    }
  }

  @Test("a stream while it is produced, and drains with a stream open")
  func stream() async throws {
    let server = try HTTPServer { _ in
      HTTPResponse(
        headers: ["Content-Type": "text/event-stream"],
        body: .stream(
          ResponseStream(endsOnDrain: true) { writer in
            try await writer.write(Array("data: 1\n\n".utf8))
            // Nothing more is ever sent: only the drain ends this stream.
            try await Task.sleep(for: .seconds(100))
          }))
    }
    async let result = curl("-N", "http://127.0.0.1:\(server.port)/")
    try await eventually("the stream is open") { server.activeRequests == 1 }
    let begin = ContinuousClock.now
    await server.drain(within: .seconds(50))
    #expect(ContinuousClock.now - begin < .seconds(50))
    let (status, output) = try await result
    #expect(status == 0)
    #expect(output == "data: 1\n\n" || output.isEmpty)
  }
}

/// A file of that many bytes, of a pattern that does not repeat at powers of two; made once and kept for later runs.
func temporaryFile(bytes: Int) throws -> String {
  let path = NSTemporaryDirectory() + "http-tests-\(bytes)"
  if try FileManager.default.fileExists(atPath: path) && Data(contentsOf: URL(fileURLWithPath: path)).count == bytes { return path }
  let pattern = Data((0..<251).map { UInt8($0) })
  var data = Data(capacity: bytes + pattern.count)
  while data.count < bytes { data.append(pattern) }
  try data.prefix(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
  return path
}
