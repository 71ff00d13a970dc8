import Workflows

/// Where the files of a track are in the object store.
public enum TrackKeys {
  /// The folder of uploads that are not accepted yet.
  public static func staging() throws(ObjectStoreError) -> ObjectKey { try ObjectKey("staging") }

  /// The folder of uploads that go straight to the store, until somebody says that they are there.
  public static func incoming() throws(ObjectStoreError) -> ObjectKey { try ObjectKey("incoming") }

  public static func incoming(_ id: TrackID, as type: MediaType) throws(ObjectStoreError) -> ObjectKey {
    try ObjectKey("incoming/\(id).\(type.fileExtension)")
  }

  public static func staged(_ id: TrackID, as type: MediaType) throws(ObjectStoreError) -> ObjectKey {
    try ObjectKey("staging/\(id).\(type.fileExtension)")
  }

  public static func original(_ id: TrackID, as type: MediaType) throws(ObjectStoreError) -> ObjectKey {
    try ObjectKey("raw-track/\(id).\(type.fileExtension)")
  }

  public static func transcoded(_ id: TrackID) throws(ObjectStoreError) -> ObjectKey { try ObjectKey("transcoded-track/\(id)") }

  /// Where an attempt of a job keeps a file until its version is published; never the place of another attempt.
  public static func stagedResult(of id: JobID, kind: String, as type: MediaType) throws(ObjectStoreError) -> ObjectKey {
    try ObjectKey("staging/jobs/\(id)/\(JobID())-\(kind).\(type.fileExtension)")
  }

  public static func version(_ version: Int, of id: AssetID, kind: String, as type: MediaType) throws(ObjectStoreError) -> ObjectKey {
    try ObjectKey("assets/\(id)/v\(version)/\(kind).\(type.fileExtension)")
  }

  /// The folder of a track's posters, of which one counts.
  public static func posters(_ id: TrackID) throws(ObjectStoreError) -> ObjectKey { try ObjectKey("poster/\(id)") }

  public static func waveform(_ id: TrackID) throws(ObjectStoreError) -> ObjectKey { try ObjectKey("waveform/\(id)") }
}

extension MediaType {
  /// The usual ending of a file of this type, without the dot.
  public var fileExtension: String { self == .mp4 ? "m4a" : format }

  /// The type that a file's ending stands for; nil when it is none of ours. For clients that state no type.
  public init?(fileName: String) {
    switch fileName.split(separator: ".").last?.lowercased() {
    case "mp3": self = .mpeg
    case "wav", "wave": self = .wav
    case "flac": self = .flac
    case "m4a", "mp4": self = .mp4
    case "aac": self = .aac
    default: return nil
    }
  }
}
