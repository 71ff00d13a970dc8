import CMagic
import Glibc

/// The audio types that may be uploaded, by their registered names.
public enum MediaType: String, Sendable, Codable, CaseIterable {
  case mpeg = "audio/mpeg"
  case wav = "audio/wav"
  case flac = "audio/flac"
  case mp4 = "audio/mp4"
  case aac = "audio/aac"

  /// Accepts the registered name, the usual other names, any letter case, and parameters after a semicolon.
  ///
  /// - Throws: `MediaError.unsupportedType` with the list of what is accepted.
  public init(declared: String) throws(MediaError) {
    let name = declared.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
    guard let type = Self.allCases.first(where: { $0.rawValue == name || $0.otherNames.contains(name) }) else {
      let accepted = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw MediaError(.unsupportedType, "the type \"\(declared.prefix(100))\" is not accepted; send one of \(accepted)")
    }
    self = type
  }

  /// The short name of the container: mp3, wav, flac, mp4 or aac.
  public var format: String {
    switch self {
    case .mpeg: "mp3"
    case .wav: "wav"
    case .flac: "flac"
    case .mp4: "mp4"
    case .aac: "aac"
    }
  }

  /// ffmpeg's demuxer for this type. It is always forced, so that content can never choose another of ffmpeg's hundreds of parsers.
  var demuxer: String { self == .mp4 ? "mov" : format }

  private var otherNames: Set<String> {
    switch self {
    case .mpeg: ["audio/mp3", "audio/x-mp3", "audio/x-mpeg", "audio/mpeg3", "audio/x-mpeg-3", "audio/mpg"]
    case .wav: ["audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"]
    case .flac: ["audio/x-flac"]
    case .mp4: ["audio/m4a", "audio/x-m4a", "audio/x-mp4", "audio/mp4a-latm"]
    case .aac: ["audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts"]
    }
  }

  /// What libmagic may say about content of this type.
  ///
  /// `video/mp4` is what it says about many audio-only files, so the probe must refuse real video. MPEG audio without an ID3 tag often has
  /// no signature it knows (`application/octet-stream`), so there the trial decode alone decides.
  private var contentNames: Set<String> {
    switch self {
    case .mpeg: ["audio/mpeg", "application/octet-stream"]
    case .wav: ["audio/x-wav", "audio/wav", "audio/vnd.wave"]
    case .flac: ["audio/flac", "audio/x-flac"]
    case .mp4: ["audio/x-m4a", "audio/mp4", "video/mp4", "video/quicktime", "video/3gpp"]
    case .aac: ["audio/x-hx-aac-adts", "audio/aac", "audio/x-hx-aac-adif"]
    }
  }

  /// Compares the file's content with the type.
  ///
  /// This is a gate and no proof: a WAV header followed by anything passes it. The proof is the decode of `Probe`.
  ///
  /// - Throws: `MediaError`: `emptyFile`, or `contentDoesNotMatchType` with what the content is.
  public func requireContent(of path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw SystemCallError("stat") }
    guard status.st_size > 0 else { throw MediaError(.emptyFile, "the file is empty; export the track again and upload it again") }
    let content = try Self.contentName(of: path)
    guard contentNames.contains(content) else {
      throw MediaError(
        .contentDoesNotMatchType,
        "the file was sent as \(rawValue) but its content is \(content); export it as \(rawValue) or send its true type")
    }
  }

  /// libmagic's name for the content: it reads the beginning of the file only.
  static func contentName(of path: String) throws -> String {
    // A cookie is not safe to share between threads, and opening one takes about a millisecond: so one for each call.
    guard let cookie = magic_open(MAGIC_MIME_TYPE | MAGIC_ERROR) else { throw MagicError(text: "magic_open failed") }
    defer { magic_close(cookie) }
    guard magic_load(cookie, nil) == 0, let name = magic_file(cookie, path) else {
      throw MagicError(text: magic_error(cookie).map { String(cString: $0) } ?? "unknown")
    }
    return String(cString: name)
  }
}

/// libmagic itself failed: its database is missing or the file could not be read.
struct MagicError: Error, CustomStringConvertible {
  let text: String
  var description: String { "libmagic could not look at the file: \(text)" }
}
