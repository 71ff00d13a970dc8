import Foundation
import Workflows

/// ClamAV's daemon: the file goes to it over a socket, a piece at a time, so that it needs no access to the store (clamd(8), INSTREAM).
public struct ClamdScanner: VirusScanner {
  /// What clamd cannot look into, whatever its settings: 2 GiB.
  static let limitBytes = 2 << 30
  private static let pieceBytes = 1 << 20

  let address: ClamdAddress
  /// How long clamd may be silent; a whole scan comes after the last byte was sent.
  let patience: Duration

  public init(_ address: ClamdAddress, patience: Duration = .seconds(600)) {
    self.address = address
    self.patience = patience
  }

  public func scan(_ file: any ObjectReader) async throws -> SecurityScan {
    guard file.size <= Self.limitBytes else { return .notScanned("the file is larger than what the scanner can look into") }
    let asItIs = try await scan(file, behind: [])
    guard asItIs.verdict == .clean, try await !Self.isLookedInto(file) else { return asItIs }
    return try await scan(file, behind: Self.disguise)
  }

  /// clamd knows MP3, Ogg and others by their first bytes and calls them clean without a look. Behind these it does not know them, and looks.
  private static let disguise = Array("upload: ".utf8)

  /// Whether the file is of a kind that clamd does look into: WAV, FLAC, MP4.
  private static func isLookedInto(_ file: any ObjectReader) async throws -> Bool {
    let head = try await file.read(at: 0, count: 12)
    return head.starts(with: Array("RIFF".utf8)) && head.dropFirst(8).starts(with: Array("WAVE".utf8))
      || head.starts(with: Array("fLaC".utf8))
      || head.dropFirst(4).starts(with: Array("ftyp".utf8))
  }

  private func scan(_ file: any ObjectReader, behind prefix: [UInt8]) async throws -> SecurityScan {
    let connection = try await offPool { [address] in try ClamdConnection(address) }
    try await connection.send(Array("zINSTREAM\0".utf8))
    if !prefix.isEmpty { try await connection.send(Self.length(prefix.count) + prefix) }
    var offset = 0
    while offset < file.size {
      let bytes = try await file.read(at: offset, count: Self.pieceBytes)
      guard !bytes.isEmpty else { throw ScanError("the file became shorter while it was scanned") }
      // What has had enough of a file answers and closes while more is sent: the answer is read below.
      guard try await connection.send(Self.length(bytes.count) + bytes) else { break }
      offset += bytes.count
    }
    try await connection.send(Self.length(0))
    return try Self.verdict(try await connection.answer(within: patience))
  }

  /// Whether clamd is there and can scan.
  public func ping() async throws {
    let connection = try await offPool { [address] in try ClamdConnection(address) }
    try await connection.send(Array("zPING\0".utf8))
    let answer = try await connection.answer(within: .seconds(5))
    guard answer == "PONG" else { throw ScanError("clamd answered \"\(answer.prefix(100))\" to a PING") }
  }

  private static func length(_ count: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) } }

  /// What an answer means.
  /// - Throws: `ScanError` when it says that something went wrong, and for what is no answer.
  static func verdict(_ answer: String) throws -> SecurityScan {
    if answer == "stream: OK" { return SecurityScan(verdict: .clean, detail: nil) }
    if answer.hasPrefix("INSTREAM size limit exceeded") { return .notScanned("the file is larger than what the scanner takes") }
    guard answer.hasPrefix("stream: "), answer.hasSuffix(" FOUND") else {
      throw ScanError("the virus scanner answered \"\(answer.prefix(200))\"")
    }
    let name = String(answer.dropFirst("stream: ".count).dropLast(" FOUND".count))
    // An alert about the limits of clamd itself says nothing about the file.
    if name.hasPrefix("Heuristics.Limits.Exceeded") { return .notScanned("the file is larger than what the scanner looks into") }
    return SecurityScan(verdict: .infected, detail: String(name.prefix(200)))
  }
}
