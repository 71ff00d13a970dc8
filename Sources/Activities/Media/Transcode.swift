import Foundation
import Workflows

/// Makes a track's HTTP Live Streaming output: AAC-LC in two qualities as packed audio, cut into segments, with playlists.
///
/// Each quality is encoded once, in one piece, and then cut between frames: so joins have no gap, a repeated run stores the same bytes under
/// the same keys, and playlists, which make segments reachable, come last.
public struct Transcode: Sendable {
  /// One quality. The default pair is 128 and 64 kbit/s; native AAC of ffmpeg 5.1 has no HE-AAC, so both are AAC-LC.
  public struct Quality: Sendable, Equatable {
    public var name: String
    /// In bits per second.
    public var bitRate: Int

    public init(name: String, bitRate: Int) {
      self.name = name
      self.bitRate = bitRate
    }
  }

  public static let qualities = [Quality(name: "high", bitRate: 128_000), Quality(name: "low", bitRate: 64_000)]
  static let sampleRate = 44_100

  let store: any ObjectStore
  let segmentSeconds: Int
  let limits: SubprocessLimits

  /// - Parameters:
  ///   - segmentSeconds: 1 to 60, default 10.
  ///   - limits: of the encoder.
  public init(store: any ObjectStore, segmentSeconds: Int = 10, limits: SubprocessLimits = SubprocessLimits()) {
    self.store = store
    self.segmentSeconds = min(max(segmentSeconds, 1), 60)
    self.limits = limits
  }

  /// Stores `{folder}/master.m3u8`, `high.m3u8`, `high_000.aac`, ..., `low.m3u8`, `low_000.aac`, ...
  ///
  /// - Parameters:
  ///   - probe: of the same file; its sample count decides the exact length.
  ///   - scratch: an existing folder of this step alone, with room for 24 kB a second of sound.
  ///   - progress: 0 to 1.
  /// - Throws: `SubprocessError`, `TranscodeError` and `ObjectStoreError`, which may be retried.
  public func run(
    _ path: String, as type: MediaType, probe: MediaProbe, into folder: ObjectKey, scratch: String,
    progress: @escaping @Sendable (Double) -> Void
  ) async throws -> StreamingOutput {
    try await encode(MediaSource(path: path, type: type), probe, scratch) { progress($0 * 0.9) }
    let frames = renditionFrames(sourceSamples: probe.decodedSamples, sourceRate: probe.sampleRate, sampleRate: Self.sampleRate)
    var renditions: [Rendition] = []
    for quality in Self.qualities {
      renditions.append(try await package(quality, frames, folder, scratch))
      progress(0.9 + 0.1 * Double(renditions.count) / Double(Self.qualities.count))
    }
    let variants = renditions.map {
      HLSPlaylist.Variant(playlist: $0.name + ".m3u8", bandwidth: $0.bandwidth, averageBandwidth: $0.averageBandwidth)
    }
    let masterKey = try folder.appending("master.m3u8")
    try await store.put(Array(HLSPlaylist.master(variants).utf8), at: masterKey)
    return StreamingOutput(masterKey: masterKey.text, renditions: renditions)
  }

  /// One ffmpeg for all qualities, so that the source is decoded once.
  private func encode(
    _ source: MediaSource, _ probe: MediaProbe, _ scratch: String, _ progress: @escaping @Sendable (Double) -> Void
  ) async throws {
    var arguments = ["-v", "error", "-nostdin", "-y", "-progress", "pipe:1", "-stats_period", "0.2"] + source.input
    for quality in Self.qualities {
      arguments += ["-map", "0:a:0", "-vn", "-map_metadata", "-1", "-ar", String(Self.sampleRate), "-ac", "2"]
      arguments += ["-c:a", "aac", "-b:a", String(quality.bitRate), "-f", "adts", "file:" + Self.encoded(quality, scratch)]
    }
    let total = Double(max(1, probe.durationMilliseconds)) * 1000
    _ = try await Subprocess("/usr/bin/ffmpeg", arguments, in: scratch, limits: limits).reduce(into: ProgressReport()) { report, bytes in
      if let microseconds = report.add(bytes) { progress(min(1, Double(microseconds) / total)) }
    }
  }

  private func package(_ quality: Quality, _ frames: Int, _ folder: ObjectKey, _ scratch: String) async throws -> Rendition {
    let encoded = try await offPool { try ADTSFile(Self.encoded(quality, scratch), sampleRate: Self.sampleRate) }
    guard encoded.frames >= frames - 1 else { throw TranscodeError(quality: quality.name, expectedFrames: frames, frames: encoded.frames) }
    let plan = SegmentPlan(frames: min(frames, encoded.frames), sampleRate: Self.sampleRate, segmentSeconds: segmentSeconds)
    var segments: [HLSSegment] = []
    for range in plan.segments {
      let name = quality.name + String(format: "_%03d.aac", segments.count)
      let bytes = try await offPool { try TimestampTag.make(ticks: plan.ticks(of: range)) + encoded.bytes(of: range) }
      try await store.put(bytes, at: folder.appending(name))
      segments.append(HLSSegment(name: name, duration: plan.duration(of: range), bytes: bytes.count))
    }
    try await store.put(Array(HLSPlaylist.media(segments).utf8), at: folder.appending(quality.name + ".m3u8"))
    return Rendition(
      name: quality.name, nominalBitRate: quality.bitRate, bandwidth: HLSPlaylist.peakBandwidth(segments),
      averageBandwidth: HLSPlaylist.averageBandwidth(segments), segments: segments.count,
      durationMilliseconds: Int((segments.reduce(0) { $0 + $1.duration } * 1000).rounded()), bytes: segments.reduce(0) { $0 + $1.bytes })
  }

  private static func encoded(_ quality: Quality, _ scratch: String) -> String { "\(scratch)/\(quality.name).adts" }
}

/// The encoder ended without an error and yet gave less sound than the source holds.
public struct TranscodeError: Error, Sendable, CustomStringConvertible {
  public let quality: String
  public let expectedFrames: Int
  public let frames: Int

  public var description: String {
    "the \(quality) quality has \(frames) AAC frames instead of \(expectedFrames): the disk may be full or the source changed; run the step again"
  }
}

/// ffmpeg's `-progress` output: lines of `name=value`, arriving in any pieces.
struct ProgressReport: Sendable {
  private var line: [UInt8] = []

  /// The latest output time in microseconds that the piece completes.
  mutating func add(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var latest: Int?
    for byte in bytes {
      if byte != UInt8(ascii: "\n") {
        if line.count < 200 { line.append(byte) }
        continue
      }
      let parts = String(decoding: line, as: UTF8.self).split(separator: "=", maxSplits: 1)
      if parts.first == "out_time_us", let microseconds = parts.last.flatMap({ Int($0) }), microseconds >= 0 { latest = microseconds }
      line.removeAll(keepingCapacity: true)
    }
    return latest
  }
}
