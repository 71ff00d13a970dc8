import Foundation

@testable import Activities

/// Sound files, playlists, and what ffprobe says of a stranger's file.
enum MediaTargets {
  static let all = [
    FuzzTarget(name: "packed-audio", check: packedAudio),
    FuzzTarget(name: "playlist", check: playlist),
    FuzzTarget(name: "wave-header", check: waveHeader),
    FuzzTarget(name: "probe-report", check: probeReport),
  ]

  @Sendable private static func packedAudio(_ bytes: [UInt8]) throws {
    let stream = bytes.dropFirst(bytes.first.map { Int($0 & 7) } ?? 0)
    if let frames = try taken(unless: PackedAudioError.self, { try ADTSFrame.frames(of: stream) }) {
      try must(frames.reduce(0) { $0 + $1.length } == stream.count, "frames cover the stream without a gap")
      try must(frames.allSatisfy { $0.sampleRate > 0 && (0...7).contains($0.channels) }, "a frame says what it holds")
      guard let rate = frames.first?.sampleRate else { return }
      let plan = SegmentPlan(frames: frames.count, sampleRate: rate, segmentSeconds: 6)
      try must(plan.segments.reduce(0) { $0 == $1.lowerBound ? $1.upperBound : -1 } == frames.count, "segments cover all frames in order")
    }
    _ = TimestampTag.ticks(in: stream)
    var input = FuzzInput(bytes)
    let ticks = Int(input.integer(UInt64.self) & 0x1_FFFF_FFFF)
    try must(TimestampTag.ticks(in: TimestampTag.make(ticks: ticks)[...]) == UInt64(ticks), "a time in a tag is read as it was written")
  }

  /// The master playlist, the media playlist and a segment, between lines of `----`.
  @Sendable private static func playlist(_ bytes: [UInt8]) throws {
    let parts = cut(bytes, at: Array("\n----\n".utf8))
    let violations = HLSChecker.check(master: "master.m3u8") { name in
      if name == "master.m3u8" { return parts[0] }
      if name.hasSuffix(".m3u8") { return parts.count > 1 ? parts[1] : nil }
      return parts.count > 2 ? TimestampTag.make(ticks: 0) + parts[2] : nil
    }
    let lines = HLSLines(parts[0], file: "master.m3u8")
    try must(!violations.isEmpty || !lines.values("EXT-X-STREAM-INF").isEmpty, "a presentation without a variant is refused")
    for value in lines.values("EXT-X-STREAM-INF") { _ = HLSAttributes(value)?.integer("BANDWIDTH") }
  }

  private static func cut(_ bytes: [UInt8], at separator: [UInt8]) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var rest = bytes[...]
    while let place = rest.firstRange(of: separator), parts.count < 2 {
      parts.append(Array(rest[..<place.lowerBound]))
      rest = rest[place.upperBound...]
    }
    return parts + [Array(rest)]
  }

  @Sendable private static func waveHeader(_ bytes: [UInt8]) throws {
    guard let header = WaveHeader(bytes) else { return }
    try must(header.dataOffset <= bytes.count, "the samples begin within what was read")
    let sample = bytes[header.dataOffset...]
    guard try taken(unless: MediaError.self, { try header.check(fileBytes: bytes.count, sample: sample) }) != nil else { return }
    try must(header.dataOffset + (header.dataBytes ?? 0) <= bytes.count, "what is promised is there")
  }

  @Sendable private static func probeReport(_ bytes: [UInt8]) throws {
    guard let report = try taken(unless: MediaError.self, { try ProbeReport.decode(bytes) }),
      let claim = try taken(unless: MediaError.self, { try report.claim() })
    else { return }
    try must((4_000...768_000).contains(claim.sampleRate) && (1...64).contains(claim.channels), "a sound can be played")
    try must(claim.duration.map { $0.isFinite && $0 > 0 } ?? true && claim.bitRate >= 0, "a length can be computed with")
    for text in [claim.tags.title, claim.tags.artist, claim.tags.album, claim.tags.language].compactMap(\.self) {
      try must((1...500).contains(text.count), "a tag is bounded")
      try must(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "a tag holds no control character")
    }
  }
}
