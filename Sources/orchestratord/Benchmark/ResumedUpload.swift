import Cryptography
import Foundation
import HTTP
import Orchestrator
import PostgreSQL

/// One large file over tus, whose receiving process is killed (kill -9) five times in the middle of a request; every byte is compared in the end.
struct ResumedUpload: BenchmarkDriver {
  static let kills = 5
  /// At most; every kill has a part of its own, also of a small file.
  private static let partBytes = 32 << 20
  private static let mebibyte = 1 << 20

  let run: BenchmarkRun
  private let client = HTTPClient()

  init(run: BenchmarkRun) { self.run = run }

  /// The numbers are mebibytes.
  func measure(_ numbers: Range<Int>) async throws -> BenchmarkTally {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-uploads-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var receiver = try await Receiver(run, folder)
    let result: Result<BenchmarkTally, any Error>
    do {
      result = .success(try await upload(bytes: numbers.count * Self.mebibyte, to: &receiver))
    } catch {
      result = .failure(error)
    }
    receiver.process.kill()
    return try result.get()
  }

  /// The process that is to be killed, and what it held.
  private struct Receiver {
    let run: BenchmarkRun
    let folder: String
    var process: BenchmarkProcess
    /// Of all that were killed so far.
    var peakBytes = 0

    init(_ run: BenchmarkRun, _ folder: String) async throws {
      self.run = run
      self.folder = folder
      process = try await BenchmarkProcess.start(.receiver, run.program, run.database.engine, words: [folder])
    }

    mutating func notePeak() { peakBytes = max(peakBytes, ResidentMemory.peakBytes(of: process.identifier)) }

    mutating func killAndRestart() async throws {
      notePeak()
      process.kill()
      process = try await BenchmarkProcess.start(.receiver, run.program, run.database.engine, words: [folder])
    }

    /// Bytes of the file that grows.
    var received: Int {
      let files = FileManager.default.enumerator(atPath: folder + "/objects")?.compactMap { $0 as? String } ?? []
      return files.compactMap { try? FileManager.default.attributesOfItem(atPath: "\(folder)/objects/\($0)")[.size] as? Int }.max() ?? 0
    }
  }

  private func upload(bytes: Int, to receiver: inout Receiver) async throws -> BenchmarkTally {
    let content = MadeContent(bytes: bytes)
    let partBytes = min(Self.partBytes, max(1, bytes / (2 * Self.kills + 2)))
    let path = try await begin(bytes, receiver)
    let begun = ContinuousClock.now
    var (offset, kills, sentAgain, last) = (0, 0, 0, 0.0)
    while offset < bytes {
      let part = content.bytes(at: offset, count: partBytes)
      let sent = ContinuousClock.now
      if kills < Self.kills, offset >= bytes / (Self.kills + 1) * (kills + 1) {
        try await killWhileSending(part, at: offset, path, &receiver)
        kills += 1
        let standing = try await standing(path, receiver)
        guard standing >= offset else { throw BenchmarkError("the upload was at byte \(offset), and is at \(standing) after the kill") }
        sentAgain = max(sentAgain, offset + part.count - standing)
        offset = standing
      } else {
        offset = try await send(part, at: offset, path, receiver)
        last = (ContinuousClock.now - sent).seconds
      }
    }
    let seconds = (ContinuousClock.now - begun).seconds
    receiver.notePeak()
    let isSame = try await isIdentical(content, receiver)
    return BenchmarkTally(
      seconds: seconds, units: bytes / Self.mebibyte,
      details: [
        "kills": Double(kills), "byte_identical": isSame ? 1 : 0, "server_peak_mb": Double(receiver.peakBytes) / 1_000_000,
        "last_part_seconds": last, "most_sent_again_mb": Double(sentAgain) / 1_000_000,
      ])
  }

