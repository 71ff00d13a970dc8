import Activities
import Cryptography
import Foundation
import Orchestrator
import Workflows

@testable import HTTP
@testable import orchestratord

/// What the API's routes make of a request before anything is asked of the database.
enum APITargets {
  static let all = [
    FuzzTarget(name: "request-body", check: body),
    FuzzTarget(name: "request-head", check: head),
    FuzzTarget(name: "token", check: token),
    FuzzTarget(name: "upload-form", check: form),
  ]

  /// The first line names the route, the rest is the body.
  @Sendable private static func body(_ bytes: [UInt8]) async throws {
    let input = HeadedInput(bytes)
    let request = try HTTPRequest(method: .post, target: "/", body: RequestBody(input.body))
    let limit = 4096
    do {
      switch input.head {
      case "signal": _ = try await request.strictJSON(SignalRequest.self, upTo: limit)
      case "complete": _ = try await request.strictJSON(CompleteRequest.self, upTo: limit)
      case "fail": _ = try await request.strictJSON(FailRequest.self, upTo: limit)
      case "moderate": _ = try await request.optionalJSON(ModerationRequest.self, upTo: limit)
      case "review":
        let review = try await request.strictJSON(ReviewRequest.self, upTo: limit)
          .review(by: "admin", durationMilliseconds: 200_000)
        try must((review.edits.title?.unicodeScalars.count ?? 1) <= TrackTexts.titleCharacters, "a title is bounded")
      case "lines": _ = try await request.decode([LyricsAnswer.Line].self, upTo: limit)
      default:
        let start = try await request.strictJSON(StartRequest.self, upTo: limit)
        if let payload = start.input { _ = try Payload(checking: payload.bytes) }
      }
      try must(input.body.count <= limit, "a longer body is refused")
    } catch let refusal as any HTTPResponseConvertible {
      try must((400..<500).contains(refusal.response.status.rawValue), "a bad body is the client's fault: \(refusal)")
    }
  }

  /// Lines of `name: value`.
  @Sendable private static func head(_ bytes: [UInt8]) async throws {
    var headers = HTTPHeaders()
    for line in lines(of: bytes) {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      if parts.count == 2 { headers.add(parts[0], trimmed(parts[1])) }
    }
    let request = try HTTPRequest(method: .get, target: "/", headers: headers, remoteAddress: "203.0.113.7")
    if let principal = try await principal(of: request) {
      let token = "development-\(principal.userID.split(separator: "-").last ?? "")"
      try must(headers["Authorization"]?.hasSuffix(token) == true, "nobody is let in without a token")
    }
    if let key = try taken(unless: APIProblem.self, { try IdempotencyKey(of: request) }).flatMap(\.self) {
      try must((1...255).contains(key.text.utf8.count), "a key is bounded")
    }
    _ = try taken(unless: Authentication.ConfigurationError.self) { try Authentication(tokens: String(decoding: bytes, as: UTF8.self)) }
  }

  private static func principal(of request: HTTPRequest) async throws -> Principal? {
    do { return try await Authentication.development.principal(of: request) } catch is APIProblem { return nil }
  }

  /// A token, a set of keys, or a token of these claims under a key that is trusted.
  @Sendable private static func token(_ bytes: [UInt8]) async throws {
    let text = String(decoding: bytes, as: UTF8.self)
    if let token = try taken(unless: TokenError.self, { try SignedToken(text) }) {
      try must(text.utf8.count <= SignedToken.largestToken && !token.signedText.isEmpty, "a token is bounded")
    }
    if let set = try taken(unless: UsageError.self, { try JSONWebKeySet(json: bytes, takesSecrets: true) }) {
      try must(!set.keys.isEmpty && set.keys.count <= JSONWebKeySet.mostKeys, "a set of keys is bounded")
    }
    let secret = Array(repeating: 7 as UInt8, count: 32)
    let verifier = TokenVerifier(
      issuers: [
        TrustedIssuer(name: "i", audience: "a", keys: IssuerKeys(.fixed([VerificationKey(keyID: nil, material: .secret(secret))])))
      ], now: { 1000 })
    // Whoever has no key gets nothing in; under the key the claims alone decide.
    do {
      _ = try await verifier.verify(text)
      try must(false, "a token is taken that nobody signed")
    } catch is TokenError {}
    let signed = "eyJhbGciOiJIUzI1NiJ9.\(Base64URL.encode(bytes))"
    do {
      let claims = try await verifier.verify("\(signed).\(Base64URL.encode(HMAC.sha256(key: secret, Array(signed.utf8))))").claims
      try must(claims.issuer == "i" && claims.audiences.contains("a") && claims.expiresAt > 1000 - 60, "claims that do not hold are taken")
      try must(1...255 ~= claims.subject.utf8.count, "a user's name is bounded")
    } catch is TokenError {}
  }

  /// Lines of `name=value`.
  @Sendable private static func form(_ bytes: [UInt8]) throws {
    let fields = lines(of: bytes).map { line in
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (name: parts[0], value: parts.count > 1 ? parts[1] : "")
    }
    if let name = TrackTexts.fileName(fields.first?.value) {
      try must(!name.contains("/") && !name.contains("\\") && name.unicodeScalars.count <= 255, "a file's name is no path")
    }
    guard let form = try taken(unless: APIProblem.self, { try UploadForm(fields) }) else { return }
    try must(form.tags.count <= TrackTexts.tagCount && Set(form.tags).count == form.tags.count, "tags are few, each once")
    try must((form.lyrics?.utf8.count ?? 0) <= TrackTexts.lyricsBytes, "lyrics are bounded")
    let texts = [form.title, form.language].compactMap(\.self) + form.tags
    try must(!texts.joined().unicodeScalars.contains { $0.properties.generalCategory == .control }, "no control character gets in")
    guard let title = form.title else { return }
    try must(try TrackTexts.title(title) == title, "a title that was taken is taken again as it is")
  }
}
