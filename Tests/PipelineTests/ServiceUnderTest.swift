import Foundation
import HTTP
import PostgreSQL
import Synchronization
import TestSupport

/// `orchestratord dev` as a process of its own, in a folder of its own, that a test kills and starts again.
final class ServiceUnderTest: Sendable {
  let folder: String
  private let options: [String]
  private let running = Mutex<(process: DetachedProcess, log: String)?>(nil)
  private let starts = Atomic<Int>(0)

  init(_ options: [String] = []) throws {
    self.options = options
    folder = FileManager.default.temporaryDirectory.appending(path: "pipeline-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  /// Starts the process and waits until its API answers.
  /// - Parameter port: 0 takes a free one.
  /// - Returns: the address of the API.
  func start(port: UInt16 = 0) async throws -> String {
    let log = "\(folder)/service-\(starts.add(1, ordering: .relaxed).newValue).log"
    let output = open(log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o644)
    defer { close(output) }
    let process = try DetachedProcess.start(
      [try Self.executable(), "dev", "--data", folder + "/data", "--port", String(port), "--log-level", "warning"] + options,
      output: output)
    running.withLock { $0 = (process, log) }
    var address: String?
    try await eventually("the service answers") {
      if process.exitCodeIfEnded() != nil {
        throw Unexpected("the service ended: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
      }
      let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
      guard let line = lines.first(where: { $0.contains("API ") && $0.contains("http://") }) else { return false }
      address = line.split(separator: " ").last.map { String($0).replacingOccurrences(of: "/api/v1", with: "") }
      return address != nil
    }
    return address ?? ""
  }

  /// SIGKILL, and the entry is gone; the embedded PostgreSQL lives on until the next start adopts it.
  func kill() {
    guard let (process, _) = running.withLock({ $0 }) else { return }
    Glibc.kill(process.identifier, SIGKILL)
    _ = process.wait()
    running.withLock { $0 = nil }
  }

  /// SIGKILL for the postmaster: the server restarts with the next start and recovers by itself.
  func killPostgres() {
    if let server = cluster.processIdentifier { Glibc.kill(server, SIGKILL) }
  }

  /// SIGTERM: everything ends in good order, the embedded PostgreSQL too.
  func stop() async throws {
    guard let (process, _) = running.withLock({ $0 }) else { return }
    Glibc.kill(process.identifier, SIGTERM)
    var exitCode: Int32?
    try await eventually("the service stops") {
      exitCode = process.exitCodeIfEnded()
      return exitCode != nil
    }
    running.withLock { $0 = nil }
    guard exitCode == 0 else { throw Unexpected("the service ended with \(exitCode ?? -1)") }
    if let server = cluster.processIdentifier { throw Unexpected("PostgreSQL \(server) was left running") }
  }

  func remove() {
    kill()
    try? cluster.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// A connection to the embedded database, which must run.
  func database() throws -> PipelineConnection { try PipelineConnection(try cluster.start()) }

  private var cluster: EmbeddedPostgreSQL { EmbeddedPostgreSQL(folder: folder + "/data/postgres") }

  /// Built beside this test's own executable.
  private static func executable() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folder = Bundle.main.bundlePath.isEmpty ? own : CommandLine.arguments[0]
    for candidate in [folder, own, Bundle.main.bundlePath + "/x"] {
      let path = URL(fileURLWithPath: candidate).deletingLastPathComponent().appending(path: "orchestratord").path
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw Unexpected("orchestratord is not built beside \(own)")
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the tests ask of the API.
struct API {
  let base: String
  private static let client = HTTPClient()

  func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8]? = nil, headers: [(String, String)] = []) async throws
    -> HTTPClientResponse
  {
    var request = HTTPClientRequest(method, base + path, body: body.map { .bytes($0) } ?? .none)
    request.addressPolicy = .publicOrLoopback
    request.responseLimitBytes = 64 << 20
    for (name, value) in headers { request.headers[name] = value }
    return try await Self.client.send(request)
  }

  func json(_ path: String) async throws -> [String: Any] {
    let response = try await send(.get, path)
    guard response.status.rawValue == 200 else { throw Unexpected("\(path) answered \(response.status.rawValue)") }
    return try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any] ?? [:]
  }

  func upload(_ file: String, key: String) async throws -> String {
    let boundary = "test-boundary"
    var body = Data("--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"song.mp3\"\r\n".utf8)
    body.append(Data("Content-Type: audio/mpeg\r\n\r\n".utf8))
    body.append(try Data(contentsOf: URL(fileURLWithPath: file)))
    body.append(Data("\r\n--\(boundary)--\r\n".utf8))
    let response = try await send(
      .post, "/api/v1/uploads", Array(body),
      headers: [("Content-Type", "multipart/form-data; boundary=\(boundary)"), ("Idempotency-Key", key)])
    guard response.status.rawValue == 202 else {
      throw Unexpected("the upload was answered \(response.status.rawValue): \(String(decoding: response.body, as: UTF8.self))")
    }
    let answer = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return answer?["trackId"] as? String ?? ""
  }

  func approve(_ track: String) async throws {
    let response = try await send(
      .post, "/api/v1/tracks/\(track)/review", Array(#"{"decision":"approve"}"#.utf8), headers: [("Content-Type", "application/json")])
    guard (200..<300).contains(response.status.rawValue) else {
      throw Unexpected("the review was answered \(response.status.rawValue): \(String(decoding: response.body, as: UTF8.self))")
    }
  }

  func status(_ track: String) async throws -> String { try await json("/api/v1/tracks/\(track)")["status"] as? String ?? "" }
}
