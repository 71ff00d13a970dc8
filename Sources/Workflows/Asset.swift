import Foundation
import Orchestrator

/// An asset is the sound of a track in versions: it has the track's name.
public typealias AssetID = TrackID

/// One file of a version of an asset.
public struct AssetFile: Codable, Sendable, Equatable {
  /// What it holds: source, enhanced, converted, vocals, instrumental, or any other word that `isKind` takes.
  public var kind: String
  /// Where it is in the object store.
  public var key: String
  /// By its registered name, for example `audio/mpeg`.
  public var mediaType: String
  public var sizeBytes: Int64
  public var durationMilliseconds: Int64?

  public init(kind: String, key: String, mediaType: String, sizeBytes: Int64, durationMilliseconds: Int64?) {
    self.kind = kind
    self.key = key
    self.mediaType = mediaType
    self.sizeBytes = sizeBytes
    self.durationMilliseconds = durationMilliseconds
  }

  /// Whether a text may name what a file holds: 1 to 40 lower-case letters, digits and hyphens, the first a letter.
  public static func isKind(_ text: String) -> Bool {
    guard 1...40 ~= text.utf8.count, let first = text.utf8.first, (0x61...0x7A).contains(first) else { return false }
    return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
  }
}

/// Names a job and its workflow; written as a UUID in lower case.
public struct JobID: Hashable, Sendable, Codable, CustomStringConvertible {
  public let uuid: UUID

  public init(_ uuid: UUID = UUID()) { self.uuid = uuid }

  /// Parses the canonical text form; nil for anything else.
  public init?(_ text: String) {
    guard let id = TrackID(text) else { return nil }
    uuid = id.uuid
  }

  public var description: String { uuid.uuidString.lowercased() }
  public var workflowID: String { description }

  public init(from decoder: any Decoder) throws { uuid = try TrackID(from: decoder).uuid }

  public func encode(to encoder: any Encoder) throws { try TrackID(uuid).encode(to: encoder) }
}
