import Testing

@testable import Orchestrator
@testable import Workflows

@Suite struct PublishTrackTests {
  private static let approval = Review(decision: .approve, reviewer: "anna")
  private static let rejection = Review(decision: .reject, reason: "Too loud.", reviewer: "anna")

  @Test func `A song goes from upload to published, each step once and in order`() throws {
    let run = try ScriptedRun()
    #expect(try run.input(of: Steps.changeStatus).status == .processing)
    try run.accept()
    #expect(Set(run.openNames) == ["draw-waveform", "transcode-audio", "change-lyrics"])
    #expect(try run.input(of: Steps.transcode).source == ScriptedRun.stored)
    try run.process()
    try run.transcribe()
    #expect(run.openNames.isEmpty)
    try run.signal(Self.approval)
    #expect(try run.input(of: Steps.applyReview).review == Self.approval)
    try run.complete(Steps.applyReview, .published)
    #expect(run.outcome == TrackOutcome(status: .published, lyrics: .completed))
    #expect(run.timers.isEmpty)
    #expect(
      run.asked == [
        "change-track-status", "validate-audio", "probe-audio", "store-original", "change-lyrics", "draw-waveform", "transcode-audio",
        "open-review", "transcribe-lyrics", "change-lyrics", "apply-review",
      ])
  }

  @Test func `A rejected track is blocked and the run completes`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.process()
    try run.transcribe()
    try run.signal(Self.rejection)
    try run.complete(Steps.applyReview, .blocked)
    #expect(run.outcome == TrackOutcome(status: .blocked, lyrics: .completed))
  }

  @Test(
    "A file at fault fails the track with its reason, after every file was removed",
    arguments: ["validate-audio", "probe-audio"])
  func invalidAudio(step: String) throws {
    let run = try ScriptedRun()
    try run.complete(Steps.changeStatus)
    if step == "validate-audio" {
      try run.fail(Steps.validate, FailureTypes.invalidAudio, "the file is empty")
    } else {
      try run.complete(Steps.validate)
      try run.fail(Steps.probe, FailureTypes.invalidAudio, "the file is empty")
    }
    #expect(run.openNames == ["discard-files"])
    try run.complete(Steps.discard)
    #expect(
      try run.input(of: Steps.changeStatus) == StatusChange(trackID: ScriptedRun.trackID, status: .failed, reason: "the file is empty"))
    try run.complete(Steps.changeStatus)
    #expect(run.failure?.type == FailureTypes.invalidAudio)
    #expect(run.failure?.message == "the file is empty")
    #expect(run.failure?.isRetryable == false)
  }

  @Test func `A fault of ours fails the track in words without machinery`() throws {
    let run = try ScriptedRun()
    try run.complete(Steps.changeStatus)
    try run.fail(Steps.validate, "SubprocessError", "signal 9")
    try run.complete(Steps.discard)
    let reason = try #require(try run.input(of: Steps.changeStatus).reason)
    #expect(reason.contains("our side") && !reason.contains("signal"))
  }

  @Test func `The review opens when the sound is ready, whatever the lyrics do`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.complete(Steps.changeLyrics)
    try run.process()
    #expect(try run.state().status == .reviewing)
    #expect(run.openNames == ["transcribe-lyrics"])
  }

  @Test func `Lyrics that fail leave the track in review and wait for an operator`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.complete(Steps.changeLyrics)
    #expect(try run.options(of: "transcribe-lyrics").onExhausted == .fail)
    try run.fail(Steps.transcribe, "refused", "the model declined")
    #expect(
      try run.input(of: Steps.changeLyrics)
        == LyricsChange(trackID: ScriptedRun.trackID, status: .failed, reason: "the model declined"))
    try run.complete(Steps.changeLyrics)
    #expect(try run.options(of: "transcribe-lyrics").onExhausted == .park)
    try run.process()
    try run.signal(Self.approval)
    try run.complete(Steps.applyReview, .published)
    #expect(run.ending == nil, "the run stays open for the operator")
    try run.complete(Steps.transcribe, ScriptedRun.lyrics)
    #expect(try run.input(of: Steps.changeLyrics).lyrics == ScriptedRun.lyrics)
    try run.complete(Steps.changeLyrics)
    #expect(run.outcome == TrackOutcome(status: .published, lyrics: .completed))
  }

  @Test func `Lyrics that an operator gives up end the run without them`() throws {
    let run = try publishedWithFailedLyrics()
    try run.fail(Steps.transcribe, "Abandoned", "no lyrics for this one")
    #expect(run.outcome == TrackOutcome(status: .published, lyrics: .failed))
  }

  @Test func `Lyrics that nobody mends in time end the run without them`() throws {
    let run = try publishedWithFailedLyrics()
    try run.fireTimer(milliseconds: Duration.days(30).milliseconds)
    #expect(run.outcome == TrackOutcome(status: .published, lyrics: .failed))
    #expect(run.openNames.isEmpty)
  }

  private func publishedWithFailedLyrics() throws -> ScriptedRun {
    let run = try ScriptedRun()
    try run.accept()
    try run.complete(Steps.changeLyrics)
    try run.fail(Steps.transcribe, "refused", "the model declined")
    try run.complete(Steps.changeLyrics)
    try run.process()
    try run.signal(Self.approval)
    try run.complete(Steps.applyReview, .published)
    return run
  }

  @Test func `Only the first decision counts`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.signal(Self.rejection)
    try run.signal(Self.approval)
    try run.process()
    #expect(try run.input(of: Steps.applyReview).review == Self.rejection)
  }

  @Test func `A review that nobody makes in time blocks the track`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.process()
    try run.fireTimer(milliseconds: Duration.days(14).milliseconds)
    #expect(try run.input(of: Steps.applyReview).review.decision == .reject)
    #expect(try run.input(of: Steps.applyReview).review.reviewer == "system")
  }

  @Test func `Cancelling during processing removes the files and fails the track`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.cancel()
    #expect(run.openNames == ["discard-files"])
    try run.complete(Steps.discard)
    #expect(try run.input(of: Steps.changeStatus).status == .failed)
    try run.complete(Steps.changeStatus)
    guard case .cancelWorkflow? = run.ending else {
      Issue.record("the run should be canceled")
      return
    }
  }

  @Test func `Cancelling before anything happened still tells the artist`() throws {
    let run = try ScriptedRun()
    try run.cancel()
    try run.complete(Steps.changeStatus)
    try run.complete(Steps.discard)
    #expect(try run.input(of: Steps.changeStatus).status == .failed)
  }

  @Test func `Cancelling while it waits for the review blocks the track and keeps its files`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.process()
    try run.transcribe()
    try run.cancel()
    #expect(run.openNames == ["change-track-status"])
    #expect(try run.input(of: Steps.changeStatus).status == .blocked)
  }

  @Test func `Cancelling while the review opens does not tear the track's status from the run's`() throws {
    let run = try ScriptedRun()
    try run.accept()
    try run.complete(Steps.waveform, [])
    try run.complete(Steps.transcode, ScriptedRun.streaming)
    try run.cancel()
    #expect(run.isOpen("open-review"))
    try run.complete(Steps.openReview)
    #expect(try run.input(of: Steps.changeStatus).status == .blocked)
  }

  @Test func `Names of steps, signals and queries are stable: histories carry them`() {
    #expect(PublishTrack.name == "PublishTrack")
    #expect(PublishTrack.handlers.map(\.name) == ["review", "status", "lyrics"])
    #expect(TrackStatus.allCases.map(\.rawValue) == ["PENDING", "PROCESSING", "REVIEWING", "PUBLISHED", "BLOCKED", "FAILED"])
  }
}
