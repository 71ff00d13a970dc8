/// Type and dimensions of a picture by its first bytes: nothing is decoded, so that a bomb is refused before it can go off.
public struct ImageHeader: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    case jpeg = "image/jpeg"
    case png = "image/png"
    case webp = "image/webp"

    /// ffmpeg's demuxer, always forced.
    var demuxer: String {
      switch self {
      case .jpeg: "jpeg_pipe"
      case .png: "png_pipe"
      case .webp: "webp_pipe"
      }
    }
  }

  public let format: Format
  /// In pixels, as below.
  public let width: Int
  public let height: Int

  /// - Throws: `PosterError`: `.unsupportedType` for another type, `.unreadable` for a header that is cut or makes no sense.
  public init(_ bytes: [UInt8]) throws(PosterError) {
    var reader = HeaderReader(bytes: bytes)
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      format = .jpeg
      (width, height) = try Self.checked(reader.jpeg())
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      format = .png
      (width, height) = try Self.checked(reader.png())
    } else if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: Array("WEBP".utf8)) {
      format = .webp
      (width, height) = try Self.checked(reader.webp())
    } else {
      throw PosterError(.unsupportedType, "the poster is no JPEG, PNG or WebP picture; save it as one of these")
    }
  }

  private static func checked(_ size: (Int, Int)?) throws(PosterError) -> (Int, Int) {
    guard let size, size.0 > 0, size.1 > 0 else {
      throw PosterError(.unreadable, "the poster's header is damaged or cut; save the picture again")
    }
    return size
  }
}

/// Reads numbers of a header; nil beyond its end.
private struct HeaderReader {
  let bytes: [UInt8]
  private var place = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  private func big(_ at: Int, _ count: Int) -> Int? {
    guard at >= 0, at + count <= bytes.count else { return nil }
    return bytes[at..<at + count].reduce(0) { $0 << 8 | Int($1) }
  }

  private func little(_ at: Int, _ count: Int) -> Int? {
    guard at >= 0, at + count <= bytes.count else { return nil }
    return bytes[at..<at + count].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The first frame header (ITU-T T.81 annex B.2.2); segments before it are stepped over.
  mutating func jpeg() -> (Int, Int)? {
    place = 2
    while let mark = big(place, 1), mark == 0xFF, let marker = big(place + 1, 1) {
      switch marker {
      case 0xFF: place += 1
      case 0x01, 0xD0...0xD7: place += 2
      case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
        guard let height = big(place + 5, 2), let width = big(place + 7, 2) else { return nil }
        return (width, height)
      case 0xD9, 0xDA: return nil
      default:
        guard let length = big(place + 2, 2), length >= 2 else { return nil }
        place += 2 + length
      }
    }
    return nil
  }

  /// IHDR is the first chunk.
  func png() -> (Int, Int)? {
    guard big(8, 4) == 13, big(12, 4) == 0x4948_4452, let width = big(16, 4), let height = big(20, 4) else { return nil }
    return (width, height)
  }

  /// RFC 9649: a lossy or lossless picture, or an extended one that is not animated.
  func webp() -> (Int, Int)? {
    switch big(12, 4) {
    case 0x5650_3820:
      guard big(23, 3) == 0x9D012A, let width = little(26, 2), let height = little(28, 2) else { return nil }
      return (width & 0x3FFF, height & 0x3FFF)
    case 0x5650_384C:
      guard big(20, 1) == 0x2F, let bits = little(21, 4) else { return nil }
      return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    case 0x5650_3858:
      guard let flags = big(20, 1), flags & 0x02 == 0, let width = little(24, 3), let height = little(27, 3) else { return nil }
      return (width + 1, height + 1)
    default: return nil
    }
  }
}
