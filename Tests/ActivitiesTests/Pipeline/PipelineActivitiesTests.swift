import Foundation
import Testing

@testable import Activities
@testable import Orchestrator
@testable import Workflows

@Suite struct PipelineActivitiesTests {
  @Test func `A song passes every step, and each step may be repeated with the same result`() async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(pipeline.song(["-metadata", "title=Tagged"], "song.mp3"), as: .mpeg)
    _ = try await pipeline.run(Steps.validate, upload)
    let probe = try await pipeline.run(Steps.probe, upload)
    #expect(abs(probe.durationMilliseconds - 3000) < 60 && probe.tags.title == "Tagged")
    var stored = upload
    for _ in 0..<2 { stored = try await pipeline.run(Steps.store, upload) }
    #expect(stored.key == "raw-track/\(upload.trackID).mp3")
    let audio = ProbedAudio(source: stored, probe: probe)
    let waveform = try await pipeline.run(Steps.waveform, audio)
    let streaming = try await pipeline.run(Steps.transcode, audio)
    #expect(try await pipeline.run(Steps.transcode, audio) == streaming && streaming.renditions.map(\.name) == ["high", "low"])
    #expect(try await pipeline.store.info(ObjectKey(streaming.masterKey)) != nil)
    let processed = ProcessedTrack(audio: audio, waveform: waveform, streaming: streaming)
    for _ in 0..<2 { _ = try await pipeline.run(Steps.openReview, processed, sequence: 8) }
    let review = TrackReview(trackID: upload.trackID, review: Review(decision: .approve, reviewer: "ada"))
    for _ in 0..<2 { #expect(try await pipeline.run(Steps.applyReview, review, sequence: 9) == .published) }
    let track = try await pipeline.database.catalog.track(upload.trackID)
    #expect(track.status == .published && track.title == "Tagged" && track.streaming == streaming && track.waveform == waveform)
    let stages = try await pipeline.database.catalog.stages(upload.trackID)
    #expect(stages.allSatisfy { $0.progress == 100 && $0.finishedAt != nil } && stages.count == 5)
    #expect(pipeline.scratch.isEmpty)
  }

