import HTTP
import Synchronization

/// The client's name for one request (the IETF draft "The Idempotency-Key HTTP Header Field"): the same key gives the same answer.
struct IdempotencyKey: Sendable, Equatable {
  let text: String

  /// 422 for a key that came with something else before.
  static let reused = APIProblem(
    .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used for another upload. Use a new key for a new upload.")

  /// Nil when the request has none.
  /// - Throws: `APIProblem` 400 for one that is not 1 to 255 visible ASCII characters; quotes around it are taken off.
  init?(of request: HTTPRequest) throws {
    let values = request.headers.values("Idempotency-Key")
    guard let value = values.first else { return nil }
    let isQuoted = value.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
    text = isQuoted ? String(value.dropFirst().dropLast()) : value
    guard values.count == 1, (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw APIProblem.invalid("invalid-idempotency-key", "Send one Idempotency-Key of 1 to 255 visible ASCII characters.")
    }
  }
}

/// The keys whose first request this process still receives. Across processes the database decides; here a second one is told at once.
final class KeysInFlight: Sendable {
  private let keys = Mutex<Set<String>>([])

  /// Runs the body with the key taken.
  /// - Throws: `APIProblem` 409 while another request has it.
  func holding<Value: Sendable>(
    _ key: IdempotencyKey?, of user: String, _ body: () async throws -> Value
  ) async throws -> Value {
    guard let key else { return try await body() }
    let name = "\(user)\n\(key.text)"
    guard keys.withLock({ $0.insert(name).inserted }) else {
      throw APIProblem(
        .conflict, "request-in-flight", "A request with this Idempotency-Key is being received. Try again when it is done.",
        headers: ["Retry-After": "1"])
    }
    defer { keys.withLock { _ = $0.remove(name) } }
    return try await body()
  }
}
