import Foundation
import Orchestrator

/// Names a track; written as a UUID in lower case.
public struct TrackID: Hashable, Sendable, Codable, CustomStringConvertible {
  public let uuid: UUID

  public init(_ uuid: UUID = UUID()) { self.uuid = uuid }

  /// Parses the canonical text form; nil for anything else.
  public init?(_ text: String) {
    // Foundation also takes spaces among the digits.
    guard let uuid = UUID(uuidString: text), uuid.uuidString == text.uppercased() else { return nil }
    self.uuid = uuid
  }

  public var description: String { uuid.uuidString.lowercased() }

  /// The id of the workflow that publishes the track: one track, one workflow.
  public var workflowID: String { "track-\(self)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = TrackID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a track id is a UUID in its canonical form")
    }
    self = id
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// What an upload hands to `PublishTrack`. Texts stay in the catalogue: histories are read again at every replay.
public struct TrackUpload: Codable, Sendable, Equatable {
  public var source: AudioSource
  /// Milliseconds a review is waited for; then the track is blocked with that reason.
  public var reviewWithinMilliseconds: Int64
  /// Milliseconds for which lyrics that failed may still be retried after the review.
  public var lyricsWithinMilliseconds: Int64

  public init(source: AudioSource, reviewWithin: Duration = .days(14), lyricsWithin: Duration = .days(30)) {
    self.source = source
    reviewWithinMilliseconds = reviewWithin.milliseconds
    lyricsWithinMilliseconds = lyricsWithin.milliseconds
  }
}

/// An audio file in the object store.
public struct AudioSource: Codable, Sendable, Equatable {
  public var trackID: TrackID
  public var key: String
  /// The declared media type by its registered name, for example `audio/mpeg`.
  public var mediaType: String
  public var sizeBytes: Int64

  public init(trackID: TrackID, key: String, mediaType: String, sizeBytes: Int64) {
    self.trackID = trackID
    self.key = key
    self.mediaType = mediaType
    self.sizeBytes = sizeBytes
  }
}

/// An audio file with what is known about its sound.
public struct ProbedAudio: Codable, Sendable, Equatable {
  public var source: AudioSource
  public var probe: MediaProbe

  public init(source: AudioSource, probe: MediaProbe) {
    self.source = source
    self.probe = probe
  }
}

/// One change of a track's status, as the workflow asks for it.
public struct StatusChange: Codable, Sendable, Equatable {
  public var trackID: TrackID
  public var status: TrackStatus
  /// What the artist is told; nil when the status speaks for itself.
  public var reason: String?

  public init(trackID: TrackID, status: TrackStatus, reason: String? = nil) {
    self.trackID = trackID
    self.status = status
    self.reason = reason
  }
}

/// Everything processing found out and made: with it a track is ready for its review.
public struct ProcessedTrack: Codable, Sendable, Equatable {
  public var audio: ProbedAudio
  public var waveform: [WaveformLevel]
  public var streaming: StreamingOutput

  public init(audio: ProbedAudio, waveform: [WaveformLevel], streaming: StreamingOutput) {
    self.audio = audio
    self.waveform = waveform
    self.streaming = streaming
  }
}

/// A change of the lyrics' status, with the lyrics when they are there.
public struct LyricsChange: Codable, Sendable, Equatable {
  public var trackID: TrackID
  public var status: LyricsStatus
  public var lyrics: Lyrics?
  public var reason: String?

  public init(trackID: TrackID, status: LyricsStatus, lyrics: Lyrics? = nil, reason: String? = nil) {
    self.trackID = trackID
    self.status = status
    self.lyrics = lyrics
    self.reason = reason
  }
}
