import Foundation
import Workflows

/// ffprobe's JSON, as far as it is needed. Everything in it comes from an untrusted file: numbers are strings, may be missing, absurd or "N/A".
struct ProbeReport: Decodable {
  struct Stream: Decodable {
    var codecType: String?
    var codecName: String?
    var sampleRate: String?
    var channels: Int?
    var duration: String?
    var bitRate: String?
    var disposition: [String: Int]?
    var tags: [String: String]?

    var isPicture: Bool { disposition?["attached_pic"] == 1 }
  }
  struct Format: Decodable {
    var duration: String?
    var bitRate: String?
    var tags: [String: String]?
  }

  var streams: [Stream]?
  var format: Format?

  /// - Throws: `MediaError.unreadable` when it is not the JSON of ffprobe.
  static func decode(_ json: [UInt8]) throws(MediaError) -> ProbeReport {
    // Through String, because tags can hold invalid UTF-8 and one bad byte must not refuse a song.
    let data = Data(String(decoding: json, as: UTF8.self).utf8)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { return try decoder.decode(ProbeReport.self, from: data) } catch {
      throw MediaError(.unreadable, "the file's description could not be read; export the track again")
    }
  }

  /// What the container says about its only audio stream.
  struct Claim: Equatable {
    var codec: String
    var sampleRate: Int
    var channels: Int
    var bitRate: Int
    /// In seconds; nil when the container does not say.
    var duration: Double?
    var tags: MediaTags
  }

  /// - Throws: `MediaError`: `containsVideo`, `noAudio`, `severalAudioStreams`, or `unreadable` for values no player could play.
  func claim() throws(MediaError) -> Claim {
    let streams = streams ?? []
    guard !streams.contains(where: { $0.codecType == "video" && !$0.isPicture }) else {
      throw MediaError(.containsVideo, "the file is a video; upload the sound alone")
    }
    let audio = streams.filter { $0.codecType == "audio" }
    guard let stream = audio.first else { throw MediaError(.noAudio, "there is no sound in the file") }
    guard audio.count == 1 else {
      throw MediaError(.severalAudioStreams, "the file holds \(audio.count) sound tracks; upload a file with exactly one")
    }
    guard let codec = stream.codecName, codec != "unknown", let rate = stream.sampleRate.flatMap(Int.init),
      let channels = stream.channels,
      (4_000...768_000).contains(rate), (1...64).contains(channels)
    else {
      throw MediaError(.unreadable, "the file's sound format is unknown or makes no sense; export the track again")
    }
    return Claim(
      codec: String(codec.prefix(40)), sampleRate: rate, channels: channels,
      bitRate: Self.bitRate(stream.bitRate) ?? Self.bitRate(format?.bitRate) ?? 0,
      duration: Self.seconds(stream.duration) ?? Self.seconds(format?.duration),
      tags: Self.tags(format?.tags ?? [:], stream.tags ?? [:]))
  }

  private static func bitRate(_ text: String?) -> Int? { text.flatMap(Int.init).flatMap { (1...1_000_000_000).contains($0) ? $0 : nil } }

  private static func seconds(_ text: String?) -> Double? {
    text.flatMap(Double.init).flatMap { $0.isFinite && $0 > 0 && $0 < 1e7 ? $0 : nil }
  }

  /// Tag names differ in letter case between containers, and some put tags on the stream instead of the file.
  private static func tags(_ ofFormat: [String: String], _ ofStream: [String: String]) -> MediaTags {
    func find(_ name: String) -> String? {
      for tags in [ofFormat, ofStream] {
        let names = tags.keys.filter { $0.lowercased() == name }.sorted()
        if let text = names.lazy.compactMap({ bounded(tags[$0]) }).first { return text }
      }
      return nil
    }
    let language = find("language").flatMap { $0 == "und" ? nil : $0 }
    return MediaTags(title: find("title"), artist: find("artist"), album: find("album"), language: language)
  }

  /// At most 500 characters without control characters or text-direction tricks; nil when nothing is left.
  private static func bounded(_ text: String?) -> String? {
    guard let text else { return nil }
    let hidden: Set<Unicode.GeneralCategory> = [.control, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator]
    let isolates = UnicodeScalar(0x202A)!...UnicodeScalar(0x202E)!  // both are Unicode scalar values
    let marks = UnicodeScalar(0x2066)!...UnicodeScalar(0x2069)!
    var clean = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(2000)
    where !hidden.contains(scalar.properties.generalCategory) && !isolates.contains(scalar) && !marks.contains(scalar) {
      clean.append(scalar)
    }
    let trimmed = String(String(clean).trimmingCharacters(in: .whitespaces).prefix(500))
    return trimmed.isEmpty ? nil : trimmed
  }
}
