import Foundation
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import orchestratord

/// docs/nginx.conf under Debian's nginx, in front of a server of ours.
@Suite struct NginxTests {
  private static let program = "/usr/sbin/nginx"
  private static let isInstalled = FileManager.default.isExecutableFile(atPath: program)

  /// Counts what a handler saw, for a test that waits for it.
  private final class Seen: Sendable {
    let bytes = Mutex(0)
    let mayEnd = AsyncStream<Void>.makeStream()
  }

  private static func router(_ seen: Seen) throws -> Router {
    let proxies = try TrustedProxies("127.0.0.1")
    var router = Router()
    router.on(.get, "/api/v1/client") { HTTPResponse.text("\(proxies.client(of: $0)) \($0.headers["X-Forwarded-Proto"] ?? "?")") }
    router.on(.get, "/api/v1/events") { _ in
      .serverSentEvents { writer in
        try await writer.send(ServerSentEvent(id: "1", event: "progress", data: "first"))
        for await _ in seen.mayEnd.stream { break }
        try await writer.send(ServerSentEvent(id: "2", event: "done", data: "last"))
      }
    }
    router.on(.put, "/api/v1/file") { request in
      for try await chunk in request.body { seen.bytes.withLock { $0 += chunk.count } }
      return HTTPResponse.text("\(seen.bytes.withLock { $0 })")
    }
    return router
  }

  /// nginx with the documented file, on ports and with a certificate of its own.
  private final class Proxy {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nginx-\(UUID().uuidString.prefix(8))").path
    let plainPort: UInt16
    let port: UInt16
    private let process = Process()

    init(to service: UInt16) async throws {
      (plainPort, port) = (try await Self.freePort(), try await Self.freePort())
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let certificate = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=music.example", "-addext",
        "subjectAltName=DNS:music.example", "-keyout", folder + "/privkey.pem", "-out", folder + "/fullchain.pem",
      ]
      try await NginxTests.finish("/usr/bin/openssl", certificate)
      let example = URL(filePath: #filePath).appending(path: "../../../docs/nginx.conf").standardizedFileURL
      let site = try String(contentsOf: example, encoding: .utf8)
        .replacing("127.0.0.1:8080", with: "127.0.0.1:\(service)").replacing("listen 80;", with: "listen 127.0.0.1:\(plainPort);")
        .replacing("listen 443 ", with: "listen 127.0.0.1:\(port) ").replacing("/etc/ssl/orchestrator", with: folder)
        .split(separator: "\n").filter { !$0.contains("listen [::]") }.joined(separator: "\n")
      try site.write(toFile: folder + "/site.conf", atomically: true, encoding: .utf8)
      let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: " ")
      let user = getuid() == 0 ? "user root;" : ""
      let main = """
        \(user) worker_processes 1; daemon off; pid \(folder)/pid; error_log \(folder)/error.log;
        events { worker_connections 256; }
        http { access_log off; \(places) include \(folder)/site.conf; }
        """
      try main.write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
      process.executableURL = URL(filePath: program)
      process.arguments = ["-p", folder, "-c", folder + "/nginx.conf", "-e", folder + "/error.log"]
      (process.standardInput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
      try process.run()
    }

    deinit {
      process.terminate()
      process.waitUntilExit()
      try? FileManager.default.removeItem(atPath: folder)
    }

    private static func freePort() async throws -> UInt16 {
      let server = try HTTPServer(HTTPServerConfiguration(), router: Router())
      await server.drain(within: .zero)
      return server.port
    }

    /// What curl is told beside the path.
    var options: [String] { ["--cacert", folder + "/fullchain.pem", "--resolve", "music.example:\(port):127.0.0.1"] }

    func url(_ path: String) -> String { "https://music.example:\(port)\(path)" }

    func log() -> String { (try? String(contentsOfFile: folder + "/error.log", encoding: .utf8)) ?? "" }
  }

  private static func finish(_ program: String, _ arguments: [String]) async throws {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    #expect(process.terminationStatus == 0, "\(program)")
  }

  /// curl while it runs: what it is given, and what it has printed so far.
  private final class RunningCurl: Sendable {
    private let printed = Mutex("")
    private let input = Pipe()
    private let process = Process()

    init(_ arguments: [String]) throws {
      let output = Pipe()
      process.executableURL = URL(filePath: "/usr/bin/curl")
      process.arguments = ["-s", "-S", "-N", "--max-time", "20"] + arguments
      (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
      try process.run()
      Thread.detachNewThread { [weak self] in
        while case let data = output.fileHandleForReading.availableData, !data.isEmpty {
          self?.printed.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
      }
    }

    deinit { process.terminate() }

    var text: String { printed.withLock { $0 } }

    func write(_ count: Int) throws { try input.fileHandleForWriting.write(contentsOf: Data(repeating: 7, count: count)) }
    func close() throws { try input.fileHandleForWriting.close() }
  }

  @Test(.enabled(if: isInstalled, "run make test-dependencies first"), .timeLimit(.minutes(2)))
  func `Behind the documented nginx there is TLS, the client's address, events as they come and uploads as they come`() async throws {
    let seen = Seen()
    let server = try HTTPServer(HTTPServerConfiguration(), router: try Self.router(seen))
    let proxy = try await Proxy(to: server.port)
    func ask(_ arguments: [String]) async throws -> String { try await Curl.run(proxy.options + arguments) }
    try await eventually("nginx answers: \(proxy.log())") {
      try await ask(["-o", "/dev/null", "-w", "%{http_code}", proxy.url("/x")]) == "404"
    }

    let head = try await ask(["-D", "-", "--interface", "127.0.0.2", "-H", "X-Forwarded-For: 198.51.100.7", proxy.url("/api/v1/client")])
    #expect(head.contains("strict-transport-security: max-age=63072000"))
    #expect(head.hasSuffix("127.0.0.2 https"), "\(head)")
    let plain = try await ask([
      "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "http://127.0.0.1:\(proxy.plainPort)/api/v1/tracks?a=b",
    ])
    #expect(plain == "308 https://127.0.0.1/api/v1/tracks?a=b")

    let events = try RunningCurl(proxy.options + [proxy.url("/api/v1/events")])
    try await eventually("the first event is there before the last one is sent") { events.text.contains("data: first") }
    #expect(!events.text.contains("data: last"))
    seen.mayEnd.continuation.finish()
    try await eventually("the last event comes") { events.text.contains("data: last") }

    let upload = try RunningCurl(proxy.options + ["-T", "-", proxy.url("/api/v1/file")])
    try upload.write(1 << 20)
    try await eventually("the service reads the beginning before the end is sent") { seen.bytes.withLock { $0 } > 1 << 19 }
    try upload.write(3 << 20)
    try upload.close()
    try await eventually("the upload is answered") { upload.text == String(4 << 20) }
    await server.drain(within: .seconds(1))
  }
}
