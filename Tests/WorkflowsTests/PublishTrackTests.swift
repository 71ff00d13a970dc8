import Foundation
import OrchestratorTesting
import Testing

@testable import Orchestrator
@testable import Workflows

@Suite struct PublishTrackTests {
  private static let approval = Review(decision: .approve, reviewer: "anna")
  private static let rejection = Review(decision: .reject, reason: "Too loud.", reviewer: "anna")

  init() { Log.setLevel(.none) }

  @Test func `A song goes from upload to published, each step once and in order`() async throws {
    let world = try await TrackWorld()
    try await world.run.wait(until: PublishTrack.lyrics) { $0 == .completed }
    #expect(try await world.run.query(PublishTrack.status) == .reviewing)
    try await world.run.signal(PublishTrack.review, Self.approval)
    #expect(try await world.run.result() == TrackOutcome(status: .published, lyrics: .completed))
    #expect(
      try await world.run.history().activities == [
        "change-track-status", "scan-upload", "validate-audio", "probe-audio", "store-original", "change-lyrics", "draw-waveform",
        "transcode-audio",
        "transcribe-lyrics", "open-review", "change-lyrics", "apply-review",
      ])
    #expect(world.statuses == [.processing])
    #expect(world.transcode.inputs.map(\.source) == [TrackWorld.stored])
    #expect(world.applyReview.inputs.map(\.review) == [Self.approval])
    #expect(world.changeLyrics.inputs.last?.lyrics == TrackWorld.lyrics)
  }

  @Test func `A rejected track is blocked and the run completes`() async throws {
    let world = try await TrackWorld()
    try await world.reachReview()
    try await world.run.signal(PublishTrack.review, Self.rejection)
    #expect(try await world.run.result() == TrackOutcome(status: .blocked, lyrics: .completed))
  }

  @Test("A file at fault fails the track with its reason, after every file was removed", arguments: ["validate-audio", "probe-audio"])
  func invalidAudio(step: String) async throws {
    let fault = ApplicationFailure(type: FailureTypes.invalidAudio, message: "the file is empty")
    let isValidated = step == "probe-audio"
    let world = try await TrackWorld(validate: isValidated ? [] : [.fails(fault)], probe: isValidated ? [.fails(fault)] : [])
    let failure = try #require(try await world.failure()?.failure)
    #expect(failure.type == FailureTypes.invalidAudio)
    #expect(failure.message == "the file is empty")
    #expect(!failure.isRetryable)
    #expect(try await world.run.history().activities.suffix(3) == [step, "discard-files", "change-track-status"])
    #expect(
      world.changeStatus.inputs.last == StatusChange(trackID: TrackWorld.trackID, status: .failed, reason: "the file is empty"))
  }

  @Test func `A file that holds malware is opened by no step, and its artist is told no more than that`() async throws {
    let world = try await TrackWorld(scan: SecurityScan(verdict: .infected, detail: "Win.Test"))
    let failure = try #require(try await world.failure()?.failure)
    #expect(failure.type == FailureTypes.infected && !failure.isRetryable)
    #expect(try await world.run.history().activities == ["change-track-status", "scan-upload", "discard-files", "change-track-status"])
    #expect(
      world.changeStatus.inputs.last
        == StatusChange(trackID: TrackWorld.trackID, status: .failed, reason: "File failed security scan."))
    #expect(world.validate.callCount == 0)
  }

  @Test func `A file that nobody could scan goes on`() async throws {
    let world = try await TrackWorld(scan: .notScanned("no virus scanner is configured"))
    try await world.reachReview()
  }

  @Test func `A fault of ours is tried again, then fails the track in words without machinery`() async throws {
    let fault = ApplicationFailure(type: "SubprocessError", message: "signal 9")
    let world = try await TrackWorld(validate: Array(repeating: .fails(fault), count: 3))
    #expect(try await world.failure()?.status == .failed)
    #expect(world.validate.callCount == 3)
    let reason = try #require(world.changeStatus.inputs.last?.reason)
    #expect(reason.contains("our side") && !reason.contains("signal"))
  }

  @Test func `The review opens when the sound is ready, whatever the lyrics do`() async throws {
    let world = try await TrackWorld(transcribe: [.timesOut])
    let begin = world.environment.now
    try await world.reachReview()
    #expect(world.environment.now.timeIntervalSince(begin) == 10)
    #expect(try await world.run.query(PublishTrack.lyrics) == .processing)
  }

  @Test func `Lyrics that fail leave the track in review and wait for an operator`() async throws {
    let world = try await worldWithFailedLyrics()
    #expect(world.transcribe.callCount == 5, "four attempts by policy, then one for the operator")
    #expect(
      world.changeLyrics.inputs.last
        == LyricsChange(trackID: TrackWorld.trackID, status: .failed, reason: "the model declined"))
    try await world.run.complete(Steps.transcribe, with: TrackWorld.lyrics)
    #expect(try await world.run.result() == TrackOutcome(status: .published, lyrics: .completed))
    #expect(world.changeLyrics.inputs.last?.lyrics == TrackWorld.lyrics)
  }

  @Test func `Lyrics that an operator gives up end the run without them`() async throws {
    let world = try await worldWithFailedLyrics()
    try await world.run.fail(Steps.transcribe, reason: "no lyrics for this one")
    #expect(try await world.run.result() == TrackOutcome(status: .published, lyrics: .failed))
  }

  @Test func `Lyrics that nobody mends in time end the run without them`() async throws {
    let world = try await worldWithFailedLyrics()
    let begin = world.environment.now
    #expect(try await world.run.result() == TrackOutcome(status: .published, lyrics: .failed))
    #expect((29...30).contains(world.environment.now.timeIntervalSince(begin) / 86_400))
  }

  /// Published, while the lyrics wait for an operator.
  private func worldWithFailedLyrics() async throws -> TrackWorld {
    let world = try await TrackWorld(transcribe: Array(repeating: .fails(ApplicationFailure.declined), count: 5))
    try await world.run.wait(until: PublishTrack.lyrics) { $0 == .failed }
    try await world.run.signal(PublishTrack.review, Self.approval)
    try await world.environment.advance(by: .minutes(1))
    #expect(try await world.run.query(PublishTrack.status) == .published)
    return world
  }

  @Test func `Only the first decision counts`() async throws {
    let world = try await TrackWorld()
    try await world.run.signal(PublishTrack.review, Self.rejection)
    try await world.run.signal(PublishTrack.review, Self.approval)
    #expect(try await world.run.result().status == .blocked)
    #expect(world.applyReview.inputs.map(\.review) == [Self.rejection])
  }

  @Test func `A review that nobody makes in two weeks blocks the track`() async throws {
    let world = try await TrackWorld()
    try await world.reachReview()
    let begin = world.environment.now
    #expect(try await world.run.result().status == .blocked)
    #expect(world.environment.now.timeIntervalSince(begin) == 14 * 86_400)
    let review = try #require(world.applyReview.inputs.first?.review)
    #expect(review.decision == .reject)
    #expect(review.reviewer == "system")
  }

  private static let request = Review(decision: .requestChanges, reason: "Mend the title.", reviewer: "anna")

  @Test func `A track goes back to its artist and comes again, until a round decides`() async throws {
    let world = try await TrackWorld()
    try await world.reachReview()
    for note in ["Done.", "Done again."] {
      try await world.run.signal(PublishTrack.review, Self.request)
      try await world.run.wait(until: PublishTrack.status) { $0 == .changesRequested }
      try await world.environment.advance(by: .days(13))
      try await world.run.signal(PublishTrack.resubmit, Resubmission(user: "artist", note: note))
      try await world.reachReview()
    }
    try await world.run.signal(PublishTrack.review, Self.approval)
    #expect(try await world.run.result().status == .published)
    #expect(world.applyReview.inputs.map(\.review.decision) == [.requestChanges, .requestChanges, .approve])
    #expect(world.reopenReview.inputs.map(\.resubmission?.note) == ["Done.", "Done again."])
  }

  @Test func `Changes that nobody makes in two weeks block the track`() async throws {
    let world = try await TrackWorld()
    try await world.reachReview()
    try await world.run.signal(PublishTrack.review, Self.request)
    let begin = world.environment.now
    #expect(try await world.run.result().status == .blocked)
    #expect(world.environment.now.timeIntervalSince(begin) == 14 * 86_400)
    #expect(world.reopenReview.inputs.map(\.resubmission) == [nil])
  }

  @Test func `Cancelling while changes are waited for blocks the track`() async throws {
    let world = try await TrackWorld()
    try await world.reachReview()
    try await world.run.signal(PublishTrack.review, Self.request)
    try await world.run.wait(until: PublishTrack.status) { $0 == .changesRequested }
    try await world.run.cancel()
    #expect(try await world.failure()?.status == .canceled)
    #expect(world.statuses.last == .blocked)
  }

  @Test func `Cancelling during processing removes the files and fails the track`() async throws {
    let world = try await TrackWorld()
    try await world.environment.advance(by: .seconds(7))
    try await world.run.cancel()
    #expect(try await world.failure()?.status == .canceled)
    #expect(world.discard.callCount == 1)
    #expect(world.statuses == [.processing, .failed])
    #expect(world.openReview.callCount == 0)
  }

  @Test func `Cancelling before anything happened still tells the artist`() async throws {
    let world = try await TrackWorld(catalogTaking: .seconds(1))
    try await world.run.cancel()
    #expect(try await world.failure()?.status == .canceled)
    #expect(world.statuses.last == .failed)
    #expect(world.validate.callCount == 0)
  }

  @Test func `Cancelling while it waits for the review blocks the track and keeps its files`() async throws {
    let world = try await TrackWorld()
    try await world.environment.advance(by: .days(1))
    try await world.run.cancel()
    #expect(try await world.failure()?.status == .canceled)
    #expect(world.statuses.last == .blocked)
    #expect(world.discard.callCount == 0)
  }

  @Test func `Cancelling while the review opens does not tear the track's status from the run's`() async throws {
    let world = try await TrackWorld(reviewTaking: .seconds(5))
    try await world.environment.advance(by: .seconds(12))
    try await world.run.cancel()
    #expect(try await world.failure()?.status == .canceled)
    #expect(world.openReview.callCount == 1)
    #expect(world.statuses.last == .blocked)
    #expect(world.discard.callCount == 0)
  }

  @Test func `Names of steps, signals and queries are stable: histories carry them`() {
    #expect(PublishTrack.name == "PublishTrack")
    #expect(PublishTrack.handlers.map(\.name) == ["review", "resubmit", "status", "lyrics"])
    #expect(
      TrackStatus.allCases.map(\.rawValue) == [
        "PENDING", "PROCESSING", "REVIEWING", "CHANGES_REQUESTED", "PUBLISHED", "BLOCKED", "FAILED",
      ])
  }
}
