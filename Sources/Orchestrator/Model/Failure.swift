import Foundation

/// One node of the error tree that travels through histories: what happened, whether a retry can help, and what caused it.
public struct Failure: Codable, Sendable, Equatable {
  /// Who or what failed.
  public enum Kind: String, Codable, Sendable {
    /// Thrown by user code.
    case application
    case scheduleToStartTimeout, startToCloseTimeout, scheduleToCloseTimeout, heartbeatTimeout
    case cancelled, terminated
    /// The process that ran the attempt died or lost its lease.
    case workerLost
    /// The engine refused, for example because a limit was passed.
    case engine
  }

  public var kind: Kind
  /// The name that a retry policy's `nonRetryableErrorTypes` is compared with.
  public var type: String
  public var message: String
  public var isRetryable: Bool
  /// Milliseconds that the failing side asked to wait before the next attempt, for example by `Retry-After`.
  public var nextRetryDelayMilliseconds: Int64?
  public var cause: [Failure]
  /// What the failing side tells beside the message, for code: any JSON value.
  public var details: Payload?
  /// Where it was thrown, in the words of the language that threw it.
  public var stackTrace: String?
  /// Message and stack trace as codecs left them, where this process could not read them.
  var encodedAttributes: Payload?

  public init(
    kind: Kind = .application, type: String, message: String, isRetryable: Bool = true,
    nextRetryDelayMilliseconds: Int64? = nil, details: Payload? = nil, stackTrace: String? = nil, cause: Failure? = nil
  ) {
    self.kind = kind
    self.type = type.withoutNull.prefix(utf8Bytes: Limits.nameBytes)
    self.message = message.withoutNull.prefix(utf8Bytes: Limits.failureMessageBytes)
    self.isRetryable = isRetryable
    self.nextRetryDelayMilliseconds = nextRetryDelayMilliseconds
    self.details = details
    self.stackTrace = stackTrace?.withoutNull.prefix(utf8Bytes: Limits.failureStackBytes)
    self.cause = cause.map { [$0.limited(to: Limits.failureDepth - 1)] } ?? []
  }

  /// The type of the failure of a run that was refused because its workflow id has an open one.
  static let alreadyStarted = "WorkflowAlreadyStarted"
  /// The types of failures of runs whose code let the failure of an activity or a child through.
  static let ofActivity = "ActivityFailure"
  static let ofChild = "ChildWorkflowFailure"

  private func limited(to depth: Int) -> Failure {
    var copy = self
    copy.cause = depth <= 1 ? [] : cause.prefix(1).map { $0.limited(to: depth - 1) }
    return copy
  }

  enum CodingKeys: String, CodingKey {
    case kind, type, message, nextRetryDelayMilliseconds, cause, details, stackTrace, encodedAttributes
    case isRetryable = "retryable"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      kind: try container.decodeIfPresent(Kind.self, forKey: .kind) ?? .application,
      type: try container.decode(String.self, forKey: .type),
      message: try container.decodeIfPresent(String.self, forKey: .message) ?? "",
      isRetryable: try container.decodeIfPresent(Bool.self, forKey: .isRetryable) ?? true,
      nextRetryDelayMilliseconds: try container.decodeIfPresent(Int64.self, forKey: .nextRetryDelayMilliseconds),
      details: try container.decodeIfPresent(Payload.self, forKey: .details),
      stackTrace: try container.decodeIfPresent(String.self, forKey: .stackTrace),
      cause: try container.decodeIfPresent([Failure].self, forKey: .cause)?.first)
    encodedAttributes = try container.decodeIfPresent(Payload.self, forKey: .encodedAttributes)
  }
}

extension String {
  /// PostgreSQL's jsonb cannot hold U+0000.
  var withoutNull: String {
    utf8.contains(0) ? String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 })) : self
  }

  /// As much as fits into so many bytes, never half a Unicode scalar.
  func prefix(utf8Bytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: limit)
    while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}

