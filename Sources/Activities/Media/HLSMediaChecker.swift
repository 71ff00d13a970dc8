/// Checks one media playlist and the packed audio segments that it names.
struct HLSMediaChecker {
  let file: String
  private(set) var violations: [HLSViolation] = []
  /// What the segments really are, in order; compared with the master playlist.
  private(set) var segments: [HLSSegment] = []
  private(set) var targetDuration = 0
  private(set) var objectTypes: Set<Int> = []
  /// Of the first segment; a variant's timeline begins here.
  private(set) var firstTimestamp: UInt64?
  private var sampleRates: Set<Int> = []
  private var elapsed = 0.0

  /// Tags that only a master playlist may hold (section 4.3.4).
  static let masterTags: Set<String> = [
    "EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY",
  ]
  private static let onlyOnce = [
    "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE", "EXT-X-INDEPENDENT-SEGMENTS",
  ]

  init(file: String, read: (String) -> [UInt8]?) {
    self.file = file
    guard let bytes = read(file) else {
      report("6.2.1", "cannot be read")
      return
    }
    let playlist = HLSLines(bytes, file: file)
    violations = playlist.violations
    checkHeader(playlist)
    for (name, duration) in listed(playlist) { check(segment: name, duration, read) }
    if segments.isEmpty { report("4.3.2.1", "has no segments") }
    if sampleRates.count > 1 || objectTypes.count > 1 { report("6.2.4", "the sample rate or codec changes without a discontinuity") }
  }

  private mutating func report(_ section: String, _ problem: String) {
    violations.append(HLSViolation(file: file, section: section, problem: problem))
  }

  private mutating func checkHeader(_ playlist: HLSLines) {
    for tag in Self.onlyOnce where playlist.values(tag).count > 1 { report("4.3.1", "\(tag) appears more than once") }
    for tag in Self.masterTags where !playlist.values(tag).isEmpty { report("4.1", "\(tag) belongs in a master playlist") }
    let version = playlist.values("EXT-X-VERSION").first.flatMap(HLSNumber.integer) ?? 1
    if version < 3, playlist.values("EXTINF").contains(where: { $0.prefix { $0 != "," }.contains(".") }) {
      report("7", "decimal durations need version 3")
    }
    if let target = playlist.values("EXT-X-TARGETDURATION").first.flatMap(HLSNumber.integer) {
      targetDuration = target
    } else {
      report("4.3.3.1", "EXT-X-TARGETDURATION is missing or no integer")
    }
    if playlist.values("EXT-X-PLAYLIST-TYPE").first.map({ $0 != "VOD" && $0 != "EVENT" }) == true {
      report("4.3.3.5", "the type is unknown")
    }
    if playlist.values("EXT-X-ENDLIST").isEmpty { report("4.3.3.4", "a complete playlist needs EXT-X-ENDLIST") }
    if let first = playlist.lines.firstIndex(where: { if case .uri = $0 { true } else { false } }),
      playlist.lines[first...].contains(where: { if case .tag("EXT-X-MEDIA-SEQUENCE", _) = $0 { true } else { false } })
    {
      report("4.3.3.2", "EXT-X-MEDIA-SEQUENCE comes after a segment")
    }
  }

  /// Segment names with their EXTINF durations.
  private mutating func listed(_ playlist: HLSLines) -> [(String, Double)] {
    var result: [(String, Double)] = []
    var duration: Double?
    for line in playlist.lines {
      switch line {
      case .tag("EXTINF", let value):
        if duration != nil { report("4.3.2.1", "an EXTINF has no segment") }
        duration = value.contains(",") ? HLSNumber.decimal(String(value.prefix { $0 != "," })) : nil
        if duration == nil { report("4.3.2.1", "EXTINF is malformed: \(value.prefix(50))") }
      case .uri(let name):
        guard let known = duration else {
          report("4.3.2.1", "the segment \(name.prefix(100)) has no EXTINF")
          continue
        }
        if known.rounded() > Double(targetDuration) {
          report("4.3.3.1", "\(name) lasts \(known) s, more than the target of \(targetDuration) s")
        }
        result.append((name, known))
        duration = nil
      case .tag: continue
      }
    }
    if duration != nil { report("4.3.2.1", "an EXTINF has no segment") }
    return result
  }

  private mutating func check(segment name: String, _ duration: Double, _ read: (String) -> [UInt8]?) {
    guard let bytes = read(name) else { return report("6.2.1", "the segment \(name.prefix(100)) cannot be read") }
    guard let ticks = TimestampTag.ticks(in: bytes[...]) else { return report("3.4", "\(name) does not begin with the ID3 timestamp") }
    if ticks >> 33 != 0 { report("3.4", "\(name): the upper 31 bits of the timestamp are not zero") }
    if firstTimestamp == nil { firstTimestamp = ticks }
    let frames: [ADTSFrame]
    do { frames = try ADTSFrame.frames(of: bytes.dropFirst(TimestampTag.bytes)) } catch { return report("3.4", "\(name), \(error)") }
    guard let rate = frames.first?.sampleRate else { return report("3.4", "\(name) holds no sound") }
    for frame in frames {
      sampleRates.insert(frame.sampleRate)
      objectTypes.insert(frame.objectType)
    }
    let decoded = Double(frames.count * ADTSFrame.samples) / Double(rate)
    if abs(decoded - duration) > 0.001 { report("4.3.2.1", "\(name) lasts \(decoded) s, but EXTINF says \(duration)") }
    checkTimestamp(name, ticks)
    elapsed += decoded
    segments.append(HLSSegment(name: name, duration: decoded, bytes: bytes.count))
  }

  /// Each segment begins where the one before it ended, to one tick, over the wrap of 33 bits.
  private mutating func checkTimestamp(_ name: String, _ ticks: UInt64) {
    guard let firstTimestamp else { return }
    let expected = firstTimestamp &+ UInt64((elapsed * Double(TimestampTag.clockRate)).rounded())
    let difference = (ticks &- expected) & 0x1_FFFF_FFFF
    if min(difference, 0x2_0000_0000 - difference) > 1 {
      report("3.4", "\(name) begins at tick \(ticks), not at \(expected & 0x1_FFFF_FFFF)")
    }
  }
}
