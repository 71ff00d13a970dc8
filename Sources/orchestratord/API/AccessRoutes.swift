import Foundation
import HTTP
import PostgreSQL

/// The routes for accounts, sessions, keys and the audit log.
///
///     AccessAPI(directory: directory, tokens: tokens, authentication: authentication).addRoutes(to: &router)
struct AccessAPI: Sendable {
  let directory: AccessDirectory
  let tokens: OwnTokens
  let authentication: Authentication
  var proxies = TrustedProxies.none

  static let largestBody = 64 << 10

  func addRoutes(to router: inout Router) {
    addAccountRoutes(to: &router)
    addSessionRoutes(to: &router)
    addKeyRoutes(to: &router)
    addApplicationRoutes(to: &router)
    router.on(.get, "/api/v1/audit-log") { try await listActions($0) }
    router.on(.get, "/.well-known/jwks.json") { _ in try publishedKeys() }
  }

  /// `GET /api/v1/audit-log?actor=&target=&limit=&cursor=`: what admins and operators did, newest first.
  private func listActions(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try await authentication.authorized(request, .operator, .admin)
    let limit = try request.number("limit", in: 1...1000, default: 50)
    let actions = try await AuditTrail(database: directory.database).actions(
      of: request.queryValue("actor"), on: request.queryValue("target"), before: try request.numberedCursor(), limit: limit)
    let next = actions.count == limit ? actions.last.map { String($0.id) } : nil
    return try .json(encoding: Page(items: actions, nextCursor: next))
  }

  /// `GET /.well-known/jwks.json`: what other programs check our tokens with; empty where they are signed with a secret.
  private func publishedKeys() throws -> HTTPResponse {
    var response = try HTTPResponse.json(encoding: PublishedKeys(tokens.signer.verificationKey))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
  }

  /// - Throws: `APIProblem` 400.
  func id(_ request: HTTPRequest) throws -> UUID {
    guard let id = UUID(uuidString: request.parameters["id"] ?? "") else {
      throw APIProblem.invalid("invalid-id", "It is named by a UUID such as 3f2b8c1e-9d4a-4e6f-8a7b-0c1d2e3f4a5b.")
    }
    return id
  }

  /// The account of whoever asks.
  /// - Throws: `APIProblem` 403 for users that another issuer knows, and for keys.
  func ownAccount(_ request: HTTPRequest) async throws -> AccountRecord {
    let principal = try await authentication.principal(of: request)
    guard let id = UUID(uuidString: principal.userID), let account = try await directory.account(id) else {
      throw APIProblem(.forbidden, "no-account", "This user has no account here: it logs in elsewhere.")
    }
    return account
  }

  /// - Throws: `APIProblem` 404 when it is nil.
  func found<Value>(_ value: Value?, _ what: String) throws -> Value {
    guard let value else { throw APIProblem(.notFound, "\(what)-not-found", "There is no such \(what.replacing("-", with: " ")).") }
    return value
  }
}
