import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Activities

/// A job under kill -9.
@Suite(.serialized) struct JobCrashTests {
  @Test(.timeLimit(.minutes(3)))
  func `A job whose process is killed again and again adds exactly one version`() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    let service = try ServiceUnderTest()
    defer { service.remove() }
    let song = service.folder + "/song.mp3"
    try await Subprocess(
      "/usr/bin/ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=f=330:d=20", "-c:a", "libmp3lame", "-b:a", "96k", song],
      in: service.folder
    ).run()
    var api = API(base: try await service.start())
    let track = try await api.upload(song, key: "song")
    try await eventually(within: .seconds(60), "the track waits for its review") { try await api.status(track) == "REVIEWING" }
    let json = #"{"type": "loudness", "assetId": "\#(track)", "parameters": {"integratedLoudness": -20}}"#
    let answer = try await api.send(
      .post, "/api/v1/jobs", Array(json.utf8), headers: [("Content-Type", "application/json"), ("Idempotency-Key", "job")])
    let job = try #require(try (JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])?["id"] as? String)
    for _ in 0..<3 {
      // Kills come at times that the seed draws, whatever the job is at.
      try await Task.sleep(for: .milliseconds(Int.random(in: 20...900, using: &random)))
      service.kill()
      api = API(base: try await service.start())
    }
    try await eventually(within: .seconds(90), "the job is completed (seed \(seed))") {
      let document = try await api.json("/api/v1/jobs/\(job)")
      #expect(document["status"] as? String != "failed", "seed \(seed): \(document)")
      return document["status"] as? String == "completed"
    }
    let versions = try await api.json("/api/v1/assets/\(track)/versions")["items"] as? [[String: Any]]
    #expect(versions?.compactMap { $0["version"] as? Int } == [1, 2], "seed \(seed)")
    let file = service.folder + "/data/store/objects/assets/\(track)/v2/enhanced.flac"
    #expect(FileManager.default.fileExists(atPath: file), "seed \(seed)")
    try await service.stop()
  }
}
