import HTTP
import Synchronization

/// How many requests to `/api` a user, or an address without one, may send in a span of time, told in the fields of the IETF draft
/// "RateLimit header fields for HTTP".
///
/// Counted in this process: a write to the database for every request would cost more than most requests do, and what the limit is for, the
/// load of a process, is this process's. What must be exact over all of them, such as log-ins, is counted in the database (`AttemptLimit`).
final class RequestLimit: Sendable {
  private struct Window {
    var count = 0
    let endsAt: ContinuousClock.Instant
  }

  private struct Standing {
    let remaining: Int
    let secondsLeft: Int
    let isOver: Bool
  }

  /// The request that is being answered: its limit, and how it stood when it was counted.
  private final class Counted: Sendable {
    @TaskLocal static var current: Counted?
    let limit: RequestLimit
    let standing = Mutex<Standing?>(nil)

    init(_ limit: RequestLimit) { self.limit = limit }
  }

  /// Subjects that are known at once; above this the windows that ended are forgotten, and if none has, all are.
  static let mostSubjects = 100_000

  private let count: Int
  private let span: Duration
  private let proxies: TrustedProxies
  private let windows = Mutex<[String: Window]>([:])

  init(_ count: Int, per span: Duration = .seconds(900), proxies: TrustedProxies = .none) {
    self.count = count
    self.span = span
    self.proxies = proxies
  }

  /// Counts requests without a token by their address; others are counted when it is known who sends them.
  func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    guard request.path.hasPrefix("/api/"), request.method != .options else { return try await next(request) }
    let counted = Counted(self)
    var response = try await Counted.$current.withValue(counted) {
      do {
        if request.headers["Authorization"] == nil { try Self.count(address: request) }
        return try await next(request)
      } catch let problem as APIProblem {
        return problem.response
      }
    }
    // A route may have a limit of its own, which stands beside this one.
    response.headers.add("RateLimit-Policy", "\"requests\";q=\(count);w=\(span.components.seconds)")
    if let standing = counted.standing.withLock({ $0 }) {
      response.headers.add("RateLimit", "\"requests\";r=\(standing.remaining);t=\(standing.secondsLeft)")
    }
    return response
  }

  /// The request that is being answered is this user's.
  /// - Throws: `APIProblem` 429 with `Retry-After`.
  static func count(user: String) throws { try Counted.current?.limit.count("user \(user)") }

  /// The request that is being answered is nobody's.
  /// - Throws: as above.
  static func count(address request: HTTPRequest) throws {
    guard let limit = Counted.current?.limit else { return }
    try limit.count("address \(limit.proxies.subject(of: request))")
  }

  /// A request counts once, however often it is asked whose it is.
  private func count(_ subject: String) throws {
    guard let counted = Counted.current, counted.standing.withLock({ $0 == nil }) else { return }
    let standing = take(subject, .now)
    counted.standing.withLock { $0 = standing }
    guard standing.isOver else { return }
    throw APIProblem(
      .tooManyRequests, "too-many-requests",
      "There were more than \(count) requests in \(span.components.seconds / 60) minutes. "
        + "Try again in \(standing.secondsLeft) seconds.", headers: ["Retry-After": "\(standing.secondsLeft)"])
  }

  private func take(_ subject: String, _ now: ContinuousClock.Instant) -> Standing {
    windows.withLock { windows in
      if windows.count >= Self.mostSubjects, windows[subject] == nil {
        windows = windows.filter { $0.value.endsAt > now }
        if windows.count >= Self.mostSubjects { windows = [:] }
      }
      var window = windows[subject].flatMap { $0.endsAt > now ? $0 : nil } ?? Window(endsAt: now + span)
      let isOver = window.count >= count
      if !isOver { window.count += 1 }
      windows[subject] = window
      let left = (window.endsAt - now).components
      return Standing(remaining: count - window.count, secondsLeft: Int(left.seconds) + (left.attoseconds > 0 ? 1 : 0), isOver: isOver)
    }
  }
}
