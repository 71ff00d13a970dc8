import Foundation
import Orchestrator
import OrchestratorTesting
import Workflows

extension Scenario {
  private static let source = AudioSource(
    trackID: TrackID(UUID(uuid: (1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16))), key: "staging/song",
    mediaType: "audio/mpeg", sizeBytes: 1000)

  /// A song on its way, its lyrics heard at the attempt of this number.
  private static func track(lyricsAt attempt: Int = 1, isSound: Bool = true) async throws -> TestRun<PublishTrack> {
    let probe = MediaProbe(
      durationMilliseconds: 30_000, decodedSamples: 1_323_000, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100,
      channels: 2, tags: MediaTags(title: "Song"))
    let lyrics = Lyrics(
      lines: [LyricsLine(startMilliseconds: 0, endMilliseconds: 900, text: "la")], source: .transcribed, model: "test")
    let fault = ApplicationFailure(type: FailureTypes.invalidAudio, message: "the file is empty")
    let environment = try await TestEnvironment(
      workflows: [PublishTrack.self],
      activities: [
        MockActivity(Steps.changeStatus), MockActivity(Steps.scan, returns: SecurityScan(verdict: .clean, detail: nil)),
        MockActivity(Steps.validate, script: isSound ? [] : [.fails(fault)]),
        MockActivity(Steps.probe, returns: probe), MockActivity(Steps.store) { $0 },
        MockActivity(Steps.waveform, taking: .seconds(5), returns: []),
        MockActivity(Steps.transcode, taking: .seconds(10), returns: StreamingOutput(masterKey: "master.m3u8", renditions: [])),
        MockActivity(
          Steps.transcribe, taking: .seconds(30),
          script: Array(repeating: .fails(ApplicationFailure(type: "refused", message: "declined")), count: attempt - 1), returns: lyrics),
        MockActivity(Steps.changeLyrics), MockActivity(Steps.openReview),
        MockActivity(Steps.applyReview) { review in
          switch review.review.decision {
          case .approve: .published
          case .reject: .blocked
          case .requestChanges: .changesRequested
          }
        }, MockActivity(Steps.reopenReview) { $0.resubmission == nil ? .blocked : .reviewing }, MockActivity(Steps.discard),
      ])
    return try await environment.start(PublishTrack.self, TrackUpload(source: source))
  }

  static let tracks: [Scenario] = [
    .run("track-published") {
      let run = try await track()
      try await run.wait(until: PublishTrack.lyrics) { $0 == .completed }
      try await run.signal(PublishTrack.review, Review(decision: .approve, reviewer: "anna"))
      return run
    },
    .run("track-rejected") {
      let run = try await track()
      try await run.signal(PublishTrack.review, Review(decision: .reject, reason: "Too loud.", reviewer: "anna"))
      return run
    },
    .run("track-sent-back") {
      let run = try await track()
      try await run.wait(until: PublishTrack.status) { $0 == .reviewing }
      try await run.signal(PublishTrack.review, Review(decision: .requestChanges, reason: "Mend the title.", reviewer: "anna"))
      try await run.wait(until: PublishTrack.status) { $0 == .changesRequested }
      try await run.signal(PublishTrack.resubmit, Resubmission(user: "otto", note: "Done."))
      try await run.wait(until: PublishTrack.status) { $0 == .reviewing }
      try await run.signal(PublishTrack.review, Review(decision: .approve, reviewer: "anna"))
      return run
    },
    .run("track-never-reviewed") { try await track() },
    .run("track-at-fault") { try await track(isSound: false) },
    .run("track-cancelled") {
      let run = try await track()
      try await run.environment.advance(by: .seconds(7))
      try await run.cancel()
      return run
    },
    .run("track-cancelled-in-review") {
      let run = try await track()
      try await run.environment.advance(by: .days(1))
      try await run.cancel()
      return run
    },
    .run("track-with-late-lyrics") {
      let run = try await track(lyricsAt: 6)
      try await run.wait(until: PublishTrack.lyrics) { $0 == .failed }
      try await run.signal(PublishTrack.review, Review(decision: .approve, reviewer: "anna"))
      try await run.environment.advance(by: .minutes(5))
      try await run.retry(Steps.transcribe)
      return run
    },
  ]
}