  struct BadFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let type: MediaType
    let make: @Sendable (PipelineFixture) throws -> [UInt8]
  }

  static let badFiles = [
    BadFile(testDescription: "text named .mp3", type: .mpeg) { _ in Array("This is no song at all.\n".utf8) },
    BadFile(testDescription: "a wrong declared type", type: .flac) { try $0.song([], "a.mp3") },
    BadFile(testDescription: "a WAV header followed by a script", type: .wav) {
      Array(try $0.song([], "a.wav").prefix(44)) + Array("#!/bin/sh\nrm -rf /\n".utf8)
    },
    BadFile(testDescription: "a truncated file", type: .flac) { fixture in
      let whole = try fixture.song([], "a.flac")
      return Array(whole.prefix(whole.count / 3))
    },
    BadFile(testDescription: "a video without sound", type: .mp4) {
      try $0.song(["-f", "lavfi", "-i", "color=size=64x64:duration=1", "-map", "1:v", "-c:v", "mpeg4"], "a.mp4")
    },
  ]

  @Test("A file that is no sound song is refused for good, in a sentence for its artist", arguments: badFiles)
  func badFile(_ bad: BadFile) async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(bad.make(pipeline), as: bad.type)
    let failure = await #expect(throws: ApplicationFailure.self) {
      _ = try await pipeline.run(Steps.validate, upload)
      _ = try await pipeline.run(Steps.probe, upload)
    }
    #expect(failure?.type == FailureTypes.invalidAudio && failure?.isRetryable == false)
    #expect(failure?.message.first?.isUppercase == true && failure?.message.hasSuffix(".") == true)
    #expect(failure?.message.contains(pipeline.folder) == false, "no paths: \(failure?.message ?? "")")
    _ = try await pipeline.run(Steps.discard, upload)
    #expect(try await pipeline.store.list(in: TrackKeys.staging(), after: nil, limit: 10).isEmpty)
    #expect(pipeline.scratch.isEmpty)
  }

  @Test func `An upload that is not as long as it was is refused`() async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(pipeline.song([], "a.mp3"), as: .mpeg, sizeBytes: 5)
    let failure = await #expect(throws: ApplicationFailure.self) { try await pipeline.run(Steps.validate, upload) }
    #expect(failure?.type == FailureTypes.invalidAudio)
  }

  @Test func `Discarding removes everything that was made of a track, and may be repeated`() async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(pipeline.song([], "a.mp3"), as: .mpeg)
    for key in [
      try TrackKeys.transcoded(upload.trackID).appending("high_000.aac"), try TrackKeys.waveform(upload.trackID).appending("256.dat"),
    ] {
      try await pipeline.store.put([1], at: key)
    }
    let other = try TrackKeys.transcoded(TrackID()).appending("high_000.aac")
    try await pipeline.store.put([1], at: other)
    for _ in 0..<2 { _ = try await pipeline.run(Steps.discard, upload) }
    for folder in ["staging", "raw-track", "waveform"] {
      #expect(try await pipeline.store.list(in: ObjectKey(folder), after: nil, limit: 10).isEmpty)
    }
    #expect(try await pipeline.store.list(in: ObjectKey("transcoded-track"), after: nil, limit: 10).map(\.key) == [other])
  }

  @Test func `A failure of the lyrics service keeps its kind, its word on retries and the time it asked for`() async throws {
    let busy = LyricsFailure(.rateLimited, "too many requests", retryAfter: .seconds(7))
    let pipeline = try await PipelineFixture(lyrics: FixedLyrics(result: .failure(busy)))
    let upload = try await pipeline.upload(pipeline.song([], "a.mp3"), as: .mpeg)
    let audio = ProbedAudio(source: upload, probe: ScriptedProbe.probe)
    let failure = await #expect(throws: ApplicationFailure.self) { try await pipeline.run(Steps.transcribe, audio) }
    #expect(failure?.nextRetryDelay == .seconds(7) && failure?.isRetryable == true && failure?.message == "too many requests")
  }

  @Test func `Lyrics are stored and complete the track's lyrics`() async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(pipeline.song([], "a.mp3"), as: .mpeg)
    let lyrics = try await pipeline.run(Steps.transcribe, ProbedAudio(source: upload, probe: ScriptedProbe.probe))
    _ = try await pipeline.run(Steps.changeLyrics, LyricsChange(trackID: upload.trackID, status: .completed, lyrics: lyrics), sequence: 4)
    #expect(try await pipeline.database.catalog.lyrics(upload.trackID)?.lyrics == FixedLyrics.lyrics)
    #expect(try await pipeline.database.catalog.track(upload.trackID).lyricsStatus == .completed)
  }

  @Test func `What the catalogue refuses is not tried again`() async throws {
    let pipeline = try await PipelineFixture()
    let change = StatusChange(trackID: TrackID(), status: .processing)
    let failure = await #expect(throws: ApplicationFailure.self) { try await pipeline.run(Steps.changeStatus, change) }
    #expect(failure?.isRetryable == false)
  }

  @Test func `What a killed attempt left in its scratch folder goes with a later attempt, what others work in stays`() async throws {
    let pipeline = try await PipelineFixture()
    let upload = try await pipeline.upload(pipeline.song([], "a.mp3"), as: .mpeg)
    let (old, young, foreign) = (UUID().uuidString, UUID().uuidString, "lost+found")
    let longAgo: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSinceNow: -3 * 3600)]
    for name in [old, young, foreign] {
      let path = "\(pipeline.folder)/scratch/\(name)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      if name != young { try FileManager.default.setAttributes(longAgo, ofItemAtPath: path) }
    }
    _ = try await pipeline.run(Steps.validate, upload)
    #expect(Set(pipeline.scratch) == [young, foreign])
  }

  @Test func `Abandoned uploads are swept, those still in processing stay`() async throws {
    let pipeline = try await PipelineFixture()
    let abandoned = try TrackKeys.staged(TrackID(), as: .mpeg)
    try await pipeline.store.put([1], at: abandoned)
    let (id, _) = try await pipeline.database.upload()
    let needed = try ObjectKey(try await pipeline.database.catalog.track(id).sourceKey)
    try await pipeline.store.put([1], at: needed)
    let patient = PipelineUpkeep(store: pipeline.store, catalog: pipeline.database.catalog)
    #expect(try await patient.sweepStaging() == 0)
    let upkeep = PipelineUpkeep(store: pipeline.store, catalog: pipeline.database.catalog, stagingAge: .zero)
    #expect(try await upkeep.sweepStaging() == 1)
    #expect(try await pipeline.store.list(in: TrackKeys.staging(), after: nil, limit: 10).map(\.key) == [needed])
  }
}

/// Facts of a song for steps that do not look at them.
private enum ScriptedProbe {
  static let probe = MediaProbe(
    durationMilliseconds: 3000, decodedSamples: 132_300, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100, channels: 1,
    tags: MediaTags())
}
