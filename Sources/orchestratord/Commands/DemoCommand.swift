import Activities
import Foundation
import Orchestrator
import PostgreSQL

/// A song from upload to published, shown as it happens. Everything goes over HTTP, as clients do it.
enum DemoCommand {
  static func run(_ arguments: inout Arguments) async throws {
    let song = try arguments.option("--song")
    var configuration = try Configuration(&arguments)
    try arguments.finish()
    configuration.port = 0
    configuration.accessTokens = nil
    Log.setLevel(.warning)
    let started = ContinuousClock.now
    let (connection, cluster) = try ConfiguredDatabase.open(configuration)
    let result: Result<DemoOutcome, any Error>
    do {
      result = .success(try await run(configuration, connection, song, started, isEmbedded: cluster != nil))
    } catch {
      result = .failure(error)
    }
    try cluster?.stop()
    print(try result.get().line(seconds: ContinuousClock.now - started))
  }

  private static func run(
    _ configuration: Configuration, _ connection: ConnectionConfiguration, _ song: String?, _ started: ContinuousClock.Instant,
    isEmbedded: Bool
  ) async throws -> DemoOutcome {
    try Schema.migrate(connection)
    let service = try await Service(configuration, connection, Service.Parts())
    let running = Task { await service.run() }
    let folder = ConfiguredDatabase.absolute(configuration.dataFolder) + "/demo-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result: Result<DemoOutcome, any Error>
    do {
      try await service.engine?.waitUntilReady()
      guard let port = service.server?.port else { throw UsageError("the demo's API did not start") }
      say("orchestratord runs: PostgreSQL\(isEmbedded ? " (embedded)" : ""), API on http://127.0.0.1:\(port), lyrics stand-in")
      result = .success(try await play(song, DemoClient(port: port), folder))
    } catch {
      result = .failure(error)
    }
    running.cancel()
    await running.value
    return try result.get()
  }

  private static func play(
    _ given: String?, _ client: DemoClient, _ folder: String
  ) async throws -> DemoOutcome {
    var fields = [("title", "Morning River"), ("language", "en"), ("tags", "demo")]
    let path: String
    if let given {
      path = given
      fields = []
      say("song: \(given)")
    } else {
      path = try await DemoSong(in: folder).path
      fields.append(("lyrics", DemoSong.lyrics.joined(separator: "\n")))
      say("song: made by flite (voice) and ffmpeg (music), \(size(of: path))")
    }
    let answer = try await client.upload(path, fields: fields, token: "development-artist")
    guard let trackID = answer["trackId"] as? String, let workflowID = answer["workflowId"] as? String else {
      throw DemoClient.Refused(description: "the upload's answer has no trackId")
    }
    say("uploaded: track \(trackID), workflow \(workflowID)")
    var watch = DemoWatch()
    let reviewed = try await follow(trackID, client, &watch) { watch in watch.isReadyForReview }
    printLyrics(reviewed)
    _ = try await client.post(
      "/api/v1/tracks/\(trackID)/review", ["decision": "approve", "reason": "sounds good"], token: "development-admin")
    say("approved by an admin")
    let published = try await follow(trackID, client, &watch) { watch in watch.status == "PUBLISHED" }
    let length = published["durationMilliseconds"] as? Int ?? 0
    let playback = try await DemoPlayback(trackID: trackID, expectedMilliseconds: length, client: client, folder: folder)
    say(
      "played: master.m3u8 and \(playback.segments) segments over HTTP (\(playback.bytes / 1024) KiB), valid by RFC 8216, "
        + "decodes to \(playback.durationMilliseconds) ms of \(length) ms")
    let events = try await printHistory(workflowID, client)
    say("look next: README.md, `orchestratord dev`, `orchestratord workflow show \(workflowID)`")
    return DemoOutcome(
      trackID: trackID, durationMilliseconds: playback.durationMilliseconds, lyricsLines: watch.lyricsLines, events: events)
  }

