import Foundation
import Testing

@testable import Activities

/// Real audio files, made by ffmpeg when a test needs them.
struct AudioFixtures {
  let scratch: Scratch

  /// Runs ffmpeg without any of the product's limits; returns the path of the output.
  @discardableResult
  func ffmpeg(_ arguments: [String], to name: String) async throws -> String {
    let path = scratch.file(name)
    try await Subprocess("/usr/bin/ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments + [path], in: scratch.path).run()
    return path
  }

  /// A steady stereo tone of amplitude 0.3 with a click at its very beginning.
  func tone(_ name: String, seconds: Double, rate: Int = 44_100, _ encoding: String...) async throws -> String {
    // One expression a channel: letting ffmpeg turn mono into stereo would take 3 dB away.
    let expression = "if(lt(t\\,0.002)\\,0.9\\,0.3*sin(2*PI*440*t))"
    let sound = "aevalsrc=\(expression)|\(expression):d=\(seconds):s=\(rate)"
    return try await ffmpeg(["-f", "lavfi", "-i", sound] + encoding, to: name)
  }

  /// The tone in one of the accepted types, by the file's ending.
  func tone(as type: MediaType, seconds: Double, rate: Int = 44_100) async throws -> String {
    switch type {
    case .mpeg: try await tone("tone.mp3", seconds: seconds, rate: rate, "-c:a", "libmp3lame", "-b:a", "128k")
    case .wav: try await tone("tone.wav", seconds: seconds, rate: rate, "-c:a", "pcm_s16le")
    case .flac: try await tone("tone.flac", seconds: seconds, rate: rate, "-c:a", "flac")
    case .mp4: try await tone("tone.m4a", seconds: seconds, rate: rate, "-c:a", "aac")
    case .aac: try await tone("tone.aac", seconds: seconds, rate: rate, "-c:a", "aac", "-f", "adts")
    }
  }

  /// Samples per channel that ffmpeg, left to choose everything itself, decodes from a file or playlist.
  func decodedSamples(_ path: String, rate: Int) async throws -> Int {
    let arguments = [
      "-v", "error", "-nostdin", "-allowed_extensions", "ALL", "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", String(rate), "-f", "u8",
      "-",
    ]
    let plain = path.hasSuffix(".m3u8") ? arguments : arguments.filter { $0 != "-allowed_extensions" && $0 != "ALL" }
    return try await Subprocess("/usr/bin/ffmpeg", plain, in: scratch.path).reduce(into: 0) { $0 += $1.count }.state
  }
}

/// Numbers that are the same for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
