import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Testing

@testable import orchestratord

/// Every request that the contract lists, sent with every kind of token that must not work.
@Suite struct AccessAttackTests {
  private struct Target: CustomStringConvertible {
    let method: HTTPMethod
    let path: String
    /// Whom the contract lets in; nil for every user.
    let roles: Set<Role>?
    var description: String { "\(method.rawValue) \(path)" }
  }

  /// The whole API over one database, its own tokens signed by RS256, and an issuer outside.
  private struct Service {
    let router: Router
    let tokens: OwnTokens
    let issuer: TokenSigner
    let directory: AccessDirectory

    init(_ api: TestAPI) throws {
      tokens = OwnTokens(try TokenSigner(RSAKeys.first))
      issuer = try TokenSigner(RSAKeys.second)
      directory = AccessDirectory(database: api.database)
      let trusted = TrustedIssuer(
        name: "https://issuer.example", audience: "music", keys: IssuerKeys(.fixed([issuer.verificationKey])))
      let audit = AuditTrail(database: api.database)
      var authentication = Authentication.closed
      authentication.verifier = TokenVerifier(issuers: [tokens.trusted, trusted])
      authentication.directory = directory
      authentication.audit = audit
      let access = AccessAPI(directory: directory, tokens: tokens, authentication: authentication)
      let client = Client(api.database, Registry(), identity: "api")
      router = orchestratord.Service.router(
        Configuration(), client, api.catalog, api.store, api.database, access, WorkMetrics(), api.feed, api.resumable)
    }

    func send(_ target: Target, as token: String?) async throws -> Answer {
      var headers: HTTPHeaders = ["Content-Type": "application/json"]
      if let token { headers["Authorization"] = "Bearer \(token)" }
      return Answer(
        await router.respond(
          to: try HTTPRequest(
            method: target.method, target: target.path, headers: headers, remoteAddress: "127.0.0.1", body: RequestBody(Array("{}".utf8)))))
    }
  }

  /// What the contract lists, with something in place of each parameter.
  private static func targets() -> [Target] {
    ContractDocument.embedded.operations.filter { $0.audience != .nobody }.map { operation in
      let path = operation.path.replacing("{id}", with: UUID().uuidString).replacing("{sequence}", with: "7")
        .replacing(/\{[a-zA-Z]+\}/, with: "x")
      guard case .roles(let roles) = operation.audience else { return Target(method: operation.method, path: path, roles: nil) }
      return Target(method: operation.method, path: path, roles: roles)
    }
  }

  private static func unsigned(_ token: String, header: String, secret: [UInt8]?) -> String {
    let text = "\(Base64URL.encode(header.utf8)).\(token.split(separator: ".")[1])"
    return "\(text).\(secret.map { Base64URL.encode(HMAC.sha256(key: $0, Array(text.utf8))) } ?? "")"
  }

