import Cryptography
import Foundation
import HTTP

/// Finds out who sent a request, by its bearer token (RFC 6750).
struct Authentication: Sendable {
  /// A configuration that cannot be read; never shows a token.
  struct ConfigurationError: Error, CustomStringConvertible {
    let entry: Int
    var description: String {
      "entry \(entry) of the access tokens is not token:user:role with a token of 16 or more characters and no spaces"
    }
  }

  private struct Entry: Sendable {
    let digest: [UInt8]
    let principal: Principal
  }

  private let entries: [Entry]
  /// Who sends a request without a token from this machine; nil refuses it.
  private let local: Principal?
  /// Checks JSON Web Tokens; nil takes none.
  var verifier: TokenVerifier?
  /// Knows accounts and keys; nil where there are none.
  var directory: AccessDirectory?
  /// Where actions of admins and operators are written down; nil writes none.
  var audit: AuditTrail?

  /// Reads `token:user:role` entries separated by commas or white space; roles are joined by `+`.
  init(tokens configuration: String) throws(ConfigurationError) {
    var entries: [Entry] = []
    let parts = configuration.split { $0 == "," || $0.isWhitespace }
    for (index, part) in parts.enumerated() {
      let fields = part.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0].count >= 16, !fields[1].isEmpty, fields[1].utf8.count <= 255 else {
        throw ConfigurationError(entry: index + 1)
      }
      let roles = fields[2].split(separator: "+").compactMap { Role(rawValue: String($0)) }
      guard !roles.isEmpty, roles.count == fields[2].split(separator: "+").count else { throw ConfigurationError(entry: index + 1) }
      let principal = Principal(userID: String(fields[1]), roles: Set(roles))
      entries.append(Entry(digest: Digest.sha256(fields[0].utf8), principal: principal))
    }
    self.entries = entries
    local = nil
  }

  /// Without tokens of its own.
  static let closed = Authentication(entries: [], local: nil)

  /// For development: fixed tokens, and requests without one from this machine may do everything.
  static let development = Authentication(
    entries: developmentTokens.map { Entry(digest: Digest.sha256($0.token.utf8), principal: $0.principal) },
    local: Principal(userID: "developer", roles: Set(Role.allCases)))

  /// The tokens of `development`, to be shown at the start.
  static let developmentTokens: [(token: String, principal: Principal)] = Role.allCases.map {
    ("development-\($0.rawValue)", Principal(userID: "development-\($0.rawValue)", roles: [$0]))
  }

  private init(entries: [Entry], local: Principal?) {
    self.entries = entries
    self.local = local
  }

  /// - Throws: `APIProblem` 401; 429 when there were too many requests.
  func principal(of request: HTTPRequest) async throws -> Principal {
    let principal: Principal
    do {
      principal = try await authenticated(request)
    } catch let problem as APIProblem where problem.status == .unauthorized {
      try RequestLimit.count(address: request)
      throw problem
    }
    try RequestLimit.count(user: principal.userID)
    return principal
  }

  private func authenticated(_ request: HTTPRequest) async throws -> Principal {
    let headers = request.headers.values("Authorization")
    guard let header = headers.first else {
      if let local, Self.isFromThisMachine(request) { return local }
      throw Self.refusal("Send an access token as 'Authorization: Bearer <token>'.", isTokenWrong: false)
    }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard headers.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
      throw Self.refusal("Only one 'Authorization: Bearer <token>' is understood.", isTokenWrong: false)
    }
    return try await principal(by: String(parts[1]))
  }

  /// As `principal`, for those who have one of the roles; what an admin or operator changes is written down before it is done.
  /// - Throws: `APIProblem` 401, 403.
  func authorized(_ request: HTTPRequest, _ roles: [Role]) async throws -> Principal {
    let principal = try await principal(of: request)
    try principal.require(roles)
    if !principal.roles.isDisjoint(with: [.admin, .operator]) { try await audit?.begin(request, principal) }
    return principal
  }

  func authorized(_ request: HTTPRequest, _ roles: Role...) async throws -> Principal { try await authorized(request, roles) }

  private func principal(by token: String) async throws -> Principal {
    // Every entry is compared, and digests in constant time: how long it takes tells nothing about any token.
    let digest = Digest.sha256(token.utf8)
    var found: Principal?
    for entry in entries where constantTimeEqual(entry.digest, digest) { found = entry.principal }
    if let found { return found }
    if let directory, token.hasPrefix(AccessDirectory.keyPrefix) {
      guard let principal = try await directory.principal(ofKey: token) else {
        throw Self.refusal("The key is not known, was revoked, or has ended.")
      }
      return principal
    }
    guard let verifier, token.contains(".") else { throw Self.refusal("The access token is not known.") }
    do {
      let (claims, issuer) = try await verifier.verify(token)
      if issuer.name == OwnTokens.issuer { return try await accountHolder(claims) }
      return Principal(userID: claims.subject, roles: claims.roles)
    } catch let error as TokenError {
      throw Self.refusal("The access token is not taken: \(error).")
    }
  }

  /// The account says what its user may do, now and not when the token was made.
  private func accountHolder(_ claims: TokenClaims) async throws -> Principal {
    guard let directory, let id = UUID(uuidString: claims.subject), let account = try await directory.account(id),
      account.generation == claims.generation, !account.isBlocked
    else { throw Self.refusal("The session has ended. Log in again.") }
    return Principal(userID: account.userID, roles: account.roles)
  }

  /// 401 with the challenge of RFC 6750 section 3.
  static func refusal(_ detail: String, isTokenWrong: Bool = true) -> APIProblem {
    let challenge = isTokenWrong ? "Bearer realm=\"orchestrator\", error=\"invalid_token\"" : "Bearer realm=\"orchestrator\""
    return APIProblem(.unauthorized, "unauthorized", detail, headers: ["WWW-Authenticate": challenge])
  }

  /// The address alone is not enough: a page of another site, open in a browser of this machine, sends from here too.
  private static func isFromThisMachine(_ request: HTTPRequest) -> Bool {
    let isLoopback =
      request.remoteAddress == "::1" || request.remoteAddress.hasPrefix("127.") || request.remoteAddress.hasPrefix("::ffff:127.")
    let origin = request.headers["Origin"].map { $0.split(separator: "/").last.map(String.init) ?? "" }
    return isLoopback && isLocal(host: request.headers["Host"]) && (origin == nil || isLocal(host: origin))
  }

  private static func isLocal(host: String?) -> Bool {
    guard let host else { return true }
    if host.hasPrefix("[") { return host.hasPrefix("[::1]") }
    let name = host.split(separator: ":").first.map(String.init) ?? ""
    return name.lowercased() == "localhost" || name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." }
  }
}
