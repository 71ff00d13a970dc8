import Activities
import Foundation

/// What the demo fetches of the published track, and whether it is what it should be.
struct DemoPlayback {
  let durationMilliseconds: Int
  let segments: Int
  let bytes: Int

  struct Wrong: Error, CustomStringConvertible {
    let description: String
  }

  /// Fetches playlists and segments over HTTP, checks them by RFC 8216, and decodes both qualities.
  /// - Throws: `Wrong` when a file breaks a rule or a decoded length differs from the track's by more than a frame.
  init(trackID: String, expectedMilliseconds: Int, client: DemoClient, folder: String) async throws {
    var files: [String: [UInt8]] = [:]
    func fetch(_ name: String) async throws -> [UInt8] {
      let response = try await client.get("/stream/\(trackID)/\(name)")
      guard response.status.rawValue == 200 else { throw Wrong(description: "\(name) answered \(response.status.rawValue)") }
      files[name] = response.body
      try Data(response.body).write(to: URL(fileURLWithPath: folder + "/" + name))
      return response.body
    }
    let master = String(decoding: try await fetch("master.m3u8"), as: UTF8.self)
    for variant in Self.references(master) {
      for segment in Self.references(String(decoding: try await fetch(variant), as: UTF8.self)) { _ = try await fetch(segment) }
    }
    let fetched = files
    let violations = HLSChecker.check(master: "master.m3u8") { fetched[$0] }
    guard violations.isEmpty else { throw Wrong(description: violations.map { "\($0)" }.joined(separator: "; ")) }
    var longest = 0
    for variant in Self.references(master) {
      let (samples, _) = try await Subprocess(
        "/usr/bin/ffmpeg", ["-v", "error", "-nostdin", "-i", variant, "-f", "s16le", "-ac", "1", "-ar", "44100", "-"], in: folder
      ).reduce(into: 0) { $0 += $1.count / 2 }
      let milliseconds = samples * 1000 / 44_100
      // One AAC frame of 1024 samples is 23.2 ms.
      guard abs(milliseconds - expectedMilliseconds) <= 25 else {
        throw Wrong(description: "\(variant) decodes to \(milliseconds) ms, the track has \(expectedMilliseconds) ms")
      }
      longest = max(longest, milliseconds)
    }
    durationMilliseconds = longest
    segments = files.keys.filter { $0.hasSuffix(".aac") }.count
    bytes = files.values.reduce(0) { $0 + $1.count }
  }

  private static func references(_ playlist: String) -> [String] {
    playlist.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") && !$0.isEmpty }
  }
}
