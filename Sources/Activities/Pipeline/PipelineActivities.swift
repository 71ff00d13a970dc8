import Foundation
import Orchestrator
import Workflows

/// Gives every step of `Steps` its implementation.
///
///     var registry = Registry()
///     registry.register(PublishTrack.self)
///     registry.register(ProcessAsset.self)
///     PipelineActivities(catalog: catalog, store: store, lyrics: provider, scratchFolder: "/var/tmp").implement(in: &registry)
public struct PipelineActivities: Sendable {
  let catalog: TrackCatalog
  let store: any ObjectStore
  let lyrics: any LyricsProvider
  let scratchFolder: String
  let probeLimits: ProbeLimits
  let jobTypes: JobTypes
  /// Nil where none is configured.
  let scanner: (any VirusScanner)?

  /// - Parameters:
  ///   - scratchFolder: an existing folder for temporary files; each attempt works in a folder of its own there and removes it.
  ///   - scanner: looks into every upload before anything opens it; without one uploads are published as not scanned.
  public init(
    catalog: TrackCatalog, store: any ObjectStore, lyrics: any LyricsProvider, scratchFolder: String,
    probeLimits: ProbeLimits = ProbeLimits(), jobTypes: JobTypes = JobTypes(), scanner: (any VirusScanner)? = nil
  ) {
    self.catalog = catalog
    self.store = store
    self.lyrics = lyrics
    self.scratchFolder = scratchFolder
    self.probeLimits = probeLimits
    self.scanner = scanner
    self.jobTypes = jobTypes
  }

  public func implement(in registry: inout Registry) {
    implementCatalogSteps(in: &registry)
    implementJobSteps(in: &registry)
    registry.implement(Steps.scan) { source, context in try await step(source.trackID, context) { _ in try await scan(source) } }
    registry.implement(Steps.validate) { source, context in try await step(source.trackID, context) { _ in try await validate(source) } }
    registry.implement(Steps.probe) { source, context in
      try await step(source.trackID, context) { progress in try await probe(source, progress) }
    }
    registry.implement(Steps.store) { source, context in try await step(source.trackID, context) { _ in try await moveToFinal(source) } }
    registry.implement(Steps.waveform) { audio, context in
      try await step(audio.source.trackID, context) { progress in try await drawWaveform(audio, progress) }
    }
    registry.implement(Steps.transcode) { audio, context in
      try await step(audio.source.trackID, context) { progress in try await transcode(audio, progress) }
    }
    registry.implement(Steps.transcribe) { audio, context in
      try await step(audio.source.trackID, context) { _ in try await transcribe(audio) }
    }
    registry.implement(Steps.discard) { source, _ in try await discard(source) }
  }

  private func implementCatalogSteps(in registry: inout Registry) {
    registry.implement(Steps.changeStatus) { change, context in
      try await refusing {
        try await catalog.changeStatus(
          change.trackID, to: change.status, because: change.reason, by: "workflow", requestKey: context.info.idempotencyKey)
      }
      return Nothing()
    }
    registry.implement(Steps.changeLyrics) { change, context in
      try await refusing { try await catalog.changeLyrics(change, requestKey: context.info.idempotencyKey) }
      return Nothing()
    }
    registry.implement(Steps.openReview) { track, context in
      try await refusing { try await catalog.openReview(track, requestKey: context.info.idempotencyKey) }
      return Nothing()
    }
    registry.implement(Steps.applyReview) { review, context in
      try await refusing { try await catalog.applyReview(review, requestKey: context.info.idempotencyKey) }
    }
    registry.implement(Steps.reopenReview) { reopening, context in
      try await refusing {
        try await catalog.reopenReview(
          reopening.trackID, by: reopening.resubmission?.user ?? "workflow", note: reopening.resubmission?.note,
          requestKey: context.info.idempotencyKey)
      }
    }
  }

  /// What the catalogue refuses it refuses again: an operator decides at once instead of after a hundred attempts.
  @discardableResult
  func refusing<Output>(_ body: () async throws -> Output) async throws -> Output {
    do {
      return try await body()
    } catch let error as CatalogError {
      throw ApplicationFailure(type: "CatalogError", message: error.description, isRetryable: false)
    }
  }

  /// Runs a step with its progress shown, and its errors in the words of the engine.
  private func step<Output: Sendable>(
    _ trackID: TrackID, _ context: ActivityContext, _ body: @escaping @Sendable (@escaping StageProgress.Callback) async throws -> Output
  ) async throws -> Output {
    do {
      let info = context.info
      return try await StageProgress(context: context) { percent, isDone in
        try await catalog.reportProgress(
          trackID, stage: info.activityType, percent: percent, attempt: info.attempt, isDone: isDone)
      }.during(body)
    } catch let error as MediaError {
      throw ApplicationFailure(type: FailureTypes.invalidAudio, message: Self.sentence(error.description), isRetryable: false)
    } catch let error as LyricsFailure {
      throw error.applicationFailure
    }
  }

  /// Media errors are written to stand inside a sentence; an artist reads them alone.
  static func sentence(_ text: String) -> String {
    let begun = text.prefix(1).uppercased() + text.dropFirst()
    return begun.hasSuffix(".") ? begun : begun + "."
  }

  /// A folder of this attempt alone, gone when it ends.
  func withScratch<Output>(_ body: (_ folder: String) async throws -> Output) async throws -> Output {
    removeAbandonedScratch()
    let folder = "\(scratchFolder)/\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
  }

  /// An attempt whose process was killed leaves its folder behind; no attempt may run nearly as long as two hours.
  private func removeAbandonedScratch() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: scratchFolder)) ?? []
    for path in names.filter({ UUID(uuidString: $0) != nil }).map({ "\(scratchFolder)/\($0)" }) {
      let changed = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      if let changed, changed < Date(timeIntervalSinceNow: -2 * 3600) { try? FileManager.default.removeItem(atPath: path) }
    }
  }
}
