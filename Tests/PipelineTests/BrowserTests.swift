import Foundation
import TestSupport
import Testing

@testable import Activities

@Suite struct BrowserTests {
  @Test(.timeLimit(.minutes(3)))
  func `Chromium plays the published master playlist and seeks in it`() async throws {
    let service = try ServiceUnderTest()
    defer { service.remove() }
    let song = service.folder + "/song.mp3"
    try await Subprocess(
      "/usr/bin/ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=f=330:d=25", "-c:a", "libmp3lame", "-b:a", "96k", song],
      in: service.folder
    ).run()
    let api = API(base: try await service.start())
    let track = try await api.upload(song, key: "browser")
    try await eventually("the track waits for its review") { try await api.status(track) == "REVIEWING" }
    #expect(try await api.send(.get, "/stream/\(track)/master.m3u8").status.rawValue == 403)
    try await api.approve(track)
    try await eventually("the track is published") { try await api.status(track) == "PUBLISHED" }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "play_in_browser.py").path
    let played = try await Self.run(["/usr/bin/python3", script, "\(api.base)/stream/\(track)/master.m3u8", "18"], service.folder)
    #expect(played["error"] == nil, "\(played)")
    #expect(abs((played["duration"] as? Double ?? 0) - 25) < 0.2, "\(played)")
    #expect(abs((played["seekedTo"] as? Double ?? 0) - 18) < 0.5, "\(played)")
    try await service.stop()
  }

  /// Runs the script as it is: a browser needs the network and its own sandbox, so the media tools' containment is not used.
  private static func run(_ command: [String], _ folder: String) async throws -> [String: Any] {
    let output = folder + "/browser.json"
    let shell = command.map { "'\($0)'" }.joined(separator: " ") + " > '\(output)' 2> '\(folder)/browser.log'"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", shell]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"]
    process.standardInput = FileHandle.nullDevice
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    let text = try Data(contentsOf: URL(fileURLWithPath: output))
    guard let answer = try? JSONSerialization.jsonObject(with: text) as? [String: Any] else {
      throw Unexpected("the browser said: \((try? String(contentsOfFile: folder + "/browser.log", encoding: .utf8)) ?? "")")
    }
    return answer
  }
}
