/// Why an audio file was refused, in words for the artist who uploaded it. Trying again with the same file cannot help.
///
/// Failures of the tools themselves are `SubprocessError` and may be retried.
public struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable, Codable {
    case emptyFile
    case unsupportedType
    case contentDoesNotMatchType
    case unreadable
    case noAudio
    case severalAudioStreams
    case containsVideo
    case truncated
    case damaged
    case notSound
    case tooShort
    case tooLong
    case tooComplex
  }

  public let code: Code
  /// One sentence that says what is wrong with the file and what to do.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  public static func == (one: MediaError, other: MediaError) -> Bool { one.code == other.code }
}
