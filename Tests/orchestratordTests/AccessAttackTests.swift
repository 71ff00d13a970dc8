import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Testing

@testable import orchestratord

/// Every request that the documents list, sent with every kind of token that must not work.
@Suite struct AccessAttackTests {
  private struct Target: CustomStringConvertible {
    let method: HTTPMethod
    let path: String
    /// Whom the documents let in; nil for every user.
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
      var router = Router()
      router.use { try await audit.around($0, $1) }
      MusicAPI(catalog: api.catalog, store: api.store, authentication: authentication, tokens: tokens).addRoutes(to: &router)
      AssetAPI(catalog: api.catalog, store: api.store, authentication: authentication, tokens: tokens).addRoutes(to: &router)
      AccessAPI(directory: directory, tokens: tokens, authentication: authentication).addRoutes(to: &router)
      EventAPI(feed: api.feed, authentication: authentication, tokens: tokens).addRoutes(to: &router)
      WebhookAPI(
        catalog: WebhookCatalog(api.database), authentication: authentication, addresses: .publicOnly, wake: {}
      ).addRoutes(to: &router)
      let client = Client(api.database, Registry(), identity: "api")
      OperatorAPI(client: client, authentication: authentication).addRoutes(to: &router)
      TaskAPI(tasks: RemoteTasks(client), authentication: authentication).addRoutes(to: &router)
      MetricsRoutes(database: api.database, authentication: authentication, requests: RequestMetrics(), work: WorkMetrics())
        .addRoutes(to: &router)
      self.router = router
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

  /// What the tables of the documents list, with something in place of each parameter.
  private static func targets() throws -> [Target] {
    let top = URL(fileURLWithPath: #filePath).appending(path: "../../..").standardizedFileURL
    var targets: [Target] = []
    let programs = [
      "POST /workflows", "GET /workflows/{workflowId}", "GET /workflows/{workflowId}/query/{name}", "POST /workflows/{workflowId}/signal",
      "POST /workflows/{workflowId}/updates", "GET /workflows/{workflowId}/updates/{updateId}",
    ]
    for (document, prefix) in [("docs/api.md", ""), ("docs/operator-api.md", "/api/v1")] {
      let text = try String(contentsOf: top.appending(path: document), encoding: .utf8)
      for row in text.split(separator: "\n") where row.hasPrefix("| `") {
        let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        guard prefix.isEmpty == false || cells[1] != "nobody" else { continue }
        for match in cells[0].matches(of: /(GET|POST|PUT|DELETE) (\/[^?` ]+)/) {
          let path = String(match.2).replacing("{id}", with: UUID().uuidString).replacing("{sequence}", with: "7")
            .replacing(/\{[a-zA-Z]+\}/, with: "x")
          let isForPrograms = !prefix.isEmpty && programs.contains("\(match.1) \(match.2)")
          let staff: Set<Role> = isForPrograms ? [.operator, .admin, .service] : [.operator, .admin]
          let roles = prefix.isEmpty ? Self.roles(cells[1]) : staff
          targets.append(Target(method: HTTPMethod(rawValue: String(match.1)), path: prefix + path, roles: roles))
        }
      }
    }
    return targets
      + ["/api/v1/task-queues/x/poll", "/api/v1/tasks/heartbeat", "/api/v1/tasks/complete", "/api/v1/tasks/fail"].map {
        Target(method: .post, path: $0, roles: [.worker])
      }
  }

  /// What the column of roles says.
  private static func roles(_ cell: String) -> Set<Role>? {
    cell == "any" ? nil : Set(cell.split(separator: ",").compactMap { Role(rawValue: $0.trimmingCharacters(in: .whitespaces)) })
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
    let targets = try Self.targets()
    #expect(targets.count > 60, "the documents list the requests")
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
  func `A user of one role passes exactly where the documents say so`(role: Role) async throws {
    let api = try await TestAPI()
    let service = try Service(api)
    let now = Date().timeIntervalSince1970
    var claims = TokenClaims(issuer: "https://issuer.example", subject: "lisa", audience: "music", issuedAt: now, expiresAt: now + 600)
    claims.roles = [role]
    let token = try service.issuer.token(claims)
    for target in try Self.targets() {
      let answer = try await service.send(target, as: token)
      let isPermitted = target.roles?.contains(role) ?? true
      let isRefused = answer.status == 403 && answer.problem == "role-required"
      #expect(isRefused != isPermitted && answer.status != 401 && answer.status != 500, "\(target): \(answer.status)")
    }
    if role == .listener { #expect(try await api.database.query(Self.traces).int64(0, 0) == 0) }
  }
}
