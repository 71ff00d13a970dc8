/// A strict check of a complete on-demand presentation of packed AAC: both kinds of playlists and every byte of every segment.
///
/// It shares no code with the writer but the reading of ADTS and ID3, which ffmpeg and a second parser check in the tests.
public enum HLSChecker {
  /// - Parameters:
  ///   - master: name of the master playlist.
  ///   - read: the bytes behind a name as playlists write it, relative to the master; nil when there is nothing.
  /// - Returns: every violation found; empty when all is well.
  public static func check(master: String, read: (String) -> [UInt8]?) -> [HLSViolation] {
    var violations: [HLSViolation] = []
    func report(_ section: String, _ problem: String) { violations.append(HLSViolation(file: master, section: section, problem: problem)) }

    guard let bytes = read(master) else { return [HLSViolation(file: master, section: "6.2.1", problem: "cannot be read")] }
    let playlist = HLSLines(bytes, file: master)
    violations += playlist.violations
    for case .tag(let name, _) in playlist.lines where mediaTags.contains(name) { report("4.1", "\(name) belongs in a media playlist") }
    let variants = variants(playlist, report)
    if variants.isEmpty { report("4.3.4.2", "has no variant") }
    let checked = variants.map { variant in
      let media = HLSMediaChecker(file: variant.uri, read: read)
      violations += media.violations
      compare(variant.attributes, media, report)
      return media
    }
    checkTimelines(checked, report)
    return violations
  }

  private static let mediaTags: Set<String> = [
    "EXTINF", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE", "EXT-X-KEY", "EXT-X-MAP",
    "EXT-X-BYTERANGE",
    "EXT-X-DISCONTINUITY",
  ]

  private static func variants(_ playlist: HLSLines, _ report: (String, String) -> Void) -> [(uri: String, attributes: HLSAttributes)] {
    var result: [(String, HLSAttributes)] = []
    var pending: HLSAttributes?
    for line in playlist.lines {
      switch (line, pending) {
      case (.tag("EXT-X-STREAM-INF", let value), nil):
        pending = HLSAttributes(value)
        if pending == nil { report("4.2", "malformed attributes: \(value.prefix(100))") }
      case (.uri(let uri), let attributes?):
        result.append((uri, attributes))
        pending = nil
      case (.uri(let uri), nil): report("4.3.4.2", "\(uri.prefix(100)) has no EXT-X-STREAM-INF")
      case (_, .some): report("4.3.4.2", "EXT-X-STREAM-INF is not followed by its playlist")
      case (.tag, nil): continue
      }
    }
    if pending != nil { report("4.3.4.2", "the last EXT-X-STREAM-INF has no playlist") }
    return result
  }

  /// What the master playlist says of a variant against what its segments are.
  private static func compare(_ attributes: HLSAttributes, _ media: HLSMediaChecker, _ report: (String, String) -> Void) {
    let peak = peakBitRate(media.segments, target: Double(media.targetDuration))
    let seconds = media.segments.reduce(0) { $0 + $1.duration }
    guard seconds > 0 else { return }
    if let bandwidth = attributes.integer("BANDWIDTH") {
      if Double(bandwidth) < peak || Double(bandwidth) > peak * 1.01 + 1 {
        report("4.3.4.2", "\(media.file): BANDWIDTH is \(bandwidth), the peak is \(Int(peak))")
      }
    } else {
      report("4.3.4.2", "\(media.file): BANDWIDTH is missing")
    }
    let average = Double(media.segments.reduce(0) { $0 + $1.bytes } * 8) / seconds
    if let stated = attributes.integer("AVERAGE-BANDWIDTH"), abs(Double(stated) - average) > average * 0.01 + 1 {
      report("4.3.4.2", "\(media.file): AVERAGE-BANDWIDTH is \(stated), the average is \(Int(average))")
    }
    let codecs = attributes.quoted("CODECS")?.split(separator: ",").map { $0.trimmingPrefix(" ") } ?? []
    for type in media.objectTypes where !codecs.contains("mp4a.40.\(type)") {
      report("4.3.4.2", "\(media.file): CODECS does not name mp4a.40.\(type)")
    }
  }

  /// The largest bit rate of a run of segments lasting 0.5 to 1.5 target durations (section 4.1), by prefix sums.
  private static func peakBitRate(_ segments: [HLSSegment], target: Double) -> Double {
    var times = [0.0]
    var bits = [0]
    for segment in segments {
      times.append(times[times.count - 1] + segment.duration)
      bits.append(bits[bits.count - 1] + segment.bytes * 8)
    }
    var peak = 0.0
    for end in times.indices.dropFirst() {
      var start = end - 1
      while start >= 0 {
        let length = times[end] - times[start]
        if length > target * 1.5 { break }
        if length >= target * 0.5 { peak = max(peak, Double(bits[end] - bits[start]) / length) }
        start -= 1
      }
    }
    return peak > 0 ? peak : segments.map { Double($0.bytes * 8) / $0.duration }.max() ?? 0
  }

  /// Variants carry the same content on the same timeline (section 6.2.4).
  private static func checkTimelines(_ variants: [HLSMediaChecker], _ report: (String, String) -> Void) {
    guard let first = variants.first else { return }
    for other in variants.dropFirst() {
      if other.firstTimestamp != first.firstTimestamp { report("6.2.4", "\(other.file) does not begin at the same time as \(first.file)") }
      if other.targetDuration != first.targetDuration { report("6.2.4", "\(other.file) has another target duration than \(first.file)") }
      let difference = other.segments.reduce(0) { $0 + $1.duration } - first.segments.reduce(0) { $0 + $1.duration }
      if abs(difference) > 0.1 { report("6.2.4", "\(other.file) and \(first.file) differ by \(difference) s in length") }
    }
  }
}
