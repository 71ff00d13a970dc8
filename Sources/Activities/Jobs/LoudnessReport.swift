import Foundation

/// What ffmpeg's filter `loudnorm` prints at its end: numbers as texts, "-inf" where there was nothing to measure.
struct LoudnessReport: Equatable {
  struct Measurement: Codable, Equatable {
    /// In LUFS.
    var integratedLoudness: Double
    /// In dBTP.
    var truePeak: Double
    /// In LU.
    var loudnessRange: Double
  }

  /// Nil for silence, and for what is too short to be measured.
  let input: Measurement?
  let output: Measurement?
  /// In LUFS: quieter parts did not count.
  let threshold: Double
  /// In LU.
  let targetOffset: Double
  /// linear or dynamic.
  let normalization: String

  /// - Parameter text: the end of ffmpeg's standard error.
  /// - Throws: `LoudnessReportError` when there is no report in it.
  init(_ text: String) throws(LoudnessReportError) {
    // The report holds no other braces, and is the last thing with any.
    guard let start = text.lastIndex(of: "{"), let end = text[start...].firstIndex(of: "}"),
      let values = try? JSONDecoder().decode([String: String].self, from: Data(text[start...end].utf8))
    else { throw LoudnessReportError() }
    func number(_ name: String) -> Double? {
      values[name].flatMap { Double($0.trimmingCharacters(in: .whitespaces)) }.flatMap { $0.isFinite && abs($0) < 99 ? $0 : nil }
    }
    func measurement(_ place: String) -> Measurement? {
      guard let loudness = number("\(place)_i"), let peak = number("\(place)_tp"), loudness > -70, loudness <= 0 else { return nil }
      return Measurement(integratedLoudness: loudness, truePeak: peak, loudnessRange: number("\(place)_lra") ?? 0)
    }
    input = measurement("input")
    output = measurement("output")
    threshold = number("input_thresh") ?? -70
    targetOffset = number("target_offset") ?? 0
    normalization = values["normalization_type"] == "linear" ? "linear" : "dynamic"
  }
}

/// ffmpeg ended without saying how loud the sound is.
struct LoudnessReportError: Error, CustomStringConvertible {
  var description: String { "ffmpeg's loudnorm printed no measurement: its version may be another one; run the step again" }
}
