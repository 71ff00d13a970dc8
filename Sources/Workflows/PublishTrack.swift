import Orchestrator

/// One song from upload to its public life: checked, stored, drawn, transcoded, transcribed, reviewed by a person, published.
///
/// Lyrics run beside everything else: whatever becomes of them, the track goes to its review when its sound is ready.
public struct PublishTrack: Workflow {
  public static let name = "PublishTrack"

  public struct State: WorkflowState {
    public var status = TrackStatus.pending
    public var lyrics = LyricsStatus.pending
    /// The lyrics need no more waiting: they are there, or an operator gave them up.
    public var areLyricsSettled = false
    public var review: Review?
    public var resubmission: Resubmission?

    public init() {}
  }

  /// The first decision of a round counts; later ones change nothing.
  public static let review = Signal<Self, Review>("review") { state, review in
    if state.review == nil { state.review = review }
  }
  /// The artist has made the changes that were asked for.
  public static let resubmit = Signal<Self, Resubmission>("resubmit") { state, resubmission in
    if state.resubmission == nil { state.resubmission = resubmission }
  }
  public static let status = Query<Self, TrackStatus>("status") { $0.status }
  public static let lyrics = Query<Self, LyricsStatus>("lyrics") { $0.lyrics }
  public static let handlers: [Handler<Self>] = [.signal(review), .signal(resubmit), .query(status), .query(lyrics)]

  public init() {}

  public func run(_ workflow: Context<Self>, _ upload: TrackUpload) async throws -> TrackOutcome {
    let trackID = upload.source.trackID
    do {
      try await move(workflow, trackID, to: .processing)
      let audio = try await accept(workflow, upload.source)
      async let lyrics: Void = transcribe(workflow, audio)
      try await process(workflow, audio)
      try await decide(workflow, upload)
      let patience = Duration.milliseconds(upload.lyricsWithinMilliseconds)
      if try await workflow.wait(upTo: patience, until: { $0.areLyricsSettled }) { try await lyrics }
      return TrackOutcome(status: workflow.state.status, lyrics: workflow.state.lyrics)
    } catch {
      try await workflow.shielded { try await giveUp(workflow, upload.source, error) }
      throw Self.final(error)
    }
  }

  /// Nothing is stored for good before the file proved to be sound.
  private func accept(_ workflow: Context<Self>, _ upload: AudioSource) async throws -> ProbedAudio {
    if workflow.patched("security-scan") {
      let scan = try await workflow.execute(Steps.scan, upload)
      guard scan.verdict != .infected else { throw Self.infected }
    }
    _ = try await workflow.execute(Steps.validate, upload)
    let probe = try await workflow.execute(Steps.probe, upload)
    let source = try await workflow.execute(Steps.store, upload)
    return ProbedAudio(source: source, probe: probe)
  }

  private func process(_ workflow: Context<Self>, _ audio: ProbedAudio) async throws {
    async let waveform = workflow.execute(Steps.waveform, audio)
    async let streaming = workflow.execute(Steps.transcode, audio)
    let processed = ProcessedTrack(audio: audio, waveform: try await waveform, streaming: try await streaming)
    // Shielded: a cancellation must not leave open whether the track already waits for its review.
    try await workflow.shielded {
      _ = try await workflow.execute(Steps.openReview, processed)
      workflow.state.status = .reviewing
    }
  }

  /// Rounds of review, until one ends with more than a request for changes. Histories of runs that knew one round only are its first round.
  private func decide(_ workflow: Context<Self>, _ upload: TrackUpload) async throws {
    let (trackID, patience) = (upload.source.trackID, Duration.milliseconds(upload.reviewWithinMilliseconds))
    repeat {
      _ = try await workflow.wait(upTo: patience, until: { $0.review != nil })
      let review = TrackReview(trackID: trackID, review: workflow.state.review ?? .expired)
      try await workflow.shielded { workflow.state.status = try await workflow.execute(Steps.applyReview, review) }
      if workflow.state.status == .changesRequested { try await awaitChanges(workflow, trackID, patience) }
    } while workflow.state.status == .reviewing
  }

  private func awaitChanges(_ workflow: Context<Self>, _ trackID: TrackID, _ patience: Duration) async throws {
    workflow.state.review = nil
    _ = try await workflow.wait(upTo: patience, until: { $0.resubmission != nil })
    let reopening = ReviewReopening(trackID: trackID, resubmission: workflow.state.resubmission)
    workflow.state.resubmission = nil
    try await workflow.shielded { workflow.state.status = try await workflow.execute(Steps.reopenReview, reopening) }
  }

  /// Tries by policy; after that the track is told FAILED lyrics, and the step waits for an operator without holding anything up.
  private func transcribe(_ workflow: Context<Self>, _ audio: ProbedAudio) async throws {
    let trackID = audio.source.trackID
    try await tell(workflow, LyricsChange(trackID: trackID, status: .processing))
    do {
      let lyrics: Lyrics
      do {
        lyrics = try await workflow.execute(Steps.transcribe, audio)
      } catch let error as ActivityFailure {
        try await tell(workflow, LyricsChange(trackID: trackID, status: .failed, reason: error.failure.message))
        lyrics = try await workflow.execute(Steps.transcribe, audio, options: .lyricsByOperator)
      }
      try await tell(workflow, LyricsChange(trackID: trackID, status: .completed, lyrics: lyrics))
    } catch let error as ActivityFailure {
      workflow.log("lyrics were given up: \(error.failure.type)")
    }
    workflow.state.areLyricsSettled = true
  }

  private func tell(_ workflow: Context<Self>, _ change: LyricsChange) async throws {
    _ = try await workflow.execute(Steps.changeLyrics, change)
    workflow.state.lyrics = change.status
  }

  private func move(_ workflow: Context<Self>, _ trackID: TrackID, to status: TrackStatus, because reason: String? = nil) async throws {
    _ = try await workflow.execute(Steps.changeStatus, StatusChange(trackID: trackID, status: status, reason: reason))
    workflow.state.status = status
  }
}

// What happens when it cannot go on.
extension PublishTrack {
  /// Leaves the track in an end that the artist understands, and no file behind. A track that was decided stays as it is.
  private func giveUp(_ workflow: Context<Self>, _ source: AudioSource, _ error: any Error) async throws {
    let trackID = source.trackID
    let reason = Self.reason(error)
    switch workflow.state.status {
    case .pending, .processing:
      if workflow.state.status == .pending { try await move(workflow, trackID, to: .processing) }
      _ = try await workflow.execute(Steps.discard, source)
      try await move(workflow, trackID, to: .failed, because: reason)
    case .reviewing, .changesRequested: try await move(workflow, trackID, to: .blocked, because: reason)
    case .published, .blocked, .failed: break
    }
  }

  private static let infected = ApplicationFailure(
    type: FailureTypes.infected, message: "File failed security scan.", isRetryable: false)

  /// What the artist reads: the file's fault in its own words, ours without the words of machines.
  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as ActivityFailure where error.failure.type == FailureTypes.invalidAudio: error.failure.message
    case let error as ApplicationFailure where error.type == FailureTypes.infected: error.message
    case is CancellationError: "The processing of this track was cancelled."
    default: "The track could not be processed because of a fault on our side. Please upload it again later."
    }
  }

  /// The run's own failure names the file's fault directly instead of the step that found it.
  private static func final(_ error: any Error) -> any Error {
    guard let error = error as? ActivityFailure, error.failure.type == FailureTypes.invalidAudio else { return error }
    return ApplicationFailure(type: FailureTypes.invalidAudio, message: error.failure.message, isRetryable: false)
  }
}
