import Foundation
import Orchestrator
import TestSupport
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Uploads under the eyes of a real clamd.
@Suite struct VirusScanTests {
  @Test func `An infected upload fails before anything opens it, a clean one goes on, and both are said so`() async throws {
    let clamd = try await Clamd.start()
    defer { clamd.stop() }
    try await LiveService.run(scanner: ClamdScanner(.unix(path: clamd.socket))) { service in
      let song = try await service.song()
      let bad = try await service.upload(Array("ID3".utf8) + Clamd.eicar + song, title: "Bad")
      let good = try await service.upload(song, title: "Good")
      let failed = try await service.track(bad, reaching: .failed)
      #expect(failed["reason"] as? String == "File failed security scan." && failed["scan"] as? String == "infected")
      let stages = (failed["stages"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
      #expect(stages == ["scan-upload"])
      let reviewing = try await service.track(good, reaching: .reviewing)
      #expect(reviewing["scan"] as? String == "clean")
      #expect(try await service.stagedFiles().isEmpty, "what is infected is discarded")
    }
  }

  @Test func `Without a scanner nothing is called clean`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      #expect(try await service.track(id, reaching: .reviewing)["scan"] as? String == "not scanned")
    }
  }

  @Test func `clamd takes a file piece by piece, says when it is too large, and when it is away that is an error`() async throws {
    let clamd = try await Clamd.start()
    let folder = clamd.folder + "/store"
    let store = try LocalObjectStore(folder: folder)
    let scanner = ClamdScanner(.unix(path: clamd.socket))
    try await scanner.ping()
    let key = try ObjectKey("staging/a.mp3")
    // In two pieces, with the signature over their border.
    var split = [UInt8](repeating: 65, count: (1 << 20) - 30)
    split += Clamd.eicar + [UInt8](repeating: 66, count: 1000)
    try await store.put(split, at: key)
    let found = try await scanner.scan(store.open(key))
    #expect(found.verdict == .infected && found.detail?.hasPrefix("Test.Eicar") == true)
    // Kinds that clamd itself passes over.
    for kind in ["ID3", "OggS", "RIFF", "fLaC", "    ftyp", "MZ", ""] {
      try await store.put(Array(kind.utf8) + Clamd.eicar + [UInt8](repeating: 66, count: 1000), at: key)
      #expect(try await scanner.scan(store.open(key)).verdict == .infected, "\(kind)")
    }
    try await store.put([0xFF, 0xFB, 0x90, 0x00] + Clamd.eicar, at: key)
    #expect(try await scanner.scan(store.open(key)).verdict == .infected)
    try await store.put([UInt8](repeating: 65, count: 5 << 20), at: key)
    #expect(try await scanner.scan(store.open(key)).verdict == .notScanned)
    try await store.put([], at: key)
    #expect(try await scanner.scan(store.open(key)).verdict == .clean)
    clamd.stop()
    await #expect(throws: ScanError.self) { _ = try await scanner.scan(store.open(key)) }
    await #expect(throws: ScanError.self) { _ = try await ClamdScanner(.tcp(host: "127.0.0.1", port: 1)).scan(store.open(key)) }
  }

  @Test func `What clamd answers is understood, and nothing else is taken for clean`() throws {
    #expect(try ClamdScanner.verdict("stream: OK").verdict == .clean)
    #expect(
      try ClamdScanner.verdict("stream: Win.Test.EICAR_HDB-1 FOUND") == SecurityScan(verdict: .infected, detail: "Win.Test.EICAR_HDB-1"))
    #expect(try ClamdScanner.verdict("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND").verdict == .notScanned)
    #expect(try ClamdScanner.verdict("INSTREAM size limit exceeded. ERROR").verdict == .notScanned)
    for answer in ["", "OK", "stream: ", "stream: Can't allocate memory ERROR", "PONG", "UNKNOWN COMMAND", "stream: OK FOUNDX"] {
      #expect(throws: ScanError.self, "\(answer)") { _ = try ClamdScanner.verdict(answer) }
    }
  }

  @Test func `Where clamd listens is a host with a port or a socket`() {
    #expect(ClamdAddress("127.0.0.1:3310") == .tcp(host: "127.0.0.1", port: 3310))
    #expect(ClamdAddress("[::1]:3310") == .tcp(host: "::1", port: 3310))
    #expect(ClamdAddress("/run/clamav/clamd.ctl") == .unix(path: "/run/clamav/clamd.ctl"))
    for text in ["", "host", "host:", ":3310", "host:0", "host:70000", "::1:3310", "/" + String(repeating: "x", count: 200)] {
      #expect(ClamdAddress(text) == nil, "\(text)")
    }
  }
}

/// ClamAV's daemon with a database of one signature.
private final class Clamd: Sendable {
  let folder: String
  var socket: String { folder + "/clamd.sock" }
  private let identifier: Int32

  /// The test file that every scanner knows, put together here so that no scanner finds this source.
  static let eicar = Array(("X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").utf8)

  static func start() async throws -> Clamd {
    let clamd = try Clamd()
    try await eventually("clamd answers") { (try? await ClamdScanner(.unix(path: clamd.socket)).ping()) != nil }
    return clamd
  }

  private init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "clamd-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder + "/signatures", withIntermediateDirectories: true)
    let hexadecimal = Self.eicar.map { String(format: "%02x", $0) }.joined()
    try "Test.Eicar:0:*:\(hexadecimal)\n".write(toFile: folder + "/signatures/test.ndb", atomically: true, encoding: .utf8)
    let settings = """
      DatabaseDirectory \(folder)/signatures
      LocalSocket \(folder)/clamd.sock
      Foreground yes
      StreamMaxLength 2M
      MaxFileSize 2M
      MaxScanSize 2M
      AlertExceedsMax yes
      TemporaryDirectory \(folder)

      """
    try settings.write(toFile: folder + "/clamd.conf", atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/sbin/clamd")
    process.arguments = ["-c", folder + "/clamd.conf"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    identifier = process.processIdentifier
  }

  func stop() { kill(identifier, SIGKILL) }

  deinit {
    stop()
    try? FileManager.default.removeItem(atPath: folder)
  }
}