  /// Tokens that were forged, have ended, or are for something else; each by its name.
  private static func tokens(_ service: Service) async throws -> [(name: String, token: String?)] {
    let account = try #require(
      try await service.directory.addAccount(
        email: "ada@example.org", username: "ada", passwordHash: String(repeating: "x", count: 60), roles: [.admin, .artist, .operator]))
    let good = try service.tokens.session(of: account.userID, roles: account.roles, generation: account.generation).token
    #expect(try await service.send(Target(method: .get, path: "/api/v1/accounts/me", roles: nil), as: good).status == 200)
    let now = Date().timeIntervalSince1970
    func outside(_ change: (inout TokenClaims) -> Void) throws -> String {
      var claims = TokenClaims(issuer: "https://issuer.example", subject: "ada", audience: "music", issuedAt: now, expiresAt: now + 600)
      claims.roles = Set(Role.allCases)
      change(&claims)
      return try service.issuer.token(claims)
    }
    let key = try #require(try await service.directory.addKey(name: "k", roles: [.operator], taskQueues: nil, lifetime: nil, by: "ada"))
    _ = try await service.directory.revokeKey(key.record.id)
    guard case .publicKey(let publicKey) = service.tokens.signer.verificationKey.material else { return [] }
    return [
      ("none at all", nil), ("alg none", unsigned(good, header: #"{"alg":"none"}"#, secret: nil)),
      ("alg None", unsigned(good, header: #"{"alg":"None","kid":"\#(service.tokens.signer.keyID)"}"#, secret: nil)),
      ("HS256 under the public key's PEM", unsigned(good, header: #"{"alg":"HS256"}"#, secret: Array(RSAKeys.firstPublic.utf8))),
      (
        "HS256 under the modulus",
        unsigned(good, header: #"{"alg":"HS256","kid":"\#(service.tokens.signer.keyID)"}"#, secret: publicKey.modulus)
      ),
      ("signature left out", good.split(separator: ".").dropLast().joined(separator: ".") + "."),
      (
        "claims of another token under this signature",
        good.split(separator: ".").enumerated().map { $0 == 1 ? "e30" : String($1) }.joined(separator: ".")
      ),
      (
        "our claims under the other issuer's key",
        try service.issuer.token(
          {
            var claims = TokenClaims(
              issuer: OwnTokens.issuer, subject: account.userID, audience: OwnTokens.audience, issuedAt: now, expiresAt: now + 600)
            claims.generation = account.generation
            return claims
          }())
      ),
      ("expired", try outside { $0.expiresAt = now - 61 }), ("not yet valid", try outside { $0.notBefore = now + 120 }),
      ("for another audience", try outside { $0.audiences = ["films"] }),
      ("of another issuer", try outside { $0.issuer = "https://evil.example" }),
      ("session of an earlier generation", try service.tokens.session(of: account.userID, roles: account.roles, generation: 0).token),
      ("session of nobody", try service.tokens.session(of: UUID().uuidString, roles: [.admin], generation: 1).token),
      ("channel token", try service.tokens.channel(for: UUID().uuidString, of: account.userID)),
      ("revoked key", key.key), ("invented key", "ork_" + String(repeating: "A", count: 43)), ("development token", "development-admin"),
    ]
  }

  private static let traces = Statement(
    name: "traces",
    sql: """
      select (select count(*) from music.tracks) + (select count(*) from access.audit_log) + (select count(*) from orchestrator.inbox)
        + (select count(*) from orchestrator.schedules) + (select count(*) from access.artist_applications)
      """)

  @Test func `No request passes with a token that is forged, has ended, or is for something else, and none leaves a trace`() async throws {
    let api = try await TestAPI()
    let service = try Service(api)
    let targets = Self.targets()
    #expect(targets.count > 60, "the contract lists the requests")
    for (name, token) in try await Self.tokens(service) {
      for target in targets {
        let answer = try await service.send(target, as: token)
        let challenge = answer.response.headers["WWW-Authenticate"] ?? ""
        #expect(answer.status == 401 && answer.problem == "unauthorized" && challenge.hasPrefix("Bearer "), "\(name): \(target)")
      }
    }
    #expect(try await api.database.query(Self.traces).int64(0, 0) == 0)
    #expect(api.files.isEmpty)
  }

  @Test(arguments: Role.allCases)
  func `A user of one role passes exactly where the contract says so`(role: Role) async throws {
    let api = try await TestAPI()
    let service = try Service(api)
    let now = Date().timeIntervalSince1970
    var claims = TokenClaims(issuer: "https://issuer.example", subject: "lisa", audience: "music", issuedAt: now, expiresAt: now + 600)
    claims.roles = [role]
    let token = try service.issuer.token(claims)
    for target in Self.targets() {
      let answer = try await service.send(target, as: token)
      let isPermitted = target.roles?.contains(role) ?? true
      let isRefused = answer.status == 403 && answer.problem == "role-required"
      #expect(isRefused != isPermitted && answer.status != 401 && answer.status != 500, "\(target): \(answer.status)")
    }
    if role == .listener { #expect(try await api.database.query(Self.traces).int64(0, 0) == 0) }
  }
}
