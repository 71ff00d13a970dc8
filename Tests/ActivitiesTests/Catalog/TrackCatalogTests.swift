import Foundation
import Orchestrator
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows

@Suite struct TrackCatalogTests {
  private static let probe = MediaProbe(
    durationMilliseconds: 30_000, decodedSamples: 1_323_000, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100,
    channels: 2, tags: MediaTags(title: "Tagged", language: "ENG"))
  private static let line = LyricsLine(startMilliseconds: 100, endMilliseconds: 900, text: "la")

  private func processed(_ id: TrackID) -> ProcessedTrack {
    let source = AudioSource(trackID: id, key: "raw-track/\(id).mp3", mediaType: "audio/mpeg", sizeBytes: 1000)
    return ProcessedTrack(
      audio: ProbedAudio(source: source, probe: Self.probe), waveform: [],
      streaming: StreamingOutput(masterKey: "transcoded-track/\(id)/master.m3u8", renditions: []))
  }

  private func reviewing(_ database: CatalogDatabase, title: String? = "Song") async throws -> TrackID {
    let id = try await database.upload(title: title).id
    try await database.move(id, to: .processing)
    try await database.catalog.openReview(processed(id), requestKey: "run/open/\(id)")
    return id
  }

  @Test func `An upload stores the track and starts its workflow in one transaction`() async throws {
    let database = try await CatalogDatabase()
    let (id, outcome) = try await database.upload()
    #expect(outcome == .accepted)
    let track = try await database.catalog.track(id)
    #expect(track.status == .pending && track.tags == ["pop", "90s"] && track.suppliedLyrics == "la la")
    #expect(try await database.startedWorkflows() == [id.workflowID])
  }

  @Test func `When the workflow cannot be started nothing of the upload is kept`() async throws {
    let database = try await CatalogDatabase()
    try await database.refuseStarts()
    await #expect(throws: (any Error).self) { try await database.upload(key: "k") }
    #expect(try await database.count("select count(*) from music.tracks") == 0)
    #expect(try await database.count("select count(*) from music.uploads") == 0)
  }

  @Test func `The same key gives the same track, another body is refused, other artists' keys do not matter`() async throws {
    let database = try await CatalogDatabase()
    let first = try await database.upload(key: "k")
    #expect(try await database.upload(key: "k").outcome == .repeated(first.id))
    #expect(try await database.upload(key: "k", fingerprint: 2).outcome == .keyReused)
    #expect(try await database.upload(artist: "other", key: "k").outcome == .accepted)
    #expect(try await database.upload().outcome == .accepted)
    #expect(try await database.count("select count(*) from music.tracks") == 3)
    #expect(try await database.count("select count(*) from music.notifications") == 3)
  }

