/// A child process that did not end as it should: what ran, how it ended and its last words.
public struct SubprocessError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The program could not be started at all: missing, not executable, no processes or descriptors left.
    case couldNotStart
    /// It ended with an exit status other than 0.
    case exited
    /// A signal ended it.
    case signalled
    /// It ran longer than the wall-clock limit.
    case timedOut
    /// It used more processor time than its limit.
    case processorTimeExceeded
    /// It wrote more to standard output than its limit.
    case outputTooLarge
  }

  public let code: Code
  /// Program name and arguments, at most 500 characters.
  public let command: String
  /// What happened, with the number that matters: exit status, signal, limit or errno text.
  public let reason: String
  /// The end of standard error, at most 4 KB.
  public let standardErrorTail: String

  public var description: String {
    let words = standardErrorTail.isEmpty ? "it said nothing on standard error" : "its last words: \(standardErrorTail)"
    return "\(command): \(reason); \(words)"
  }
}

/// What a finished child process used.
public struct SubprocessUsage: Sendable, Equatable {
  /// User and system processor time, in seconds.
  public var processorSeconds: Double
  /// The largest resident set, in bytes.
  public var peakResidentBytes: Int
  /// From start to end, in seconds.
  public var wallSeconds: Double
  /// The end of standard error, at most 4 KB.
  public var standardErrorTail: String
}
