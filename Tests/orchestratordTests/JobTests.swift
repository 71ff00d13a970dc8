import Foundation
import HTTP
import Orchestrator
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// Jobs done by the whole service: engine, ffmpeg, store and API.
@Suite struct JobTests {
  private static func submit(_ service: LiveService, _ json: String, key: String? = nil) async throws -> Answer {
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    headers["Idempotency-Key"] = key
    return try await service.send(.post, "/api/v1/jobs", headers: headers, body: Array(json.utf8))
  }

  private static func done(_ service: LiveService, _ json: String) async throws -> [String: Any] {
    let answer = try await submit(service, json)
    let id = try #require(answer.text("id"), "\(answer.json)")
    let document = try await service.job(id)
    #expect(document["status"] as? String == "completed", "\(document)")
    return document
  }

  /// A job whose processing the owner holds back; owners learn of a pause with their next heartbeat, so the first jobs may slip through.
  private static func heldJob(_ service: LiveService, _ json: String) async throws -> String {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let id = try #require(try await submit(service, json).text("id"))
      let key = WorkflowKey(workflowID: id)
      while try await service.send(.get, "/api/v1/jobs/\(id)").text("finishedAt") == nil {
        if let runID = try? await service.engine.client.newestRun(of: key),
          try await service.engine.client.pendingActivities(runID).contains(where: { $0.state == .paused })
        {
          return id
        }
        try #require(ContinuousClock.now < deadline, "the pause is not followed")
        // A pause of the loop that waits for the condition.
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  private static func versions(_ service: LiveService, _ id: AssetID) async throws -> [[String: Any]] {
    try #require(try await service.send(.get, "/api/v1/assets/\(id)/versions").json["items"] as? [[String: Any]])
  }

  /// A local copy of what the URL of a version's file gives.
  private static func fetch(_ service: LiveService, _ id: AssetID, version: Int) async throws -> String {
    let url = try #require(try await service.send(.get, "/api/v1/assets/\(id)/download?version=\(version)").text("url"))
    #expect(url.hasPrefix("http://music.example/storage/assets/\(id)/v\(version)/"))
    let target = url.replacing("http://music.example", with: "")
    guard case .file(let region) = try await service.send(.get, target).response.body else {
      throw CancellationError()
    }
    return region.path
  }

  /// Integrated loudness in LUFS, by ffmpeg's other measuring filter.
  private static func loudness(of path: String) async throws -> Double {
    let usage = try await Subprocess(
      "/usr/bin/ffmpeg", ["-v", "info", "-nostats", "-hide_banner", "-i", "file:" + path, "-af", "ebur128", "-f", "null", "pipe:1"],
      in: "/tmp"
    ).run()
    let summary = usage.standardErrorTail.split(separator: "Summary:").last ?? ""
    let match = try #require(summary.firstMatch(of: /I:\s+(-?[0-9.]+) LUFS/))
    return try #require(Double(match.1))
  }

  @Test func `A quiet song becomes as loud as asked as version 2, and version 2 becomes an mp3 as version 3`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      let request = #"{"type": "loudness", "assetId": "\#(id)", "priority": 1, "parameters": {"integratedLoudness": -23}}"#
      let first = try await Self.submit(service, request, key: "loud")
      let jobID = try #require(first.text("id"))
      #expect(first.status == 202 && first.text("workflowId") == jobID && first.response.headers["Location"] == "/api/v1/jobs/\(jobID)")
      #expect(try await Self.submit(service, request, key: "loud").text("id") == jobID)
      let job = try await service.job(jobID)
      #expect(job["status"] as? String == "completed" && job["createdVersion"] as? Int == 2 && job["progress"] as? Int == 100, "\(job)")
      let loud = try await Self.fetch(service, id, version: 2)
      #expect(loud.hasSuffix("assets/\(id)/v2/enhanced.flac"))
      #expect(abs(try await Self.loudness(of: loud) - -23) < 1)
      let made = try #require(try await Self.versions(service, id).last)
      #expect(made["fromVersion"] as? Int == 1 && made["jobId"] as? String == jobID)
      let measured = try #require((made["metadata"] as? [String: Any])?["loudness"] as? [String: Any])
      #expect(measured["normalization"] as? String == "linear")
      let output = try #require((measured["output"] as? [String: Any])?["integratedLoudness"] as? Double)
      #expect(abs(output - -23) < 1)
      #expect(((made["files"] as? [[String: Any]])?.first?["durationMilliseconds"] as? Int).map { abs($0 - 3000) < 100 } == true)
      let converted = try await Self.done(
        service, #"{"type": "convert", "assetId": "\#(id)", "parameters": {"format": "mp3", "bitRate": 128000, "sampleRate": 48000}}"#)
      #expect(converted["inputVersion"] as? Int == 2 && converted["createdVersion"] as? Int == 3)
      let mp3 = try await Self.fetch(service, id, version: 3)
      #expect(mp3.hasSuffix("v3/converted.mp3"))
      let claim = try await Probe().describe(MediaSource(path: mp3, type: .mpeg), "/tmp")
      #expect(claim.sampleRate == 48_000 && claim.codec == "mp3" && abs(claim.bitRate - 128_000) < 2_000)
      #expect(try await service.stagedFiles().isEmpty)
      let result = try await service.engine.client.handle(ProcessAsset.self, id: jobID).result()
      #expect(result == JobOutcome(createdVersion: 2))
    }
  }

  @Test func `Silence stays silence, and every format can be written`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song("anullsrc=r=22050:cl=mono:d=1"))
      _ = try await service.track(id, reaching: .reviewing)
      _ = try await Self.done(service, #"{"type": "loudness", "assetId": "\#(id)", "parameters": {"format": "wav"}}"#)
      let made = try #require(try await Self.versions(service, id).last)
      let measured = try #require((made["metadata"] as? [String: Any])?["loudness"] as? [String: Any])
      #expect(measured["normalization"] as? String == "none" && measured["input"] == nil)
      for (format, place) in [("m4a", 3), ("flac", 4), ("wav", 5)] {
        let json = #"{"type": "convert", "assetId": "\#(id)", "inputVersion": 1, "parameters": {"format": "\#(format)"}}"#
        #expect(try await Self.done(service, json)["createdVersion"] as? Int == place)
        #expect(try await Self.fetch(service, id, version: place).hasSuffix("v\(place)/converted.\(format)"))
      }
    }
  }

  @Test func `A job is cancelled while it waits, done again when asked, and its end is told to who follows it`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      let client = service.engine.client
      try await client.pauseActivityType(Steps.processAsset.name)
      let jobID = try await Self.heldJob(service, #"{"type": "convert", "assetId": "\#(id)", "parameters": {"format": "flac"}}"#)
      let before = try await Self.versions(service, id).count
      #expect(try await service.send(.post, "/api/v1/jobs/\(jobID)/retry").problem == "job-status-unfit")
      #expect(try await service.send(.post, "/api/v1/jobs/\(jobID)/cancel").status == 202)
      #expect(try await service.job(jobID)["status"] as? String == "cancelled")
      #expect(try await service.send(.post, "/api/v1/jobs/\(jobID)/cancel").status == 202, "cancelled stays cancelled")
      #expect(try await Self.versions(service, id).count == before)
      #expect(try await client.resumeActivityType(Steps.processAsset.name))
      #expect(try await service.send(.post, "/api/v1/jobs/\(jobID)/retry").status == 202)
      let job = try await service.job(jobID)
      #expect(job["status"] as? String == "completed" && job["tries"] as? Int == 2 && job["createdVersion"] as? Int == before + 1)
      #expect(try await service.send(.post, "/api/v1/jobs/\(jobID)/cancel").problem == "job-status-unfit")
      let server = try HTTPServer(router: service.router)
      let url = "http://127.0.0.1:\(server.port)/api/v1/jobs/\(jobID)/events"
      let events = try await Curl.run(["-H", "Authorization: Bearer artist-token-0001", url])
      await server.drain(within: .seconds(5))
      #expect(events.contains("event: done") && events.contains(#""createdVersion":\#(before + 1)"#))
    }
  }
}
