import Foundation
import HTTP

/// Whose tokens are taken, and for what.
struct TrustedIssuer: Sendable {
  /// The `iss` of its tokens, compared exactly.
  let name: String
  /// What their `aud` must hold.
  let audience: String
  /// The claim that lists the user's roles.
  var rolesClaim = TokenClaims.rolesClaim
  /// The `typ` that its tokens must have; nil for those of RFC 7519 and RFC 9068, or none.
  var type: String?
  let keys: IssuerKeys
}

/// Checks JSON Web Tokens (RFC 7519 section 7.2) by the issuers that are trusted.
struct TokenVerifier: Sendable {
  let issuers: [TrustedIssuer]
  /// Seconds since the Unix epoch.
  var now: @Sendable () -> Double = { Date().timeIntervalSince1970 }

  /// The claims of a token that holds here and now.
  ///
  /// The claims choose the issuer, and are believed only when a key of that issuer signed them.
  /// - Throws: `TokenError`; `APIProblem` 503 when the issuer's keys cannot be had.
  func verify(_ text: String) async throws -> (claims: TokenClaims, issuer: TrustedIssuer) {
    let token = try SignedToken(text)
    let unproven = try TokenClaims(json: token.payload)
    guard let issuer = issuers.first(where: { $0.name == unproven.issuer && Self.fits(token.type, $0.type) }) else {
      throw issuers.contains { $0.name == unproven.issuer } ? TokenError.typeNotAllowed : .issuerNotTrusted
    }
    guard try await issuer.keys.candidates(for: token).contains(where: { $0.verifies(token) }) else { throw TokenError.signatureWrong }
    let claims = try TokenClaims(json: token.payload, rolesClaim: issuer.rolesClaim)
    try claims.check(audience: issuer.audience, now: now())
    return (claims, issuer)
  }

  private static func fits(_ type: String?, _ wanted: String?) -> Bool {
    guard let wanted else { return type == nil || ["jwt", "at+jwt", "application/at+jwt"].contains(type?.lowercased()) }
    return type == wanted
  }
}

/// An issuer as the configuration names it.
struct TokenIssuerSettings: Sendable, Equatable {
  /// File or URL of its JSON Web Key Set.
  let keys: String
  let issuer: String
  let audience: String
  let rolesClaim: String

  func trusted(_ client: HTTPClient) -> TrustedIssuer {
    let place: IssuerKeys.Place = keys.contains("://") ? .url(keys, client) : .file(keys)
    return TrustedIssuer(name: issuer, audience: audience, rolesClaim: rolesClaim, keys: IssuerKeys(place))
  }
}
