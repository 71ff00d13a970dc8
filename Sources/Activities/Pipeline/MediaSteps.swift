import Foundation
import Orchestrator
import Workflows

// The steps that look at, make and move files.
extension PipelineActivities {
  /// Asks the scanner and writes down what it said.
  func scan(_ source: AudioSource) async throws -> SecurityScan {
    let scan: SecurityScan =
      if let scanner { try await scanner.scan(store.open(ObjectKey(source.key))) } else { .notScanned("no virus scanner is configured") }
    if scan.verdict == .infected {
      Log.warning("upload-infected", "the virus scanner found \(scan.detail ?? "something")", ["track_id": source.trackID.description])
    }
    try await catalog.recordScan(source.trackID, scan)
    return scan
  }

  /// Size and type; the proof that the file is sound is the probe's decode.
  func validate(_ source: AudioSource) async throws -> Nothing {
    let key = try ObjectKey(source.key)
    guard let info = try await store.info(key) else { throw ObjectStoreError(.notFound, "the upload \(key) is not in staging any more") }
    guard info.size == source.sizeBytes else {
      throw MediaError(.truncated, "the upload arrived with \(info.size) instead of \(source.sizeBytes) bytes; upload it again")
    }
    try await withFile(source) { path, type, _ in try type.requireContent(of: path) }
    return Nothing()
  }

  func probe(_ source: AudioSource, _ progress: @escaping StageProgress.Callback) async throws -> MediaProbe {
    try await withFile(source) { path, type, scratch in
      try await Probe(limits: probeLimits).run(path, as: type, in: scratch, progress: progress)
    }
  }

  func moveToFinal(_ source: AudioSource) async throws -> AudioSource {
    let final = try TrackKeys.original(source.trackID, as: MediaType(declared: source.mediaType))
    try await store.move(ObjectKey(source.key), to: final)
    var stored = source
    stored.key = final.text
    return stored
  }

  func drawWaveform(_ audio: ProbedAudio, _ progress: @escaping StageProgress.Callback) async throws -> [WaveformLevel] {
    let folder = try TrackKeys.waveform(audio.source.trackID)
    return try await withFile(audio.source) { path, type, scratch in
      try await Waveform(store: store).run(path, as: type, probe: audio.probe, into: folder, scratch: scratch, progress: progress)
    }
  }

  func transcode(_ audio: ProbedAudio, _ progress: @escaping StageProgress.Callback) async throws -> StreamingOutput {
    let folder = try TrackKeys.transcoded(audio.source.trackID)
    return try await withFile(audio.source) { path, type, scratch in
      try await Transcode(store: store).run(path, as: type, probe: audio.probe, into: folder, scratch: scratch, progress: progress)
    }
  }

  func discard(_ source: AudioSource) async throws -> Nothing {
    let id = source.trackID
    try await store.delete(ObjectKey(source.key))
    try await store.delete(TrackKeys.original(id, as: MediaType(declared: source.mediaType)))
    for folder in [try TrackKeys.transcoded(id), try TrackKeys.waveform(id), try TrackKeys.posters(id)] {
      var page = try await store.list(in: folder, after: nil, limit: 1000)
      while !page.isEmpty {
        for object in page { try await store.delete(object.key) }
        page = try await store.list(in: folder, after: nil, limit: 1000)
      }
    }
    return Nothing()
  }

  /// The source as a local file, with a scratch folder of this attempt.
  func withFile<Output>(
    _ source: AudioSource, _ body: (_ path: String, _ type: MediaType, _ scratch: String) async throws -> Output
  ) async throws -> Output {
    let type = try MediaType(declared: source.mediaType)
    return try await withScratch { scratch in
      try await body(store.localFile(ObjectKey(source.key), scratch: scratch), type, scratch)
    }
  }
}
