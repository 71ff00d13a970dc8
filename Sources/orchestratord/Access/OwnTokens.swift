import Foundation

/// The tokens that the service makes itself: one of seven days for a user who logged in, short ones for streams of events.
struct OwnTokens: Sendable {
  static let issuer = "orchestrator"
  static let audience = "orchestrator"
  /// Apart from access tokens in audience and type: neither serves as the other.
  static let channelAudience = "orchestrator:events"
  static let channelType = "channel+jwt"
  static let reportAudience = "orchestrator:reports"
  static let reportType = "report+jwt"

  static let sessionSeconds = 7.0 * 86_400
  /// Longer than any track is processed; a stream that began goes on after it.
  static let channelSeconds = 3600.0

  static let streamAudience = "orchestrator:stream"
  static let streamType = "stream+jwt"

  let signer: TokenSigner
  private let channels: TokenVerifier
  private let reports: TokenVerifier
  private let streams: TokenVerifier
  private let now: @Sendable () -> Double

  init(_ signer: TokenSigner, now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }) {
    self.signer = signer
    self.now = now
    func verifier(_ audience: String, _ type: String) -> TokenVerifier {
      let keys = IssuerKeys(.fixed([signer.verificationKey]))
      return TokenVerifier(issuers: [TrustedIssuer(name: Self.issuer, audience: audience, type: type, keys: keys)], now: now)
    }
    channels = verifier(Self.channelAudience, Self.channelType)
    reports = verifier(Self.reportAudience, Self.reportType)
    streams = verifier(Self.streamAudience, Self.streamType)
  }

  /// What takes the access tokens again.
  var trusted: TrustedIssuer {
    TrustedIssuer(name: Self.issuer, audience: Self.audience, keys: IssuerKeys(.fixed([signer.verificationKey])))
  }

  /// An access token of seven days.
  /// - Parameter generation: of the account's tokens; when the account's number changes, this one ends.
  func session(of user: String, roles: Set<Role>, generation: Int) throws -> (token: String, expiresAt: Double) {
    let issuedAt = now().rounded(.down)
    var claims = TokenClaims(
      issuer: Self.issuer, subject: user, audience: Self.audience, issuedAt: issuedAt, expiresAt: issuedAt + Self.sessionSeconds)
    claims.roles = roles
    claims.generation = generation
    return (try signer.token(claims), claims.expiresAt)
  }

  /// A token of an hour for the events of one track, which may stand in a URL: browsers' event sources cannot send headers.
  func channel(for track: String, of user: String) throws -> String {
    let issuedAt = now().rounded(.down)
    var claims = TokenClaims(
      issuer: Self.issuer, subject: user, audience: Self.channelAudience, issuedAt: issuedAt, expiresAt: issuedAt + Self.channelSeconds)
    claims.track = track
    return try signer.token(claims, type: Self.channelType)
  }

  /// A token for the sound of one published track, which stands in the paths of its links.
  func stream(of track: String, for user: String, seconds: Double) throws -> (token: String, expiresAt: Double) {
    let issuedAt = now().rounded(.down)
    var claims = TokenClaims(
      issuer: Self.issuer, subject: user, audience: Self.streamAudience, issuedAt: issuedAt, expiresAt: issuedAt + seconds)
    claims.track = track
    return (try signer.token(claims, type: Self.streamType), claims.expiresAt)
  }

  /// When a link ends, in seconds since the Unix epoch.
  /// - Throws: `TokenError` for a token that is for no links, has expired, or is for another track.
  func expiry(ofStream token: String, of track: String) async throws -> Double {
    let claims = try await streams.verify(token).claims
    guard claims.track == track else { throw TokenError.audienceWrong }
    return claims.expiresAt
  }

  /// The user to whom a channel token was given.
  /// - Throws: `TokenError` for a token that is no channel token, has expired, or is for another track.
  func user(ofChannel token: String, for track: String) async throws -> String {
    let claims = try await channels.verify(token).claims
    guard claims.track == track else { throw TokenError.audienceWrong }
    return claims.subject
  }

  /// A token with which an external processor reports on one try of a job.
  func report(of subject: String, lasting lifetime: Duration) throws -> String {
    let issuedAt = now().rounded(.down)
    var claims = TokenClaims(
      issuer: Self.issuer, subject: "processor", audience: Self.reportAudience, issuedAt: issuedAt,
      expiresAt: issuedAt + (lifetime / .seconds(1)).rounded(.up))
    claims.track = subject
    return try signer.token(claims, type: Self.reportType)
  }

  /// - Throws: `TokenError` for a token that is none of reports, has expired, or is for another job or try.
  func requireReport(_ token: String, of subject: String) async throws {
    guard try await reports.verify(token).claims.track == subject else { throw TokenError.audienceWrong }
  }
}
