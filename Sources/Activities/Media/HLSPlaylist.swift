import Foundation

/// One segment of a media playlist.
struct HLSSegment: Equatable, Sendable {
  var name: String
  /// In seconds.
  var duration: Double
  /// With its ID3 tag.
  var bytes: Int
}

/// Writes playlists by RFC 8216.
enum HLSPlaylist {
  /// A complete video-on-demand media playlist; version 3 is enough for decimal durations and packed audio (section 7).
  static func media(_ segments: [HLSSegment]) -> String {
    var lines = [
      "#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:\(targetDuration(segments))", "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXT-X-PLAYLIST-TYPE:VOD",
      "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for segment in segments { lines += ["#EXTINF:\(decimal(segment.duration)),", segment.name] }
    lines.append("#EXT-X-ENDLIST")
    return lines.joined(separator: "\n") + "\n"
  }

  /// One variant of a master playlist.
  struct Variant: Equatable, Sendable {
    var playlist: String
    var bandwidth: Int
    var averageBandwidth: Int
  }

  /// A master playlist of AAC-LC variants; the first one listed is what players try first.
  static func master(_ variants: [Variant]) -> String {
    var lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for variant in variants {
      lines.append(
        "#EXT-X-STREAM-INF:BANDWIDTH=\(variant.bandwidth),AVERAGE-BANDWIDTH=\(variant.averageBandwidth),CODECS=\"mp4a.40.2\"")
      lines.append(variant.playlist)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The smallest integer that no rounded segment duration exceeds (section 4.3.3.1), at least 1.
  static func targetDuration(_ segments: [HLSSegment]) -> Int { max(1, segments.map { Int($0.duration.rounded()) }.max() ?? 1) }

  /// The peak segment bit rate (section 4.1): the largest of any contiguous run of segments that lasts 0.5 to 1.5 target durations.
  ///
  /// A playlist too short to hold such a run is measured segment by segment.
  static func peakBandwidth(_ segments: [HLSSegment]) -> Int {
    let target = Double(targetDuration(segments))
    var peak = 0.0
    for start in segments.indices {
      var duration = 0.0
      var bytes = 0
      for segment in segments[start...] {
        duration += segment.duration
        bytes += segment.bytes
        if duration > 1.5 * target { break }
        if duration >= 0.5 * target { peak = max(peak, Double(bytes * 8) / duration) }
      }
    }
    if peak == 0 { peak = segments.map { Double($0.bytes * 8) / $0.duration }.max() ?? 0 }
    return Int(peak.rounded(.up))
  }

  /// All bits over all time (section 4.3.4.2).
  static func averageBandwidth(_ segments: [HLSSegment]) -> Int {
    let duration = segments.reduce(0) { $0 + $1.duration }
    return duration > 0 ? Int((Double(segments.reduce(0) { $0 + $1.bytes } * 8) / duration).rounded(.up)) : 0
  }

  /// Six decimals in the C locale: a microsecond is far below one sample.
  private static func decimal(_ seconds: Double) -> String { String(format: "%.6f", seconds) }
}
