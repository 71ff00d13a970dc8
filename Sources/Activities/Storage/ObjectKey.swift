/// The name of a stored object: slash-separated, safe as a file path, an S3 key and a URL path without escaping.
public struct ObjectKey: Hashable, Sendable, Codable, CustomStringConvertible {
  public let text: String
  public var description: String { text }

  /// Fits every store with room for a prefix: S3 allows 1,024 bytes.
  public static let maximumBytes = 512

  /// - Throws: `ObjectStoreError.invalidKey` for an empty or longer key, a character other than ASCII letters, digits and `-_./`, an empty
  ///   part, or a part that begins with a dot.
  public init(_ text: String) throws(ObjectStoreError) {
    guard (1...Self.maximumBytes).contains(text.utf8.count) else {
      throw ObjectStoreError(.invalidKey, "an object key has 1 to \(Self.maximumBytes) bytes, this one has \(text.utf8.count)")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard text.utf8.allSatisfy(Self.isAllowed), parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") && $0.utf8.count <= 255 }) else {
      throw ObjectStoreError(
        .invalidKey,
        "\"\(text.prefix(100))\" is no object key: use parts of letters, digits, '-', '_' and '.', joined by '/', no part beginning with '.'"
      )
    }
    self.text = text
  }

  /// Keys that arrive from outside are validated like all others.
  public init(from decoder: any Decoder) throws { try self.init(decoder.singleValueContainer().decode(String.self)) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// This key and one more part.
  public func appending(_ part: String) throws(ObjectStoreError) -> ObjectKey { try ObjectKey(text + "/" + part) }

  /// The media type by the ending of the name; `application/octet-stream` for one that is not known.
  public var contentType: String {
    switch text.split(separator: ".").last.map(String.init) {
    case "m3u8": "application/vnd.apple.mpegurl"
    case "aac": "audio/aac"
    case "mp3": "audio/mpeg"
    case "wav": "audio/wav"
    case "flac": "audio/flac"
    case "m4a", "mp4": "audio/mp4"
    case "json": "application/json"
    case "jpg": "image/jpeg"
    case "vtt": "text/vtt"
    default: "application/octet-stream"
    }
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: false
    }
  }
}
