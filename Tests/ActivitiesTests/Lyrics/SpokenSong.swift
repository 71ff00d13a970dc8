import Foundation

@testable import Activities

/// Speech over a quiet tone, made on the spot by flite and ffmpeg.
struct SpokenSong {
  /// Silence (with the tone) before the first line and between lines.
  static let introMilliseconds = 1_500

  let wav: Data

  static func make(_ lines: [String], voice: String = "slt") throws -> SpokenSong {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("spoken-song-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (speech, song) = (folder.appendingPathComponent("speech.wav").path, folder.appendingPathComponent("song.wav").path)
    let text = lines.map { "\($0)." }.joined(separator: "\n")
    try run("/usr/bin/flite", ["-voice", voice, "-t", text, "-o", speech])
    let mix =
      "[0:a]aresample=16000,apad=pad_dur=1,adelay=\(introMilliseconds)[s];[1:a]volume=0.05[t];[s][t]amix=inputs=2:duration=first:normalize=0"
    try run(
      "/usr/bin/ffmpeg",
      ["-v", "error", "-i", speech, "-f", "lavfi", "-i", "sine=frequency=220:sample_rate=16000", "-filter_complex", mix]
        + ["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", "-bitexact", song])
    return SpokenSong(wav: try Data(contentsOf: URL(fileURLWithPath: song)))
  }

  /// ffmpeg's bit-exact WAV header has 44 bytes.
  var audio: SpeechAudio {
    get throws {
      try SpeechAudio(samples: wav.dropFirst(44).withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) })
    }
  }

  private static func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad, userInfo: ["program": program]) }
  }
}
