import Foundation
import HTTP
import Testing

@testable import orchestratord

/// Uploads over real sockets, as far as the transport matters.
@Suite struct UploadTransportTests {
  private static let limit = 1 << 20

  private func serve(_ api: TestAPI) throws -> HTTPServer { try HTTPServer(router: api.router) }

  private func api() async throws -> TestAPI {
    var limits = UploadLimits()
    limits.fileBytes = Self.limit
    return try await TestAPI(limits: limits)
  }

  private func curl(_ arguments: [String]) async throws -> String {
    try await Curl.run(["-H", "Authorization: Bearer artist-token-0001"] + arguments)
  }

  private func file(bytes: Int, in api: TestAPI) throws -> String {
    let path = api.folder + ".song.mp3"
    try Data(repeating: 0x55, count: bytes).write(to: URL(filePath: path))
    return path
  }

  @Test func `A form sent by curl is accepted, whole and byte for byte`() async throws {
    let api = try await api()
    let server = try serve(api)
    let path = try file(bytes: Self.limit, in: api)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let answer = try await curl(["-F", "file=@\(path)", "-F", "title=Blue", "http://127.0.0.1:\(server.port)/api/v1/uploads"])
    #expect(answer.contains("\"status\":\"PENDING\""), "\(answer)")
    let stored = try #require(api.files.first)
    #expect(FileManager.default.contentsEqual(atPath: path, andPath: "\(api.folder)/\(stored)"))
    await server.drain(within: .seconds(5))
  }

  @Test func `A body whose stated length is too large is refused before it is sent`() async throws {
    let api = try await api()
    let server = try serve(api)
    let path = try file(bytes: 4 * Self.limit, in: api)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let url = "http://127.0.0.1:\(server.port)/api/v1/uploads"
    let answer = try await curl([
      "--expect100-timeout", "15", "-H", "Expect: 100-continue", "-w", "\n%{http_code} %{size_upload}", "-F", "file=@\(path)", url,
    ])
    #expect(answer.hasSuffix("\n413 0"), "\(answer)")
    #expect(answer.contains("upload-too-large"))
    #expect(api.files == [])
    await server.drain(within: .seconds(5))
  }

  @Test func `A body without a length is counted, and refused when it passes the limit`() async throws {
    let api = try await api()
    let server = try serve(api)
    let path = try file(bytes: 4 * Self.limit, in: api)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let url = "http://127.0.0.1:\(server.port)/api/v1/uploads"
    let answer = try await curl(["-H", "Transfer-Encoding: chunked", "-w", "\n%{http_code}", "-F", "file=@\(path)", url])
    #expect(answer.hasSuffix("413"), "\(answer)")
    #expect(api.files == [])
    await server.drain(within: .seconds(5))
  }
}
