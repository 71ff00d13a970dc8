import Cryptography
import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Activities

/// tuspy, which is not ours, against a service that is killed while it receives.
@Suite(.serialized) struct ResumeTests {
  private static let python = URL(filePath: #filePath).appending(path: "../../../.build/venv/bin/python3").standardizedFileURL.path
  private static let script = URL(filePath: #filePath).appending(path: "../resume_upload.py").standardizedFileURL.path
  private static let fileBytes = 64 << 20

  /// What one run of the client printed, by the first word of each line; without a "done" it failed.
  private static func upload(_ arguments: [String]) async throws -> [String: String] {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let process = Process()
            process.executableURL = URL(filePath: python)
            process.arguments = ["-B", script] + arguments
            let output = Foundation.Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let lines = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1).map(String.init) }
            return Dictionary(lines.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { _, last in last }
          })
      }
    }
  }

  /// Bytes that are safe.
  private static func recorded(_ connection: PipelineConnection) throws -> Int {
    let statement = Statement(name: "recorded", sql: "select coalesce(max(offset_bytes), 0) from music.resumable_uploads")
    return Int(try connection.run((statement, Parameters()))[0].int64(0, 0))
  }

  /// Sound of no compressible kind, so that no byte is like its neighbour.
  private static func song(_ path: String) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: fileBytes)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for index in bytes.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes[index] = UInt8(truncatingIfNeeded: state >> 56)
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return bytes
  }

  @Test(.timeLimit(.minutes(3)), .enabled(if: FileManager.default.isExecutableFile(atPath: python)))
  func `tuspy resumes an upload whose service was killed, and every byte is there`() async throws {
    let service = try ServiceUnderTest()
    defer { service.remove() }
    let path = service.folder + "/song.wav"
    let digest = Digest.sha256(try Self.song(path))
    let base = try await service.start()
    let port = try #require(base.split(separator: ":").last.flatMap { UInt16($0) })
    var address: String?
    var begun: [Int] = []
    let connection = try service.database()
    // The whole rest in one part, so that each kill is in the middle of one.
    for _ in 1...2 {
      let safe = try Self.recorded(connection)
      let arguments = [base, path, String(1 << 30)] + [address].compactMap { $0 }
      async let client = Self.upload(arguments)
      try await eventually("more bytes are safe") { try Self.recorded(connection) > safe }
      let atLeast = try Self.recorded(connection)
      service.kill()
      let printed = try await client
      address = address ?? printed["url"]
      _ = try await service.start(port: port)
      #expect(try Self.recorded(connection) >= atLeast)
      begun.append(try Self.recorded(connection))
    }
    let last = try await Self.upload([base, path, String(512 << 10), try #require(address)])
    let done = try #require(last["done"]?.split(separator: " ").map(String.init), "\(last)")
    #expect(Int(last["from"] ?? "") == begun.last && begun == begun.sorted(), "what was acknowledged is never taken back: \(begun)")
    #expect(done[0] == String(Self.fileBytes))
    let api = API(base: base)
    let track = try #require(done.last)
    #expect(try await api.json("/api/v1/tracks/\(track)")["title"] as? String == "Resumed")
    let stored = try connection.run((Statement(name: "digest", sql: "select sha256, size_bytes from music.tracks"), Parameters()))[0]
    #expect(stored.count == 1)
    #expect(try stored.bytes(0, 0) == digest && stored.int64(0, 1) == Int64(Self.fileBytes))
    try await service.stop()
  }
}
