import Foundation
import Workflows

/// Something that turns a song into timed lyrics.
public protocol LyricsProvider: Sendable {
  /// Throws `LyricsFailure`, or `CancellationError` when the task is cancelled.
  func transcribe(_ request: LyricsRequest) async throws -> Lyrics
}

/// A song whose lyrics are wanted.
public struct LyricsRequest: Sendable {
  /// Where the provider gets the audio; the MIME type is the validated one, not the uploader's word.
  public enum Audio: Sendable {
    /// An address that the provider fetches; signed so that it outlives the call by a little and no more.
    case url(String, mimeType: String)
    case bytes(Data, mimeType: String)
    case file(path: String, mimeType: String)
  }

  public let trackID: String
  public let title: String
  public let artist: String
  /// BCP 47, nil when unknown.
  public let language: String?
  public let durationMilliseconds: Int
  public let audio: Audio
  /// The artist's own words, to be timed rather than guessed.
  public let suppliedLyrics: String?

  public init(
    trackID: String, title: String, artist: String, language: String? = nil, durationMilliseconds: Int, audio: Audio,
    suppliedLyrics: String? = nil
  ) {
    self.trackID = trackID
    self.title = title
    self.artist = artist
    self.language = language
    self.durationMilliseconds = durationMilliseconds
    self.audio = audio
    self.suppliedLyrics = suppliedLyrics
  }
}
