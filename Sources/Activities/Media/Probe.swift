import Foundation
import Workflows

/// What a track may be at most and must be at least.
public struct ProbeLimits: Sendable {
  /// Default 500 ms: shorter "songs" are broken exports.
  public var minimumDuration: Duration = .milliseconds(500)
  /// Default 4 hours. It also bounds what a small file of compressed silence can make the tools do.
  public var maximumDuration: Duration = .seconds(4 * 3600)
  /// Of the tools, in seconds of processor time. Default 300.
  public var processorSeconds = 300
  /// Default 10 minutes.
  public var wallTime: Duration = .seconds(600)

  public init() {}
}

/// Finds out whether a file is really the sound it says it is: content type, one sound stream, and a complete trial decode.
public struct Probe: Sendable {
  let limits: ProbeLimits

  public init(limits: ProbeLimits = ProbeLimits()) { self.limits = limits }

  /// - Parameters:
  ///   - path: absolute path of the file.
  ///   - scratch: an existing folder for the tools to work in.
  ///   - progress: 0 to 1 over the trial decode.
  /// - Throws: `MediaError` when the file is refused (final), `SubprocessError` when a tool failed (may be retried).
  public func run(_ path: String, as type: MediaType, in scratch: String, progress: @escaping @Sendable (Double) -> Void) async throws
    -> MediaProbe
  {
    try await offPool {
      try type.requireContent(of: path)
      if type == .wav { try checkWaveHeader(path) }
    }
    let source = MediaSource(path: path, type: type)
    let claim = try await describe(source, scratch)
    let samples = try await decode(source, claim, scratch, progress)
    try checkLength(samples, claim)
    return MediaProbe(
      durationMilliseconds: Int((Double(samples) * 1000 / Double(claim.sampleRate)).rounded()), decodedSamples: samples,
      bitRate: claim.bitRate,
      format: type.format, codec: claim.codec, sampleRate: claim.sampleRate, channels: claim.channels, tags: claim.tags)
  }

  private func checkWaveHeader(_ path: String) throws {
    let file = try FileHandle(forReadingFrom: URL(filePath: path))
    defer { try? file.close() }
    let fileBytes = Int(try file.seekToEnd())
    try file.seek(toOffset: 0)
    let beginning = [UInt8](try file.read(upToCount: WaveHeader.searchLimit) ?? Data())
    guard let header = WaveHeader(beginning) else {
      throw MediaError(.unreadable, "the WAV file has no sound data; export the track again")
    }
    try header.check(fileBytes: fileBytes, sample: beginning.dropFirst(header.dataOffset).prefix(4096))
  }

  /// What the container says; nothing of it is proved.
  func describe(_ source: MediaSource, _ scratch: String) async throws -> ProbeReport.Claim {
    var limits = toolLimits
    limits.outputBytes = 8 << 20
    let arguments = ["-v", "warning", "-print_format", "json", "-show_format", "-show_streams"] + source.input
    do {
      let (json, usage) = try await Subprocess("/usr/bin/ffprobe", arguments, in: scratch, limits: limits).output()
      var claim = try ProbeReport.decode(json).claim()
      // Raw AAC and MP3 without a Xing header have no length of their own: a guess from the first frames' bit rate is no promise to hold a file to.
      if usage.standardErrorTail.contains("Estimating duration from bitrate") { claim.duration = nil }
      return claim
    } catch let error as SubprocessError {
      throw refusal(error)
    }
  }

  /// Decodes everything at the file's own rate and counts samples: the only true length of an MP3 without a Xing header.
  ///
  /// A few bad frames are normal in files of the wild (tags in odd places, a cut last frame), so 2 % may fail; ffmpeg's default is two thirds.
  private func decode(
    _ source: MediaSource, _ claim: ProbeReport.Claim, _ scratch: String, _ progress: @escaping @Sendable (Double) -> Void
  ) async throws -> Int {
    let most = Int(limits.maximumDuration / .seconds(1)) + 1
    let arguments =
      ["-v", "error", "-nostdin", "-threads", "1", "-max_error_rate", "0.02"] + source.input
      + ["-map", "0:a:0", "-vn", "-t", String(most), "-ac", "1", "-ar", String(claim.sampleRate), "-c:a", "pcm_u8", "-f", "u8", "pipe:1"]
    let expected = max(1, (claim.duration ?? 60) * Double(claim.sampleRate))
    do {
      return try await Subprocess("/usr/bin/ffmpeg", arguments, in: scratch, limits: toolLimits).reduce(into: 0) { samples, bytes in
        samples += bytes.count
        progress(min(1, Double(samples) / expected))
      }.state
    } catch let error as SubprocessError {
      throw refusal(error)
    }
  }

  private var toolLimits: SubprocessLimits {
    var tool = SubprocessLimits()
    tool.processorSeconds = limits.processorSeconds
    tool.wallTime = limits.wallTime
    return tool
  }

  private func checkLength(_ samples: Int, _ claim: ProbeReport.Claim) throws(MediaError) {
    let seconds = Double(samples) / Double(claim.sampleRate)
    guard samples > 0 else { throw MediaError(.damaged, "no sound could be decoded from the file; export the track again") }
    guard seconds <= limits.maximumDuration / .seconds(1) else {
      throw MediaError(
        .tooLong, "the track is longer than \(Int(limits.maximumDuration / .seconds(60))) minutes, the most that is accepted")
    }
    // A container that knows its length and gives clearly less was cut off.
    if let claimed = claim.duration, seconds < claimed * 0.95 - 0.5 {
      throw MediaError(
        .truncated,
        "the file ends too early: it promises \(Self.text(claimed)) s of sound and holds \(Self.text(seconds)) s; upload it again")
    }
    guard seconds >= limits.minimumDuration / .seconds(1) else {
      throw MediaError(
        .tooShort,
        "the track is only \(Self.text(seconds)) s long; at least \(Self.text(limits.minimumDuration / .seconds(1))) s are needed")
    }
  }

  private static func text(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

  /// ffmpeg and ffprobe exit with a status when the input is bad; everything else is the tool's or this machine's trouble and stays as it is.
  private func refusal(_ error: SubprocessError) -> any Error {
    switch error.code {
    case .exited where !error.standardErrorTail.contains("Cannot allocate memory") && !error.reason.hasSuffix("status 127"):
      let words = error.standardErrorTail.split(separator: "\n").last.map { " (\($0.prefix(200)))" } ?? ""
      return MediaError(.damaged, "the file is damaged or not what it says it is\(words); export the track again")
    case .processorTimeExceeded, .outputTooLarge:
      return MediaError(.tooComplex, "the file takes too long to decode; export the track again in a usual format")
    default: return error
    }
  }
}

/// An input file with its forced demuxer.
struct MediaSource: Sendable {
  let path: String
  let type: MediaType

  /// ffmpeg's input arguments. `file:` keeps odd names from being taken as a protocol or an option; the whitelist keeps playlists inside files from opening URLs.
  var input: [String] { ["-protocol_whitelist", "file,pipe", "-f", type.demuxer, "-i", "file:" + path] }
}
