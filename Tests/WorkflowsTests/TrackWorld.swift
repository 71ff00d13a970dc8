import Foundation
import Orchestrator
import OrchestratorTesting

@testable import Workflows

/// Everything around one song: a mock of each step, and the run. Processing takes ten seconds, transcription thirty.
struct TrackWorld {
  static let trackID = TrackID(UUID(uuid: (1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16)))
  static let staged = AudioSource(trackID: trackID, key: "staging/song", mediaType: "audio/mpeg", sizeBytes: 1000)
  static let stored = AudioSource(trackID: trackID, key: "raw-track/song.mp3", mediaType: "audio/mpeg", sizeBytes: 1000)
  static let probe = MediaProbe(
    durationMilliseconds: 30_000, decodedSamples: 1_323_000, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100,
    channels: 2, tags: MediaTags(title: "Song"))
  static let streaming = StreamingOutput(masterKey: "transcoded-track/song/master.m3u8", renditions: [])
  static let lyrics = Lyrics(
    lines: [LyricsLine(startMilliseconds: 0, endMilliseconds: 900, text: "la")], source: .transcribed, model: "test")

  let changeStatus: MockActivity<StatusChange, Nothing>
  let scan: MockActivity<AudioSource, SecurityScan>
  let validate: MockActivity<AudioSource, Nothing>
  let probe: MockActivity<AudioSource, MediaProbe>
  let store = MockActivity(Steps.store, returns: stored)
  let waveform = MockActivity(Steps.waveform, taking: .seconds(5), returns: [])
  let transcode = MockActivity(Steps.transcode, taking: .seconds(10), returns: streaming)
  let transcribe: MockActivity<ProbedAudio, Lyrics>
  let changeLyrics = MockActivity(Steps.changeLyrics)
  let openReview: MockActivity<ProcessedTrack, Nothing>
  let applyReview = MockActivity(Steps.applyReview) { review in
    switch review.review.decision {
    case .approve: .published
    case .reject: .blocked
    case .requestChanges: .changesRequested
    }
  }
  let reopenReview = MockActivity(Steps.reopenReview) { $0.resubmission == nil ? .blocked : .reviewing }
  let discard = MockActivity(Steps.discard)
  let environment: TestEnvironment
  let run: TestRun<PublishTrack>

  init(
    catalogTaking: Duration = .zero, scan scanned: SecurityScan = SecurityScan(verdict: .clean, detail: nil),
    validate validation: [MockActivity<AudioSource, Nothing>.Outcome] = [],
    probe probing: [MockActivity<AudioSource, MediaProbe>.Outcome] = [],
    transcribe transcription: [MockActivity<ProbedAudio, Lyrics>.Outcome] = [], reviewTaking: Duration = .zero
  ) async throws {
    changeStatus = MockActivity(Steps.changeStatus, taking: catalogTaking)
    scan = MockActivity(Steps.scan, returns: scanned)
    validate = MockActivity(Steps.validate, script: validation)
    probe = MockActivity(Steps.probe, script: probing, returns: Self.probe)
    transcribe = MockActivity(Steps.transcribe, taking: .seconds(30), script: transcription, returns: Self.lyrics)
    openReview = MockActivity(Steps.openReview, taking: reviewTaking)
    environment = try await TestEnvironment(
      workflows: [PublishTrack.self],
      activities: [
        changeStatus, scan, validate, probe, store, waveform, transcode, transcribe, changeLyrics, openReview, applyReview, reopenReview,
        discard,
      ])
    run = try await environment.start(PublishTrack.self, id: Self.trackID.workflowID, TrackUpload(source: Self.staged))
  }

  /// Until the song waits for a person.
  func reachReview() async throws {
    try await run.wait(until: PublishTrack.status) { $0 == .reviewing }
  }

  /// How the run failed.
  func failure() async throws -> WorkflowFailure? {
    do {
      _ = try await run.result()
      return nil
    } catch let failure as WorkflowFailure {
      return failure
    }
  }

  /// What the artist was told about the track, in order.
  var statuses: [TrackStatus] { changeStatus.inputs.map(\.status) }
}

extension ApplicationFailure {
  /// A transcription that the model declines.
  static let declined = ApplicationFailure(type: "refused", message: "the model declined")
}