/// What user code throws to say more than a message: its type's name, whether to retry, and when.
public struct ApplicationFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public var type: String
  public var message: String
  public var isRetryable: Bool
  /// What the failing side asked to wait before the next attempt; nil leaves it to the retry policy.
  public var nextRetryDelay: Duration?
  /// What it tells beside the message, for code: any JSON value. Read it as a type by `Failure.details(as:)`.
  public var details: Payload?
  /// What led to it.
  public var cause: Failure?

  public init(
    type: String, message: String, isRetryable: Bool = true, nextRetryDelay: Duration? = nil, cause: (any Error)? = nil
  ) {
    self.type = type
    self.message = message
    self.isRetryable = isRetryable
    self.nextRetryDelay = nextRetryDelay
    self.cause = cause.map { Failure($0) }
  }

  /// With details, which are kept for code; those that do not encode are left out.
  public init<Details: Encodable & Sendable>(
    type: String, message: String, details: Details, isRetryable: Bool = true, nextRetryDelay: Duration? = nil, cause: (any Error)? = nil
  ) {
    self.init(type: type, message: message, isRetryable: isRetryable, nextRetryDelay: nextRetryDelay, cause: cause)
    self.details = try? PayloadCodec.encode(details)
  }

  public var description: String { "\(type): \(message)" }
}

/// What `execute` throws into workflow code when an activity ended without a result.
public struct ActivityFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public let activityType: String
  /// The activity's number within its run, from 1.
  public let sequence: Int32
  public let failure: Failure

  public var description: String { "activity \(activityType) (sequence \(sequence)) failed: \(failure.type): \(failure.message)" }
}

extension Failure {
  /// The details as a type; nil when there are none, or when they are something else.
  public func details<Details: Decodable>(as type: Details.Type) -> Details? {
    details.flatMap { try? PayloadCodec.decode(type, from: $0) }
  }

  /// An attempt that was asked to stop, and did.
  static let cancelled = Failure(kind: .cancelled, type: "CancellationError", message: "cancelled", isRetryable: false)

  /// The tree for any thrown error; errors that are not ours keep their Swift type's name and description.
  public init(_ error: any Error) {
    switch error {
    case let error as ApplicationFailure:
      self.init(
        type: error.type, message: error.message, isRetryable: error.isRetryable,
        nextRetryDelayMilliseconds: error.nextRetryDelay.map(\.milliseconds), details: error.details, cause: error.cause)
    case let error as ActivityFailure:
      self.init(type: Self.ofActivity, message: error.description, isRetryable: false, cause: error.failure)
    case let error as ChildWorkflowFailure:
      self.init(type: Self.ofChild, message: error.description, isRetryable: false, cause: error.failure)
    case let error as WorkflowFailure:
      self.init(type: "WorkflowFailure", message: error.description, isRetryable: false, cause: error.failure)
    case let error as UpdateFailure:
      self.init(type: "UpdateFailure", message: error.description, isRetryable: false, cause: error.failure)
    // The same value is as large at the next attempt.
    case let error as PayloadError:
      if case .tooLarge = error {
        self.init(type: "PayloadTooLarge", message: error.description, isRetryable: false)
      } else {
        self.init(type: "PayloadError", message: error.description)
      }
    case is CancellationError: self = .cancelled
    default:
      self.init(type: String(describing: Swift.type(of: error)), message: String(describing: error))
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded towards zero, saturating.
  public var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
    return overflow || carried ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole milliseconds between 0 and `Limits.durationMilliseconds`: what a timer, timeout or delay may be.
  var boundedMilliseconds: Int64 { min(max(0, milliseconds), Limits.durationMilliseconds) }

  /// Whole microseconds, rounded towards zero, saturating.
  public var microseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    return overflow || carried ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole days of 86,400 seconds, hours and minutes, which `Duration` itself does not offer.
  public static func days(_ days: Int) -> Duration { .seconds(days * 86_400) }
  public static func hours(_ hours: Int) -> Duration { .seconds(hours * 3600) }
  public static func minutes(_ minutes: Int) -> Duration { .seconds(minutes * 60) }
}
