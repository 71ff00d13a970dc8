import Cryptography
import Foundation
import HTTP
import Orchestrator
import PostgreSQL

/// Answers a repeated POST with what the first one was answered (the IETF draft "The Idempotency-Key HTTP Header Field").
///
/// Stands around every handler.
struct IdempotentRequests: Sendable {
  let database: Database
  let authentication: Authentication
  /// Here keys are stored with what is made, in one transaction.
  private static let haveOwnKeys: Set = ["/api/v1/uploads", "/api/v1/uploads/resumable", "/api/v1/jobs"]
  /// Bodies above this are too large for every route that takes JSON.
  static let largestBody = 4 * OperatorAPI.largestBody
  /// Larger answers are not kept: a repeated request is then done again.
  static let largestAnswer = 4 << 20

  func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    guard request.method == .post, request.path.hasPrefix("/api/v1/"), !Self.haveOwnKeys.contains(request.path),
      let key = try IdempotencyKey(of: request), let principal = try? await authentication.principal(of: request)
    else { return try await next(request) }
    let body = try await request.body.collect(upTo: Self.largestBody)
    var received = request
    received.body = RequestBody(body)
    let entry = Entry(key, principal.userID, request, body)
    let attempt = UUID()
    let found = try await database.query(
      AccessStatements.beginRequest, Parameters(entry.keyHash, entry.fingerprint, attempt))
    switch try found.text(0, 0) {
    case "begun": return try await answer(received, entry, attempt, next)
    case "answered":
      guard let answer = entry.opened(try found.bytes(0, 1)) else { throw Self.inFlight }
      return answer
    case "reused":
      throw APIProblem(
        .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used for another request. Use a new key for a new one.")
    default: throw Self.inFlight
    }
  }

  private static var inFlight: APIProblem {
    APIProblem(
      .conflict, "request-in-flight", "A request with this Idempotency-Key is being answered. Try again when it is done.",
      headers: ["Retry-After": "1"])
  }

  /// Keeps what was decided; what may go another way next time is forgotten.
  private func answer(_ request: HTTPRequest, _ entry: Entry, _ attempt: UUID, _ next: HTTPHandler) async throws -> HTTPResponse {
    let response: HTTPResponse
    do {
      response = try await next(request)
    } catch {
      await forget(entry, attempt)
      throw error
    }
    guard Self.isDecided(response.status), let sealed = entry.sealed(response) else {
      await forget(entry, attempt)
      return response
    }
    do {
      _ = try await database.query(AccessStatements.keepAnswer, Parameters(entry.keyHash, attempt, sealed))
    } catch {
      Log.warning("idempotency", "the answer to a request with an Idempotency-Key could not be kept: \(error)")
    }
    return response
  }

  private func forget(_ entry: Entry, _ attempt: UUID) async {
    do {
      _ = try await database.query(AccessStatements.forgetRequest, Parameters(entry.keyHash, attempt))
    } catch {
      Log.warning("idempotency", "a request with an Idempotency-Key is not forgotten before five minutes are over: \(error)")
    }
  }

  private static func isDecided(_ status: HTTPStatus) -> Bool {
    status.rawValue < 500 && ![.unauthorized, .forbidden, .requestTimeout, .tooManyRequests].contains(status)
  }
}

extension IdempotentRequests {
  /// One request by its key. The answer may hold secrets: only who has the key opens it.
  private struct Entry {
    struct Answer: Codable {
      let status: Int
      let headers: [[String]]
      let body: Data
    }

    let keyHash: [UInt8]
    let fingerprint: [UInt8]
    private let secret: [UInt8]

    init(_ key: IdempotencyKey, _ user: String, _ request: HTTPRequest, _ body: [UInt8]) {
      let place = "\(user.utf8.count):\(user)\(request.method.rawValue) \(request.rawPath)\n"
      keyHash = Digest.sha256(Array("\(place)\(key.text)".utf8))
      let query = request.query.map { "\($0.name.utf8.count):\($0.name)\($0.value.utf8.count):\($0.value)" }.joined()
      fingerprint = Digest.sha256(Array("\(query.utf8.count):\(query)".utf8) + body)
      secret = HMAC.sha256(key: Array(key.text.utf8), Array("answer\n\(place)".utf8))
    }

    /// Nil for streams and files, and for what is too large.
    func sealed(_ response: HTTPResponse) -> [UInt8]? {
      guard case .bytes(let body) = response.body, body.count <= largestAnswer else { return nil }
      let answer = Answer(
        status: response.status.rawValue, headers: response.headers.fields.map { [$0.name, $0.value] }, body: Data(body))
      guard let plain = try? JSONEncoder().encode(answer) else { return nil }
      let nonce = SecureRandom.bytes(AESGCM.nonceBytes)
      return nonce + AESGCM.seal([UInt8](plain), key: secret, nonce: nonce, associated: keyHash)
    }

    func opened(_ sealed: [UInt8]) -> HTTPResponse? {
      let (nonce, rest) = (Array(sealed.prefix(AESGCM.nonceBytes)), Array(sealed.dropFirst(AESGCM.nonceBytes)))
      guard let plain = AESGCM.open(rest, key: secret, nonce: nonce, associated: keyHash),
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(plain))
      else { return nil }
      var response = HTTPResponse(HTTPStatus(rawValue: answer.status), body: .bytes([UInt8](answer.body)))
      for field in answer.headers where field.count == 2 { response.headers.add(field[0], field[1]) }
      response.headers["Idempotent-Replayed"] = "true"
      return response
    }
  }
}
