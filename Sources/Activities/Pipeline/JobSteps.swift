import Foundation
import Orchestrator
import Workflows

// The steps of jobs on assets.
extension PipelineActivities {
  func implementJobSteps(in registry: inout Registry) {
    registry.implement(Steps.beginJob) { job, _ in
      var work = try await refusing { try await catalog.begin(job.jobID) }
      work.processor = jobTypes.processor(of: work.type)?.terms
      return work
    }
    registry.implement(Steps.processAsset) { work, context in
      try await refusingInput {
        let attempt = context.info.attempt
        return try await StageProgress(context: context) { percent, _ in
          try await catalog.reportProgress(work.jobID, percent: min(percent, 99), attempt: attempt)
        }.during { progress in try await process(work, progress) }
      }
    }
    registry.implement(Steps.publishVersion) { output, _ in try await refusing { try await publish(output) } }
    implementProcessorSteps(in: &registry)
    registry.implement(Steps.endJob) { end, _ in
      try await catalog.end(end)
      return Nothing()
    }
  }

  private func process(_ work: JobWork, _ progress: @escaping StageProgress.Callback) async throws -> JobOutput {
    guard let job = jobTypes.localJob(work.type, work.parameters) else {
      throw ApplicationFailure(
        type: "UnknownJobType", message: "no job of type \(work.type) with these parameters is known to this program", isRetryable: false)
    }
    return try await withScratch { scratch in
      let type = try MediaType(declared: work.input.mediaType)
      let source = MediaSource(path: try await store.localFile(ObjectKey(work.input.key), scratch: scratch), type: type)
      let claim = try await Probe(limits: probeLimits).describe(source, scratch)
      let tool = AudioTool(
        source: source, sampleRate: claim.sampleRate, durationMilliseconds: work.input.durationMilliseconds, scratch: scratch,
        limits: jobLimits)
      let result = try await job.run(tool) { progress($0 * 0.9) }
      let file = try await stage(result.path, as: result.mediaType, kind: result.kind, of: work.jobID, scratch: scratch) {
        progress(0.9 + $0 * 0.1)
      }
      return JobOutput(jobID: work.jobID, assetID: work.assetID, files: [file], metadata: result.metadata)
    }
  }

  /// Proves that a file is the sound it says it is, and keeps it until its version is published.
  func stage(
    _ path: String, as type: MediaType, kind: String, of jobID: JobID, scratch: String, progress: @escaping StageProgress.Callback
  ) async throws -> AssetFile {
    let probe = try await Probe(limits: probeLimits).run(path, as: type, in: scratch, progress: progress)
    let key = try TrackKeys.stagedResult(of: jobID, kind: kind, as: type)
    try await store.put(file: path, at: key)
    guard let size = try await store.info(key)?.size else { throw ObjectStoreError(.notFound, "the result \(key) is gone") }
    return AssetFile(
      kind: kind, key: key.text, mediaType: type.rawValue, sizeBytes: Int64(size), durationMilliseconds: Int64(probe.durationMilliseconds))
  }

  /// Any part of it may be repeated: the number stays the same, a file that was moved is there, and a job is completed once.
  private func publish(_ output: JobOutput) async throws -> Int {
    guard let version = try await catalog.reserveVersion(output.jobID) else {
      throw ApplicationFailure(
        type: "VersionOnItsWay", message: "another version of the asset is being put in place", nextRetryDelay: .milliseconds(200))
    }
    var files = output.files
    for index in files.indices {
      let type = try MediaType(declared: files[index].mediaType)
      let place = try TrackKeys.version(version, of: output.assetID, kind: files[index].kind, as: type)
      do {
        try await store.move(ObjectKey(files[index].key), to: place)
      } catch let error as ObjectStoreError where error.code == .notFound {
        throw ApplicationFailure(type: "ResultGone", message: "the result of the job is not in staging any more", isRetryable: false)
      }
      files[index].key = place.text
    }
    return try await catalog.complete(output.jobID, files: files, metadata: output.metadata)
  }

  /// Media errors are for whoever asked, and final.
  func refusingInput<Output>(_ body: () async throws -> Output) async throws -> Output {
    do {
      return try await body()
    } catch let error as MediaError {
      throw ApplicationFailure(type: FailureTypes.invalidAudio, message: Self.sentence(error.description), isRetryable: false)
    }
  }

  /// What ffmpeg may use for a job: four hours of sound as WAV are 2.5 GB.
  private var jobLimits: SubprocessLimits {
    var limits = SubprocessLimits()
    limits.wallTime = .minutes(50)
    limits.processorSeconds = 3000
    limits.fileSizeBytes = 4 << 30
    return limits
  }
}
