import Foundation
import Orchestrator
import Workflows

// The step that asks the external AI.
extension PipelineActivities {
  func transcribe(_ audio: ProbedAudio) async throws -> Lyrics {
    let track = try await catalog.track(audio.source.trackID)
    return try await withFile(audio.source) { path, type, scratch in
      let sound = try await sendable(path, type, scratch)
      return try await lyrics.transcribe(
        LyricsRequest(
          trackID: track.id.description, title: track.title ?? audio.probe.tags.title ?? track.fileName ?? "Untitled",
          artist: audio.probe.tags.artist ?? track.artistID, language: track.language ?? audio.probe.tags.language,
          durationMilliseconds: audio.probe.durationMilliseconds, audio: sound, suppliedLyrics: track.suppliedLyrics))
    }
  }

  /// The file itself when it fits into one request, else its voice in a small encoding: a model hears 16 kHz anyway.
  private func sendable(_ path: String, _ type: MediaType, _ scratch: String) async throws -> LyricsRequest.Audio {
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? .max
    guard size > GeminiProvider.maximumInlineBytes else { return .file(path: path, mimeType: type.rawValue) }
    let small = scratch + "/voice.aac"
    let arguments =
      ["-v", "error", "-nostdin", "-y", "-threads", "1"] + MediaSource(path: path, type: type).input
      + [
        "-map", "0:a:0", "-vn", "-map_metadata", "-1", "-ac", "1", "-ar", "16000", "-c:a", "aac", "-b:a", "32k", "-f", "adts",
        "file:" + small,
      ]
    try await Subprocess("/usr/bin/ffmpeg", arguments, in: scratch).run()
    return .file(path: small, mimeType: MediaType.aac.rawValue)
  }
}