  @Test func `Of concurrent uploads with one key exactly one is accepted`() async throws {
    let database = try await CatalogDatabase()
    let outcomes = try await withThrowingTaskGroup(of: UploadOutcome.self) { group in
      for _ in 0..<8 { group.addTask { try await database.upload(key: "k").outcome } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.filter { $0 == .accepted }.count == 1)
    #expect(Set(outcomes.compactMap { if case .repeated(let id) = $0 { id } else { nil } }).count == 1)
    #expect(try await database.startedWorkflows().count == 1)
  }

  @Test func `What the artist stated stands above the file's tags, and those above the file's name`() async throws {
    let database = try await CatalogDatabase()
    let stated = try await database.catalog.track(try await reviewing(database))
    #expect(stated.title == "Song" && stated.status == .reviewing && stated.durationMilliseconds == 30_000)
    #expect(stated.probe == Self.probe && stated.sourceKey == "raw-track/\(stated.id).mp3")
    let tagged = try await database.catalog.track(try await reviewing(database, title: nil))
    #expect(tagged.title == "Tagged" && tagged.language == "eng")
  }

  @Test func `A second decision is refused, one for a track that does not wait too`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    let approval = TrackReview(trackID: id, review: Review(decision: .approve, reviewer: "anna"))
    try await database.takeStarts()
    #expect(try await database.catalog.submitReview(ReviewSubmission(approval)))
    #expect(try await !database.catalog.submitReview(ReviewSubmission(approval)), "the same decision again is no second one")
    #expect(try await database.signals().count == 1)
    let rejection = TrackReview(trackID: id, review: Review(decision: .reject, reviewer: "anna"))
    let second = await #expect(throws: CatalogError.self) { try await database.catalog.submitReview(ReviewSubmission(rejection)) }
    #expect(second?.code == .alreadyReviewed)
    let pending = try await database.track(in: .pending)
    let early = await #expect(throws: CatalogError.self) {
      try await database.catalog.submitReview(ReviewSubmission(TrackReview(trackID: pending, review: approval.review)))
    }
    #expect(early?.code == .notWaitingForReview)
  }

  @Test func `A decision that the workflow cannot be told of is not stored`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    try await database.database.execute(script: "delete from orchestrator.inbox")
    let review = TrackReview(trackID: id, review: Review(decision: .approve, reviewer: "anna"))
    let error = await #expect(throws: OrchestratorError.self) { try await database.catalog.submitReview(ReviewSubmission(review)) }
    #expect(error?.code == .workflowNotFound)
    #expect(try await database.count("select count(*) from music.reviews") == 0)
  }

  @Test func `A review is applied with its edits, once`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    let edits = TrackEdits(title: "Better", tags: ["rock"], lyrics: [Self.line])
    let review = TrackReview(trackID: id, review: Review(decision: .approve, reviewer: "anna", edits: edits))
    #expect(try await database.catalog.applyReview(review, requestKey: "run/9") == .published)
    #expect(try await database.catalog.applyReview(review, requestKey: "run/9") == .published)
    let track = try await database.catalog.track(id)
    #expect(track.title == "Better" && track.tags == ["rock"] && track.lyricsStatus == .completed && track.publishedAt != nil)
    #expect(try await database.catalog.lyrics(id)?.lyrics.lines == [Self.line])
    #expect(try await database.count("select count(*) from music.lyrics") == 1)
  }

  @Test func `The decision that was acknowledged counts, also when the time-out came first to the workflow`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    try await database.takeStarts()
    let approval = TrackReview(trackID: id, review: Review(decision: .approve, reviewer: "anna"))
    try await database.catalog.submitReview(ReviewSubmission(approval))
    let expired = TrackReview(trackID: id, review: .expired)
    #expect(try await database.catalog.applyReview(expired, requestKey: "run/9") == .published)
    #expect(try await database.catalog.statusChanges(id).last?.changedBy == "anna")
  }

  @Test func `A rejected track is blocked with the reviewer's reason`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    let review = TrackReview(trackID: id, review: Review(decision: .reject, reason: "Too loud.", reviewer: "anna"))
    #expect(try await database.catalog.applyReview(review, requestKey: "run/9") == .blocked)
    #expect(try await database.catalog.track(id).reason == "Too loud.")
  }

  @Test func `Failed lyrics may come later, and never overwrite what a person wrote`() async throws {
    let database = try await CatalogDatabase()
    let id = try await reviewing(database)
    let heard = Lyrics(lines: [Self.line], source: .transcribed, model: "test", confidence: 0.5)
    let failed = LyricsChange(trackID: id, status: .failed, reason: "declined")
    try await database.catalog.changeLyrics(failed, requestKey: "run/4")
    #expect(try await database.catalog.track(id).lyricsReason == "declined")
    let edits = TrackEdits(lyrics: [LyricsLine(startMilliseconds: 0, endMilliseconds: 50, text: "edited")])
    let review = TrackReview(trackID: id, review: Review(decision: .approve, reviewer: "anna", edits: edits))
    _ = try await database.catalog.applyReview(review, requestKey: "run/9")
    for _ in 0..<2 {
      try await database.catalog.changeLyrics(LyricsChange(trackID: id, status: .completed, lyrics: heard), requestKey: "run/6")
    }
    #expect(try await database.catalog.lyrics(id)?.lyrics.lines.first?.text == "edited")
    #expect(try await database.count("select count(*) from music.lyrics") == 2)
    #expect(try await database.catalog.track(id).lyricsStatus == .completed)
  }

  @Test func `Progress never goes back to an earlier attempt or from a finished step`() async throws {
    let database = try await CatalogDatabase()
    let id = try await database.track(in: .processing)
    func report(_ percent: Int, _ attempt: Int32, _ isDone: Bool = false) async throws -> StageRecord? {
      try await database.catalog.reportProgress(id, stage: "transcode-audio", percent: percent, attempt: attempt, isDone: isDone)
      return try await database.catalog.stages(id).first
    }
    #expect(try await report(40, 1)?.progress == 40)
    #expect(try await report(5, 2)?.progress == 5)
    #expect(try await report(90, 1)?.progress == 5)
    #expect(try await report(100, 2, true)?.finishedAt != nil)
    #expect(try await report(7, 2)?.progress == 100)
  }

  @Test func `Pages of tracks neither skip nor repeat one`() async throws {
    let database = try await CatalogDatabase()
    var expected: [TrackID] = []
    for _ in 0..<7 { expected.append(try await database.upload().id) }
    try await database.upload(artist: "other")
    var seen: [TrackID] = []
    var cursor: TrackCursor?
    repeat {
      let page = try await database.catalog.tracks(of: "artist", status: .pending, after: cursor, limit: 3)
      seen += page.map(\.id)
      cursor = page.last.map(TrackCursor.init(after:))
    } while cursor != nil
    #expect(seen == expected.reversed())
    #expect(try await database.catalog.tracks(of: nil, status: nil, after: nil, limit: 100).count == 8)
    #expect(try await database.catalog.tracks(of: nil, status: .failed, after: nil, limit: 100).isEmpty)
  }

  @Test func `Every table and column of the catalogue is explained`() async throws {
    let database = try await CatalogDatabase()
    let missing = try await database.count(
      """
      select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
      where c.relnamespace = 'music'::regnamespace and c.relkind = 'r'
        and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)
      """)
    #expect(missing == 0)
  }
}
