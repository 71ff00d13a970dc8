/// The formats that jobs write.
enum AudioFormat: String, CaseIterable, Codable, Sendable {
  case mp3, wav, flac, m4a

  var mediaType: MediaType {
    switch self {
    case .mp3: .mpeg
    case .wav: .wav
    case .flac: .flac
    case .m4a: .mp4
    }
  }

  var isLossy: Bool { self == .mp3 || self == .m4a }

  /// ffmpeg's muxer and encoder.
  fileprivate var output: [String] {
    switch self {
    case .mp3: ["-c:a", "libmp3lame", "-f", "mp3"]
    case .wav: ["-c:a", "pcm_s16le", "-f", "wav"]
    case .flac: ["-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"]
    case .m4a: ["-c:a", "aac", "-movflags", "+faststart", "-f", "ipod"]
    }
  }
}

/// How a job's result is encoded.
struct AudioEncoding: Codable, Sendable, Equatable {
  static let bitRates = 32_000...320_000
  static let sampleRates = 8_000...192_000
  /// The rates that every player of compressed sound takes.
  static let lossySampleRates = [32_000, 44_100, 48_000]

  var format: AudioFormat
  /// In bits per second; nil where nothing is lost.
  var bitRate: Int?
  /// In hertz; nil keeps that of the input.
  var sampleRate: Int?

  /// Reads `format`, `bitRate` and `sampleRate`.
  /// - Parameter standard: the format when none is named; nil when one must be.
  init(_ parameters: inout JobParameters, default standard: AudioFormat?) throws(JobParameterError) {
    format = try parameters.choice("format", default: standard)
    bitRate = try parameters.integer("bitRate", in: Self.bitRates)
    sampleRate = try parameters.integer("sampleRate", in: Self.sampleRates)
    if bitRate != nil, !format.isLossy {
      throw JobParameterError(name: "bitRate", reason: "is for mp3 and m4a: nothing is lost in \(format)")
    }
    if let sampleRate, format.isLossy, !Self.lossySampleRates.contains(sampleRate) {
      throw JobParameterError(
        name: "sampleRate", reason: "must be one of \(Self.lossySampleRates.map(String.init).joined(separator: ", "))")
    }
    if format.isLossy { bitRate = bitRate ?? 192_000 }
  }

  /// ffmpeg's arguments behind the input. What has more than two channels becomes stereo.
  /// - Parameters:
  ///   - filter: of ffmpeg, before the sound is brought to its final form; nil for none.
  ///   - rate: of the input, in hertz.
  func arguments(filter: String?, inputRate rate: Int, to path: String) -> [String] {
    let channels = "aformat=channel_layouts=mono|stereo"
    var arguments = ["-af", filter.map { "\($0),\(channels)" } ?? channels, "-ar", String(sampleRate ?? kept(rate))]
    if let bitRate { arguments += ["-b:a", String(bitRate)] }
    return arguments + format.output + ["file:" + path]
  }

  /// The input's rate, or the nearest that the format takes.
  private func kept(_ rate: Int) -> Int {
    guard format.isLossy else { return min(max(rate, Self.sampleRates.lowerBound), Self.sampleRates.upperBound) }
    if Self.lossySampleRates.contains(rate) { return rate }
    return rate % 11_025 == 0 ? 44_100 : 48_000
  }
}