  /// Sends a part and kills its receiver as soon as some of it has arrived.
  private func killWhileSending(_ part: [UInt8], at offset: Int, _ path: String, _ receiver: inout Receiver) async throws {
    let goal = offset + min(part.count / 2, 20 << 20)
    let url = receiver.process.word + path
    let sending = Task { try await self.client.send(Self.request(part, at: offset, url)) }
    let deadline = ContinuousClock.now + .seconds(30)
    while receiver.received < goal {
      guard ContinuousClock.now < deadline else { throw BenchmarkError("a part did not arrive in 30 s") }
      try await Task.sleep(for: .milliseconds(1))
    }
    try await receiver.killAndRestart()
    _ = try? await sending.value
  }

  private func begin(_ bytes: Int, _ receiver: Receiver) async throws -> String {
    var request = HTTPClientRequest(.post, receiver.process.word + "/api/v1/uploads/resumable", body: .bytes([]))
    request.headers = ["Tus-Resumable": "1.0.0", "Upload-Length": String(bytes), "Upload-Metadata": "filename c29uZy53YXY="]
    request.addressPolicy = .publicOrLoopback
    let response = try await client.send(request)
    guard response.status == .created, let path = response.headers["Location"] else {
      throw BenchmarkError("an upload was answered \(response.status): \(String(decoding: response.body, as: UTF8.self))")
    }
    return path
  }

  private static func request(_ part: [UInt8], at offset: Int, _ url: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(.patch, url, body: .bytes(part))
    request.headers = ["Tus-Resumable": "1.0.0", "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream"]
    request.addressPolicy = .publicOrLoopback
    // The last one reads the whole file for its digest.
    request.totalTimeout = .seconds(600)
    return request
  }

  private func send(_ part: [UInt8], at offset: Int, _ path: String, _ receiver: Receiver) async throws -> Int {
    let response = try await client.send(Self.request(part, at: offset, receiver.process.word + path))
    guard response.status == .noContent else {
      throw BenchmarkError("a part was answered \(response.status): \(String(decoding: response.body, as: UTF8.self))")
    }
    return try Self.offset(response)
  }

  private func standing(_ path: String, _ receiver: Receiver) async throws -> Int {
    var request = HTTPClientRequest(.head, receiver.process.word + path)
    request.headers = ["Tus-Resumable": "1.0.0"]
    request.addressPolicy = .publicOrLoopback
    return try Self.offset(try await client.send(request))
  }

  private static func offset(_ response: HTTPClientResponse) throws -> Int {
    guard let offset = response.headers["Upload-Offset"].flatMap({ Int($0) }) else {
      throw BenchmarkError("an answer (\(response.status)) has no Upload-Offset")
    }
    return offset
  }

  /// Compares the file that was stored, and the digest that was counted, with what was sent.
  private func isIdentical(_ content: MadeContent, _ receiver: Receiver) async throws -> Bool {
    let rows = try await Database(run.database.engine, maximumConnections: 1).query(BenchmarkStatements.newestUpload)
    let (key, digest) = (try rows.text(0, 0), try rows.bytes(0, 1))
    guard let file = FileHandle(forReadingAtPath: "\(receiver.folder)/objects/\(key)") else { return false }
    var hasher = SHA256Hasher()
    var offset = 0
    while offset < content.count {
      let expected = content.bytes(at: offset, count: Self.mebibyte)
      guard let stored = try file.read(upToCount: expected.count), Array(stored) == expected else { return false }
      hasher.update(expected)
      offset += expected.count
    }
    let hasEnded = try file.read(upToCount: 1)?.isEmpty ?? true
    let counted = hasher.finalize()
    return hasEnded && counted == digest
  }
}

/// Bytes that are nowhere stored: each is known by its place, and none is like its neighbours.
struct MadeContent: Sendable {
  let count: Int

  init(bytes: Int) { count = bytes }

  /// Up to `count` bytes from `offset`; fewer only at the end.
  func bytes(at offset: Int, count wanted: Int) -> [UInt8] {
    let size = min(wanted, count - offset)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      var (word, number) = (UInt64(0), -1)
      for index in 0..<size {
        let place = offset + index
        if place >> 3 != number {
          number = place >> 3
          word = Self.mixed(UInt64(number))
        }
        buffer[index] = UInt8(truncatingIfNeeded: word >> UInt64((place & 7) * 8))
      }
      filled = size
    }
  }

  /// SplitMix64 of a number.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var word = number &* 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
