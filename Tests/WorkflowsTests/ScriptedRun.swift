import Foundation
import Testing

@testable import Orchestrator
@testable import Workflows

/// One run of `PublishTrack` driven by hand: the test answers each step, and sees which steps the workflow asks for next.
final class ScriptedRun {
  static let trackID = TrackID(UUID(uuid: (1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16)))
  static let staged = AudioSource(trackID: trackID, key: "staging/song", mediaType: "audio/mpeg", sizeBytes: 1000)
  static let stored = AudioSource(trackID: trackID, key: "raw-track/song.mp3", mediaType: "audio/mpeg", sizeBytes: 1000)
  static let probe = MediaProbe(
    durationMilliseconds: 30_000, decodedSamples: 1_323_000, bitRate: 128_000, format: "mp3", codec: "mp3", sampleRate: 44_100,
    channels: 2, tags: MediaTags(title: "Song"))
  static let streaming = StreamingOutput(masterKey: "transcoded-track/song/master.m3u8", renditions: [])
  static let lyrics = Lyrics(
    lines: [LyricsLine(startMilliseconds: 0, endMilliseconds: 900, text: "la")], source: .transcribed, model: "test")

  private let instance: WorkflowInstance
  private var time: Int64 = 1_700_000_000_000_000
  /// The steps that were asked for and not answered yet, in order.
  private(set) var open: [ActivityTask] = []
  private(set) var timers: [(sequence: Int32, milliseconds: Int64)] = []
  private(set) var ending: Command?
  /// Names of all steps in the order in which they were asked for.
  private(set) var asked: [String] = []

  init(_ upload: TrackUpload = TrackUpload(source: staged)) throws {
    let info = WorkflowInfo(runID: .generate(), workflowID: Self.trackID.workflowID, namespace: "default", workflowType: "PublishTrack")
    instance = WorkflowDefinition(PublishTrack.self).makeInstance(info) {}
    try apply(
      .started(
        StartedAttributes(
          workflowType: "PublishTrack", namespace: "default", workflowID: info.workflowID, input: try PayloadCodec.encode(upload),
          identity: "test", build: "test")))
  }

  deinit { if ending == nil { instance.evict() } }

  var openNames: [String] { open.map(\.activityType) }

  func isOpen(_ name: String) -> Bool { openNames.contains(name) }

  func options(of name: String) throws -> ActivityOptions { try #require(open.first { $0.activityType == name }).options }

  func input<Input, Output>(of step: Activity<Input, Output>) throws -> Input {
    try PayloadCodec.decode(Input.self, from: try #require(open.first { $0.activityType == step.name }).input)
  }

  func complete<Input, Output>(_ step: Activity<Input, Output>, _ output: Output) throws {
    let task = try take(step.name)
    try apply(.activityCompleted(sequence: task.sequence, result: try PayloadCodec.encode(output), by: nil))
  }

  func complete<Input>(_ step: Activity<Input, Nothing>) throws { try complete(step, Nothing()) }

  func fail<Input, Output>(_ step: Activity<Input, Output>, _ type: String, _ message: String) throws {
    let task = try take(step.name)
    try apply(.activityFailed(sequence: task.sequence, failure: Failure(type: type, message: message), by: nil))
  }

  func signal(_ review: Review) throws {
    try apply(.signaled(SignaledAttributes(name: "review", input: try PayloadCodec.encode(review), identity: "test", requestID: "")))
  }

  func cancel() throws { try apply(.cancelRequested(reason: "test", identity: "test")) }

  func fireTimer(milliseconds: Int64) throws {
    let timer = try #require(timers.first { $0.milliseconds == milliseconds })
    timers.removeAll { $0.sequence == timer.sequence }
    try apply(.timerFired(sequence: timer.sequence))
  }

  func state() throws -> PublishTrack.State {
    try #require(instance as? TypedInstance<PublishTrack>).currentState
  }

  /// The run's result, or nil when it did not complete.
  var outcome: TrackOutcome? {
    guard case .completeWorkflow(let result)? = ending else { return nil }
    return try? PayloadCodec.decode(TrackOutcome.self, from: result)
  }

  var failure: Failure? {
    guard case .failWorkflow(let failure)? = ending else { return nil }
    return failure
  }

  private func take(_ name: String) throws -> ActivityTask {
    let index = try #require(open.firstIndex { $0.activityType == name }, "\(name) was not asked for; open are \(openNames)")
    return open.remove(at: index)
  }

  private func apply(_ event: IncomingEvent) throws {
    time += 1_000_000
    for command in try instance.activate(event, at: time, replaying: false).commands {
      switch command {
      case .scheduleActivity(let task):
        open.append(task)
        asked.append(task.activityType)
      case .requestCancelActivity(let sequence): open.removeAll { $0.sequence == sequence }
      case .startTimer(let sequence, let milliseconds): timers.append((sequence, milliseconds))
      case .cancelTimer(let sequence): timers.removeAll { $0.sequence == sequence }
      case .recordPatch, .completeUpdate, .upsertSearchAttributes: break
      case .completeWorkflow, .failWorkflow, .cancelWorkflow, .continueAsNew: ending = command
      case .startChild, .requestCancelChild, .signalChild, .requestCancelExternal, .signalExternal:
        Issue.record("a track talks to no other run")
      }
    }
  }
}

// The way to each stage.
extension ScriptedRun {
  func accept() throws {
    try complete(Steps.changeStatus)
    try complete(Steps.validate)
    try complete(Steps.probe, Self.probe)
    try complete(Steps.store, Self.stored)
  }

  func process() throws {
    try complete(Steps.waveform, [])
    try complete(Steps.transcode, Self.streaming)
    try complete(Steps.openReview)
  }

  func transcribe() throws {
    try complete(Steps.changeLyrics)
    try complete(Steps.transcribe, Self.lyrics)
    try complete(Steps.changeLyrics)
  }
}
