import Foundation

/// Why a poster was refused, in words for the artist. Trying again with the same file cannot help.
public struct PosterError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case unsupportedType
    case unreadable
    case tooSmall
    case tooLarge
    case damaged
    /// Too many posters are being made; worth another try.
    case busy
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// Makes a poster of a stranger's picture: a JPEG of our own without the picture's metadata, by ffmpeg as a contained process.
public struct Poster: Sendable {
  public static let maximumBytes = 10 << 20
  /// In pixels, of the shorter side.
  public static let shortestSide = 200
  /// Of the picture that is sent, 160 MB when it is decoded.
  public static let maximumPixels = 40_000_000
  /// In pixels, of the longer side of what is made.
  static let longestSide = 2000

  /// At most two pictures are decoded at a time.
  private static let slots = WorkSlots(concurrent: 2, maximumWaiting: 50) { count in
    PosterError(.busy, "\(count) posters wait already; try again later")
  }

  public init() {}

  /// The poster as JPEG.
  ///
  /// - Parameter scratchFolder: an existing folder; a folder of its own there is removed at the end.
  /// - Throws: `PosterError`; `SubprocessError` when ffmpeg itself could not run.
  public func make(of picture: [UInt8], scratchFolder: String) async throws -> [UInt8] {
    let header = try ImageHeader(picture)
    try Self.check(header)
    return try await Self.slots.withSlot {
      let folder = "\(scratchFolder)/\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try Data(picture).write(to: URL(fileURLWithPath: folder + "/picture"))
      return try await Self.convert(header.format, in: folder)
    }
  }

  private static func check(_ header: ImageHeader) throws {
    let size = "\(header.width) x \(header.height) pixels"
    guard max(header.width, header.height) <= maximumPixels, header.width * header.height <= maximumPixels else {
      throw PosterError(.tooLarge, "the poster has \(size), at most \(maximumPixels / 1_000_000) million are taken; make it smaller")
    }
    guard min(header.width, header.height) >= shortestSide else {
      throw PosterError(.tooSmall, "the poster has \(size), at least \(shortestSide) on each side are needed")
    }
  }

  private static func convert(_ format: ImageHeader.Format, in folder: String) async throws -> [UInt8] {
    var limits = SubprocessLimits()
    limits.wallTime = .seconds(30)
    limits.processorSeconds = 20
    limits.fileSizeBytes = maximumBytes
    let side = longestSide
    // What the header says was checked; -max_pixels holds what is decoded to it too.
    let arguments = [
      "-v", "error", "-nostdin", "-y", "-protocol_whitelist", "file,pipe", "-max_pixels", String(maximumPixels), "-f", format.demuxer,
      "-i", "file:\(folder)/picture", "-map", "0:v:0", "-frames:v", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v",
      "+bitexact", "-vf", "scale='min(\(side),iw)':'min(\(side),ih)':force_original_aspect_ratio=decrease", "-pix_fmt", "yuvj420p",
      "-c:v", "mjpeg", "-q:v", "3", "-f", "image2", "-update", "1", "file:\(folder)/poster.jpg",
    ]
    do {
      try await Subprocess("/usr/bin/ffmpeg", arguments, in: folder, limits: limits).run()
    } catch let error as SubprocessError where error.code != .couldNotStart {
      throw PosterError(.damaged, "the poster cannot be decoded; save the picture again")
    }
    guard let data = FileManager.default.contents(atPath: folder + "/poster.jpg"), !data.isEmpty else {
      throw PosterError(.damaged, "the poster holds no picture; save it again")
    }
    return [UInt8](data)
  }
}