  /// Shows what changes until the condition holds.
  private static func follow(
    _ trackID: String, _ client: DemoClient, _ watch: inout DemoWatch, until isDone: (DemoWatch) -> Bool
  ) async throws -> [String: Any] {
    let deadline = ContinuousClock.now + .seconds(300)
    while ContinuousClock.now < deadline {
      let track = try await client.json("/api/v1/tracks/\(trackID)")
      for line in watch.changes(in: track) { say(line) }
      if watch.status == "FAILED" { throw DemoClient.Refused(description: "the track failed: \(track["reason"] as? String ?? "")") }
      if isDone(watch) { return track }
      try await Task.sleep(for: .milliseconds(150))
    }
    throw DemoClient.Refused(description: "track \(trackID) stands still at \(watch.status) after 300 s")
  }

  private static func printLyrics(_ track: [String: Any]) {
    let lyrics = track["lyrics"] as? [String: Any]
    say("lyrics (\(lyrics?["source"] as? String ?? "none"), \(lyrics?["model"] as? String ?? "")):")
    for line in lyrics?["lines"] as? [[String: Any]] ?? [] {
      let start = line["startTime"] as? Int ?? 0
      let end = line["endTime"] as? Int ?? 0
      print("    \(clock(start)) - \(clock(end))  \(line["text"] as? String ?? "")")
    }
  }

  private static func printHistory(_ workflowID: String, _ client: DemoClient) async throws -> Int {
    let page = try await client.json("/api/v1/workflows/\(workflowID)/history?limit=1000")
    let events = page["events"] as? [[String: Any]] ?? []
    say("history of \(workflowID), each event with its cause:")
    var names: [Int: String] = [:]
    for event in events {
      let number = event["eventId"] as? Int ?? 0
      let cause = event["causedBy"] as? Int ?? 0
      let attributes = event["attributes"] as? [String: Any]
      let subject = attributes?["activityType"] as? String ?? attributes?["signalName"] as? String ?? names[cause] ?? ""
      if attributes?["activityType"] != nil { names[number] = subject }
      print("    #\(number) \(event["type"] as? String ?? "") \(subject)\(cause > 0 ? "  because of #\(cause)" : "")")
    }
    return events.count
  }

  private static func clock(_ milliseconds: Int) -> String {
    let seconds = milliseconds / 1000
    return String(format: "%02d:%02d.%03d", seconds / 60, seconds % 60, milliseconds % 1000)
  }

  private static func size(of path: String) -> String {
    let bytes = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    return "\(bytes / 1024) KiB"
  }

  private static func say(_ text: String) {
    print("demo: \(text)")
    fflush(nil)
  }
}

/// What the last line tells scripts.
struct DemoOutcome {
  let trackID: String
  let durationMilliseconds: Int
  let lyricsLines: Int
  let events: Int

  func line(seconds: Duration) -> String {
    let time = String(format: "%.1f", Double(seconds.milliseconds) / 1000)
    return
      "demo: PUBLISHED track=\(trackID) duration_ms=\(durationMilliseconds) lyrics_lines=\(lyricsLines) events=\(events) seconds=\(time)"
  }
}

/// What was shown of a track already.
struct DemoWatch {
  private(set) var status = ""
  private(set) var lyricsStatus = ""
  private(set) var lyricsLines = 0
  private var stages: [String: Int] = [:]

  var isReadyForReview: Bool { status == "REVIEWING" && ["COMPLETED", "FAILED"].contains(lyricsStatus) }

  mutating func changes(in track: [String: Any]) -> [String] {
    var lines: [String] = []
    for stage in track["stages"] as? [[String: Any]] ?? [] {
      guard let name = stage["name"] as? String, let progress = stage["progress"] as? Int else { continue }
      let shown = stage["state"] as? String == "done" ? 100 : min(progress, 99)
      if stages[name] != shown {
        stages[name] = shown
        lines.append("  \(name.padding(toLength: 20, withPad: " ", startingAt: 0)) \(Self.bar(shown)) \(shown) %")
      }
    }
    let lyrics = track["lyrics"] as? [String: Any]
    lyricsLines = (lyrics?["lines"] as? [Any])?.count ?? 0
    if let new = lyrics?["status"] as? String, new != lyricsStatus {
      lyricsStatus = new
      lines.append("lyrics \(new)")
    }
    if let new = track["status"] as? String, new != status {
      status = new
      lines.append("track \(new)")
    }
    return lines
  }

  private static func bar(_ percent: Int) -> String {
    let full = percent / 5
    return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: 20 - full) + "]"
  }
}
