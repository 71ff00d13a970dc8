/// Mono audio as the acoustic model wants it: 16,000 samples a second, 16 bit.
public struct SpeechAudio: Sendable {
  public static let sampleRate = 16_000
  /// Longer audio is refused; it bounds memory (32 kB a second) and the time of recognition.
  public static let maximumSeconds = 1_200

  public let samples: [Int16]

  /// Throws `LyricsFailure` of kind `audioUnusable` above `maximumSeconds`.
  public init(samples: [Int16]) throws(LyricsFailure) {
    guard samples.count <= Self.maximumSeconds * Self.sampleRate else {
      throw LyricsFailure(
        .audioUnusable, "the audio is longer than the \(Self.maximumSeconds) s that are transcribed in one piece")
    }
    self.samples = samples
  }

  /// Samples of two bytes each, as ffmpeg's s16le writes them; a last odd byte is dropped.
  init(littleEndian bytes: [UInt8]) throws(LyricsFailure) {
    let samples = [Int16](unsafeUninitializedCapacity: bytes.count / 2) { buffer, count in
      count = bytes.count / 2
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes.prefix(2 * count))
      for index in 0..<count { buffer[index] = Int16(littleEndian: buffer[index]) }
    }
    try self.init(samples: samples)
  }

  public var durationMilliseconds: Int { samples.count * 1_000 / Self.sampleRate }

  /// Below about -54 dB of full scale there is nothing to hear, though a recognizer made to find words finds some.
  private static let audibleAmplitude: Int16 = 64

  func isAudible(fromMilliseconds start: Int, toMilliseconds end: Int) -> Bool {
    let range = Self.sample(atMilliseconds: start)..<min(Self.sample(atMilliseconds: end), samples.count)
    return samples[range].contains { $0 > Self.audibleAmplitude || $0 < -Self.audibleAmplitude }
  }

  static func sample(atMilliseconds milliseconds: Int) -> Int { milliseconds * sampleRate / 1_000 }
}
