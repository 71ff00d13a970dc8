import Orchestrator

/// Why lyrics could not be had, and whether asking again may help.
public struct LyricsFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// What went wrong, by what can be done about it.
  public enum Kind: String, Sendable, CaseIterable {
    case rateLimited
    case unavailable
    case unreachable
    case invalidRequest
    case unauthorized
    case notFound
    /// The model declined: safety, recitation of a known text, a blocked prompt.
    case refused
    /// The service answered, but not with lyrics that can be used.
    case invalidAnswer
    case audioUnusable
    case recognizerUnavailable
  }

  public let kind: Kind
  /// For a person to read; holds neither keys nor the queries of addresses.
  public let message: String
  /// What the service asked for, nil when it asked for nothing.
  public let retryAfter: Duration?

  public init(_ kind: Kind, _ message: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.message = message
    self.retryAfter = retryAfter
  }

  /// Whether another attempt, bounded by the step's retry policy, may succeed.
  public var isRetryable: Bool {
    switch kind {
    case .rateLimited, .unavailable, .unreachable, .invalidAnswer: true
    case .invalidRequest, .unauthorized, .notFound, .refused, .audioUnusable, .recognizerUnavailable: false
    }
  }

  /// The failure as the engine's retry policy understands it, with a type such as "LyricsRefused".
  public var applicationFailure: ApplicationFailure {
    ApplicationFailure(
      type: "Lyrics" + kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst(), message: message, isRetryable: isRetryable,
      nextRetryDelay: retryAfter)
  }

  public var description: String { "lyrics \(kind.rawValue): \(message)" }
}
