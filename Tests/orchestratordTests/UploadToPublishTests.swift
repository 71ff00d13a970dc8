import Foundation
import Orchestrator
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// From the upload over the API to the stream, through the real engine.
@Suite struct UploadToPublishTests {
  @Test func `A song is uploaded, processed, reviewed, published and heard`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      let ready = try await service.track(id, withLyrics: .completed)
      #expect(ready["progress"] as? Int == 100 && ready["title"] as? String == "Blue")
      #expect(try await service.review(id, #"{"decision":"approve","title":"Bluer"}"#).status == 202)
      let published = try await service.track(id, reaching: .published)
      #expect(published["title"] as? String == "Bluer")
      #expect(try await service.handle(id).result() == TrackOutcome(status: .published, lyrics: .completed))
      let streams = try #require(published["streams"] as? [String: String])
      let master = try await service.send(.get, try #require(streams["master"]))
      #expect(master.fileBytes.map { String(decoding: $0, as: UTF8.self) }?.contains("high.m3u8") == true)
      #expect(try await service.send(.get, "/stream/\(id)/high_000.aac").status == 200)
      #expect(try await service.stagedFiles().isEmpty)
      let told = try await service.catalog.notifications(of: "anna", before: nil, limit: 20).reversed()
      #expect(told.filter { $0.kind == "status" }.map(\.status) == ["PENDING", "PROCESSING", "REVIEWING", "PUBLISHED"])
      #expect(told.filter { $0.kind == "lyrics" }.map(\.status) == ["COMPLETED"])
    }
  }

  @Test func `A file that is no song fails with a reason for its artist and leaves no file`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(Array("This is no song at all.\n".utf8))
      let failed = try await service.track(id, reaching: .failed)
      #expect((failed["reason"] as? String)?.contains("its content is text/plain") == true)
      let failure = await #expect(throws: WorkflowFailure.self) { try await service.handle(id).result() }
      #expect(failure?.failure?.type == FailureTypes.invalidAudio)
      for folder in ["staging", "raw-track", "transcoded-track", "waveform"] {
        #expect(try await service.store.list(in: ObjectKey(folder), after: nil, limit: 10).isEmpty)
      }
      #expect(try await service.send(.get, "/stream/\(id)/master.m3u8").status == 403)
    }
  }

  @Test func `A lyrics service that declines holds nothing up, and an operator's retry brings the lyrics later`() async throws {
    try await LiveService.run { service in
      service.lyrics.become([.failure(LyricsFailure(.refused, "The model declined."))])
      let id = try await service.upload(try await service.song())
      let failed = try await service.track(id, withLyrics: .failed)
      #expect((failed["lyrics"] as? [String: Any])?["reason"] as? String == "The model declined.")
      _ = try await service.track(id, reaching: .reviewing)
      _ = try await service.review(id, #"{"decision":"approve"}"#)
      _ = try await service.track(id, reaching: .published)
      let sequence = try await Self.parkedStep(of: id, service)
      service.lyrics.become([.success(SwitchableLyrics.lyrics)])
      try await service.engine.client.commandActivity(WorkflowKey(workflowID: id.workflowID), sequence: sequence, .retry)
      let mended = try await service.track(id, withLyrics: .completed)
      #expect(((mended["lyrics"] as? [String: Any])?["lines"] as? [Any])?.count == 1)
      #expect(try await service.handle(id).result() == TrackOutcome(status: .published, lyrics: .completed))
    }
  }

  @Test func `A track that is sent back, comes again and is rejected is blocked, and later unblocked`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      #expect(try await service.review(id, #"{"decision":"request-changes","reasonCode":"metadata"}"#).status == 202)
      _ = try await service.track(id, reaching: .changesRequested)
      #expect(try await service.send(.post, "/api/v1/tracks/\(id)/resubmit").status == 202)
      _ = try await service.track(id, reaching: .reviewing)
      _ = try await service.review(id, #"{"decision":"reject","reason":"Too loud."}"#)
      let blocked = try await service.track(id, reaching: .blocked)
      #expect(blocked["reason"] as? String == "Too loud.")
      #expect(try await service.review(id, #"{"decision":"approve"}"#).problem == "already-reviewed")
      #expect(try await service.send(.post, "/api/v1/tracks/\(id)/unblock", as: "admin-token-00001").status == 200)
      #expect(try await service.send(.get, "/stream/\(id)/master.m3u8").status == 200)
    }
  }

  @Test func `A run that is cancelled while it waits for its review blocks the track`() async throws {
    try await LiveService.run { service in
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, reaching: .reviewing)
      try await service.handle(id).cancel(reason: "test")
      let blocked = try await service.track(id, reaching: .blocked)
      #expect(blocked["reason"] as? String == "The processing of this track was cancelled.")
      let late = try await service.review(id, #"{"decision":"approve"}"#)
      #expect(late.status == 409 && late.problem == "not-waiting-for-review")
    }
  }

  @Test func `A track whose run was terminated is ended by the upkeep, one whose run is open is left alone`() async throws {
    try await LiveService.run { service in
      let song = try await service.song()
      let (stopped, open) = (try await service.upload(song), try await service.upload(song))
      _ = try await service.track(stopped, reaching: .reviewing)
      _ = try await service.track(open, reaching: .reviewing)
      try await service.handle(stopped).terminate(reason: "test")
      _ = await #expect(throws: WorkflowFailure.self) { try await service.handle(stopped).result() }
      try await PipelineUpkeep(store: service.store, catalog: service.catalog).runOnce()
      _ = try await service.track(stopped, reaching: .blocked)
      #expect(try await service.catalog.track(open).status == .reviewing)
      #expect(try await service.catalog.statusChanges(stopped).last?.changedBy == "upkeep")
    }
  }

  @Test func `A lyrics service that is busy is asked again, as late as it wished`() async throws {
    try await LiveService.run { service in
      service.lyrics.become([
        .failure(LyricsFailure(.rateLimited, "busy", retryAfter: .milliseconds(200))), .success(SwitchableLyrics.lyrics),
      ])
      let id = try await service.upload(try await service.song())
      _ = try await service.track(id, withLyrics: .completed)
      #expect(service.lyrics.calls == 2)
      let told = try await service.catalog.notifications(of: "anna", before: nil, limit: 20)
      #expect(told.filter { $0.kind == "lyrics" }.map(\.status) == ["COMPLETED"])
    }
  }

  /// The sequence of the step that waits for an operator.
  private static func parkedStep(of id: TrackID, _ service: LiveService) async throws -> Int32 {
    let statement = Statement(
      name: "test_parked",
      sql: """
        select p.sequence from orchestrator.parked_activities p join orchestrator.runs r using (run_id) where r.workflow_id = $1
        """,
      parameterTypes: [.text])
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let rows = try await service.database.query(statement, Parameters(id.workflowID))
      if rows.count > 0 { return try rows.int32(0, 0) }
      try #require(ContinuousClock.now < deadline, "the step was not parked")
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
