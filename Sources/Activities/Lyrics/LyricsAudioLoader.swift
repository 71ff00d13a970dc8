import Foundation
import HTTP

/// Brings the audio of a request into the form that the recognizer listens to.
struct LyricsAudioLoader: Sendable {
  let maximumBytes: Int
  let client: HTTPClient

  /// Works in a folder of its own that is gone when this returns or throws.
  func speech(from part: AudioPart) async throws -> SpeechAudio {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lyrics-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/audio"
    switch part {
    case .url(let url, let type):
      try await fetch(url, to: path)
      return try await decode(path, as: type, in: folder)
    case .bytes(let bytes, let type):
      try bytes.write(to: URL(filePath: path))
      return try await decode(path, as: type, in: folder)
    }
  }

  private func fetch(_ url: String, to path: String) async throws {
    var request = HTTPClientRequest(.get, url)
    request.responseLimitBytes = maximumBytes
    // This service runs beside the object store of `orchestratord dev`, on the same machine.
    request.addressPolicy = .publicOrLoopback
    do {
      let response = try await client.download(request, to: path)
      guard response.status == .ok else {
        throw LyricsFailure(.unreachable, "the audio's server answered \(response.status)")
      }
    } catch let error as HTTPClientError {
      try Task.checkCancellation()
      throw LyricsFailure(.unreachable, error.description)
    }
  }

  private func decode(_ path: String, as type: MediaType, in folder: String) async throws -> SpeechAudio {
    // One sample more than is accepted, so that longer audio is refused and not silently cut.
    let maximumSamples = SpeechAudio.maximumSeconds * SpeechAudio.sampleRate + 1
    let filter = ["-af", "aresample=\(SpeechAudio.sampleRate),atrim=end_sample=\(maximumSamples)"]
    let arguments =
      ["-v", "error", "-nostdin", "-threads", "1"] + MediaSource(path: path, type: type).input
      + ["-map", "0:a:0", "-vn", "-map_metadata", "-1", "-ac", "1"] + filter
      + ["-ar", "\(SpeechAudio.sampleRate)", "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]
    do {
      let bytes = try await Subprocess("/usr/bin/ffmpeg", arguments, in: folder).output().bytes
      return try SpeechAudio(littleEndian: bytes)
    } catch let error as SubprocessError where error.code == .exited {
      throw LyricsFailure(.audioUnusable, "The audio could not be decoded as \(type.rawValue).")
    }
  }
}
