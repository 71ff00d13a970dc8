import Foundation
import PostgreSQL
import TestSupport
import Testing

@testable import Activities

/// The whole pipeline under kill -9: what was acknowledged is published all the same.
@Suite(.serialized) struct CrashTests {
  static let kills = 25
  static let killsPerTrack = 5

  @Test(.timeLimit(.minutes(5)))
  func `No kill -9 of the process or of PostgreSQL stops an uploaded song from being published`() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededRandom(seed: seed)
    let service = try ServiceUnderTest()
    defer { service.remove() }
    let song = service.folder + "/song.mp3"
    try await Subprocess(
      "/usr/bin/ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=f=330:d=6", "-c:a", "libmp3lame", "-b:a", "96k", song],
      in: service.folder
    ).run()
    var tracks: [String] = []
    for kill in 0..<Self.kills {
      let api = API(base: try await service.start())
      if kill % Self.killsPerTrack == 0 { tracks.append(try await api.upload(song, key: "song-\(kill)")) }
      try await livesOn(service, Double.random(in: 0...1, using: &random))
      service.kill()
      if kill % 6 == 5 { service.killPostgres() }
    }
    let api = API(base: try await service.start())
    for track in tracks {
      try await eventually(within: .seconds(120), "track \(track) waits for its review (seed \(seed))") {
        let status = try await api.status(track)
        #expect(status != "FAILED", "seed \(seed)")
        return status == "REVIEWING"
      }
      try await api.approve(track)
      try await eventually("track \(track) is published (seed \(seed))") { try await api.status(track) == "PUBLISHED" }
      #expect(try await api.send(.get, "/stream/\(track)/master.m3u8").status.rawValue == 200)
    }
    try checkHistories(try service.database(), tracks: tracks.count, seed: seed)
    #expect(try stagedFiles(service.folder).isEmpty, "seed \(seed)")
    try await service.stop()
  }

  /// Lets the process work until a number of new events drawn at random stands in the histories, or for a while when nothing moves.
  private func livesOn(_ service: ServiceUnderTest, _ draw: Double) async throws {
    let connection = try service.database()
    let count = Statement(name: "count_events", sql: "select count(*) from orchestrator.history")
    let goal = try connection.run((count, Parameters()))[0].int64(0, 0) + Int64(draw * 8)
    let deadline = ContinuousClock.now + .milliseconds(300 + Int64(draw * 1500))
    while ContinuousClock.now < deadline, try connection.run((count, Parameters()))[0].int64(0, 0) < goal {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func checkHistories(_ connection: PipelineConnection, tracks: Int, seed: UInt64) throws {
    func count(_ name: String, _ sql: String) throws -> Int64 {
      try connection.run((Statement(name: name, sql: sql), Parameters()))[0].int64(0, 0)
    }
    #expect(try count("runs", "select count(*) from orchestrator.runs") == Int64(tracks), "seed \(seed)")
    let gaps = """
      select count(*) from (select run_id, max(event_id) as last, count(*) as events, min(event_id) as first
        from orchestrator.history group by run_id) h where first <> 1 or last <> events
      """
    #expect(try count("gaps", gaps) == 0, "seed \(seed)")
    let repeated = """
      select count(*) from (
        select run_id, attributes ->> 'sequence' as sequence from orchestrator.events
        where type in ('ActivityTaskCompleted', 'ActivityTaskFailed', 'ActivityTaskTimedOut')
        group by 1, 2 having count(*) > 1) r
      """
    #expect(try count("repeated", repeated) == 0, "seed \(seed)")
    #expect(try count("notified", "select count(*) from music.tracks where status <> 'PUBLISHED'") == 0, "seed \(seed)")
  }

  private func stagedFiles(_ folder: String) throws -> [String] {
    let staging = folder + "/data/store/staging"
    return (FileManager.default.enumerator(atPath: staging)?.compactMap { $0 as? String } ?? []).filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: staging + "/" + name, isDirectory: &isFolder) && !isFolder.boolValue
    }
  }
}

/// SplitMix64: a seed gives the same schedule again.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
