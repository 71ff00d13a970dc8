import HTTP
import Orchestrator

/// When a delivery is tried, and what an answer means (Standard Webhooks 1.0.0). Pure.
public struct WebhookSchedule: Sendable {
  /// Before each attempt; as many as there are attempts.
  public var delays: [Duration]
  /// By which share of it a wait may be longer, so that what failed together does not come back together.
  public var jitter: Double

  static let longestRetryAfter = Duration.hours(24)

  public init(
    delays: [Duration] = [
      .zero, .seconds(5), .minutes(5), .minutes(30), .hours(2), .hours(5), .hours(10), .hours(14), .hours(20), .hours(24),
    ], jitter: Double = 0.1
  ) {
    self.delays = delays
    self.jitter = jitter
  }

  /// What became of an attempt.
  enum Outcome: Sendable, Equatable {
    case answered(HTTPStatus, retryAfter: Duration?)
    case failed(String)
    /// As the endpoint stands, no attempt can succeed.
    case impossible(String)
  }

  /// What follows it.
  enum Next: Sendable, Equatable {
    case delivered
    case retry(after: Duration)
    case failed
    /// The receiver is gone for good and wants nothing more.
    case endpointGone
  }

  /// - Parameters:
  ///   - attempt: 1 for the first.
  ///   - chance: 0 to 1.
  func next(after outcome: Outcome, attempt: Int, chance: Double) -> Next {
    var asked = Duration.zero
    switch outcome {
    case .answered(let status, _) where status.isSuccess: return .delivered
    case .answered(.gone, _): return .endpointGone
    case .impossible: return .failed
    case .answered(let status, let retryAfter):
      if [.tooManyRequests, .badGateway, .serviceUnavailable, .gatewayTimeout].contains(status) {
        asked = min(retryAfter ?? .zero, Self.longestRetryAfter)
      }
    case .failed: break
    }
    guard delays.indices.contains(attempt) else { return .failed }
    let wait = Double(max(delays[attempt], asked).milliseconds) * (1 + jitter * chance)
    return .retry(after: .milliseconds(Int64(wait.rounded())))
  }
}
