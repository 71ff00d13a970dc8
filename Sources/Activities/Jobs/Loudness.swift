import Orchestrator

/// Brings a sound to a loudness by EBU R 128: measured in one pass, changed by one gain in the second wherever its peaks allow it.
struct Loudness: LocalJob {
  static let name = "loudness"

  /// What streaming services play at.
  private static let standardLoudness = -14.0

  /// Integrated loudness, in LUFS.
  let integratedLoudness: Double
  /// The most that a true peak may have, in dBTP.
  let truePeak: Double
  /// In LU. Sound with a greater range keeps its own.
  let loudnessRange: Double
  let encoding: AudioEncoding

  /// What is stored with the version.
  struct Metadata: Codable, Equatable {
    struct Target: Codable, Equatable {
      let integratedLoudness: Double
      let truePeak: Double
      let loudnessRange: Double
    }

    let target: Target
    /// Nil when nothing could be measured: the sound is silent.
    let input: LoudnessReport.Measurement?
    let output: LoudnessReport.Measurement?
    /// linear: one gain; dynamic: peaks had to be held down; none: silence stays silence.
    let normalization: String
    let encoding: AudioEncoding
  }

  init(_ parameters: inout JobParameters) throws(JobParameterError) {
    integratedLoudness = try parameters.number("integratedLoudness", in: -70 ... -5, default: Self.standardLoudness)
    truePeak = try parameters.number("truePeak", in: -9...0, default: -1)
    loudnessRange = try parameters.number("loudnessRange", in: 1...20, default: 11)
    encoding = try AudioEncoding(&parameters, default: .flac)
  }

  func run(_ tool: AudioTool, progress: @escaping StageProgress.Callback) async throws -> LocalResult {
    let target = "I=\(integratedLoudness):TP=\(truePeak)"
    let first = try await tool.run(
      ["-af", "loudnorm=\(target):LRA=\(loudnessRange):print_format=json", "-f", "null", "pipe:1"], progress: { progress($0 * 0.4) })
    let measured = try LoudnessReport(first.standardErrorTail)
    guard let input = measured.input else {
      let (path, _) = try await tool.encode(encoding) { progress(0.4 + $0 * 0.5) }
      return try result(path, input: nil, output: nil, normalization: "none")
    }
    // One gain for all is possible only if the range is not asked to shrink; a measured range of 0 counts as not measured.
    let range = max(loudnessRange, min(input.loudnessRange, 50))
    let measuredRange = max(input.loudnessRange, 0.1)
    let filter =
      "loudnorm=\(target):LRA=\(range):measured_I=\(input.integratedLoudness):measured_TP=\(input.truePeak)"
      + ":measured_LRA=\(measuredRange):measured_thresh=\(measured.threshold):offset=\(measured.targetOffset):linear=true"
      + ":print_format=json"
    let (path, second) = try await tool.encode(encoding, filter: filter) { progress(0.4 + $0 * 0.5) }
    let changed = try LoudnessReport(second.standardErrorTail)
    return try result(path, input: input, output: changed.output, normalization: changed.normalization)
  }

  private func result(
    _ path: String, input: LoudnessReport.Measurement?, output: LoudnessReport.Measurement?, normalization: String
  ) throws -> LocalResult {
    let target = Metadata.Target(integratedLoudness: integratedLoudness, truePeak: truePeak, loudnessRange: loudnessRange)
    let metadata = Metadata(target: target, input: input, output: output, normalization: normalization, encoding: encoding)
    return LocalResult(
      kind: "enhanced", path: path, mediaType: encoding.format.mediaType, metadata: try PayloadCodec.encode(["loudness": metadata]))
  }
}
