import Foundation

/// What a token says (RFC 7519 section 4.1), and a few claims of ours.
struct TokenClaims: Sendable, Equatable {
  var issuer: String
  /// The user.
  var subject: String
  var audiences: [String]
  /// Seconds since the Unix epoch, as all times here.
  var expiresAt: Double
  var notBefore: Double?
  var issuedAt: Double?
  /// By the issuer's claim for roles; what is no role here is left out.
  var roles: Set<Role> = []
  /// Which generation of the account's tokens it belongs to: they end together.
  var generation: Int?
  /// The one track, or try of a job, that it is about.
  var track: String?

  /// The claim for roles in our own tokens.
  static let rolesClaim = "roles"

  /// Clocks of two machines may differ by so much.
  static let leeway: Double = 60
  /// 31 December 9999: later times are nonsense.
  private static let latestTime: Double = 253_402_300_799

  /// - Throws: `claimMissing` for one that is missing or has another type.
  init(json: [UInt8], rolesClaim: String = TokenClaims.rolesClaim) throws(TokenError) {
    let claims: [String: ClaimValue] = try SignedToken.decode(json)
    issuer = try Self.name("iss", claims)
    subject = try Self.name("sub", claims)
    audiences = try Self.audiences(claims["aud"])
    guard let expiresAt = try Self.time("exp", claims) else { throw .claimMissing("exp") }
    self.expiresAt = expiresAt
    notBefore = try Self.time("nbf", claims)
    issuedAt = try Self.time("iat", claims)
    switch claims[rolesClaim] {
    case .texts(let names)?: roles = Set(names.compactMap(Role.init))
    case .text(let names)?: roles = Set(names.split(separator: " ").compactMap { Role(rawValue: String($0)) })
    default: break
    }
    if case .number(let number)? = claims["gen"] { generation = Int(exactly: number) }
    if case .text(let text)? = claims["track"] { track = text }
  }

  init(issuer: String, subject: String, audience: String, issuedAt: Double, expiresAt: Double) {
    self.issuer = issuer
    self.subject = subject
    audiences = [audience]
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }

  /// Whether it is for this audience and holds now.
  func check(audience: String, now: Double) throws(TokenError) {
    guard audiences.contains(audience) else { throw .audienceWrong }
    guard now < expiresAt + Self.leeway else { throw .expired }
    guard now >= (notBefore ?? 0) - Self.leeway else { throw .notYetValid }
  }

  private static func name(_ claim: String, _ claims: [String: ClaimValue]) throws(TokenError) -> String {
    guard case .text(let text)? = claims[claim], 1...255 ~= text.utf8.count,
      !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
    else { throw .claimMissing(claim) }
    return text
  }

  private static func audiences(_ value: ClaimValue?) throws(TokenError) -> [String] {
    switch value {
    case .text(let one)?: return [one]
    case .texts(let many)?: return many
    default: throw .claimMissing("aud")
    }
  }

  private static func time(_ claim: String, _ claims: [String: ClaimValue]) throws(TokenError) -> Double? {
    switch claims[claim] {
    case nil: return nil
    case .number(let seconds)? where 0...latestTime ~= seconds: return seconds
    default: throw .claimMissing(claim)
    }
  }
}

/// The shapes of claims that are read; every other one is passed over.
private enum ClaimValue: Decodable {
  case text(String)
  case number(Double)
  case texts([String])
  case other

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let text = try? value.decode(String.self) {
      self = .text(text)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let texts = try? value.decode([String].self), texts.count <= 64 {
      self = .texts(texts)
    } else {
      self = .other
    }
  }
}

extension TokenClaims: Encodable {
  enum CodingKeys: String, CodingKey {
    case issuer = "iss"
    case subject = "sub"
    case audience = "aud"
    case expiresAt = "exp"
    case notBefore = "nbf"
    case issuedAt = "iat"
    case roles, track
    case generation = "gen"
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(issuer, forKey: .issuer)
    try fields.encode(subject, forKey: .subject)
    if audiences.count == 1 { try fields.encode(audiences[0], forKey: .audience) } else { try fields.encode(audiences, forKey: .audience) }
    try fields.encode(Int64(expiresAt), forKey: .expiresAt)
    try fields.encodeIfPresent(notBefore.map { Int64($0) }, forKey: .notBefore)
    try fields.encodeIfPresent(issuedAt.map { Int64($0) }, forKey: .issuedAt)
    if !roles.isEmpty { try fields.encode(roles.map(\.rawValue).sorted(), forKey: .roles) }
    try fields.encodeIfPresent(generation, forKey: .generation)
    try fields.encodeIfPresent(track, forKey: .track)
  }
}
