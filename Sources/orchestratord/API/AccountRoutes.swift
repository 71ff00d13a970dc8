import Foundation
import HTTP

/// The body of `POST /api/v1/accounts`.
struct AccountRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case email, username, password }

  let email: String
  let username: String
  let password: String

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    email = try fields.decode(String.self, forKey: .email)
    username = try fields.decode(String.self, forKey: .username)
    password = try fields.decode(String.self, forKey: .password)
  }
}

/// The body of `PUT /api/v1/accounts/{id}/roles`.
struct RolesRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case roles, reason }

  let roles: Set<Role>

  init(from decoder: any Decoder) throws {
    roles = Set(try decoder.container(keyedBy: Field.self).decode([Role].self, forKey: .roles))
  }
}

struct AccountDocument: Encodable {
  let id: String
  let email: String
  let username: String
  let roles: [String]
  let isBlocked: Bool
  let createdAt: String

  init(_ record: AccountRecord) {
    id = record.userID
    email = record.email
    username = record.username
    roles = record.roles.map(\.rawValue).sorted()
    isBlocked = record.isBlocked
    createdAt = Timestamp.text(record.createdAt)
  }
}

/// Accounts: made by anybody, looked after by admins.
extension AccessAPI {
  /// Roles of people; programs have keys.
  static let personalRoles: Set<Role> = [.listener, .artist, .admin, .operator]

  func addAccountRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/accounts") { try await register($0) }
    router.on(.get, "/api/v1/accounts") { try await listAccounts($0) }
    router.on(.get, "/api/v1/accounts/me") { try .json(encoding: AccountDocument(try await ownAccount($0))) }
    router.on(.get, "/api/v1/accounts/{id}") { request in
      _ = try await authentication.authorized(request, .admin)
      return try .json(encoding: AccountDocument(try found(try await directory.account(try id(request)), "account")))
    }
    router.on(.put, "/api/v1/accounts/{id}/roles") { try await changeRoles($0) }
    router.on(.post, "/api/v1/accounts/{id}/block") { try await setBlocked(true, $0) }
    router.on(.post, "/api/v1/accounts/{id}/unblock") { try await setBlocked(false, $0) }
  }

  /// `POST /api/v1/accounts`: everybody begins as a listener.
  private func register(_ request: HTTPRequest) async throws -> HTTPResponse {
    let body = try await request.strictJSON(AccountRequest.self, upTo: Self.largestBody)
    let (email, username) = (try AccountTexts.email(body.email), try AccountTexts.username(body.username))
    let password = try AccountTexts.password(body.password, username: username, email: email)
    try await AttemptLimit.accountsPerAddress.take(proxies.subject(of: request), directory.database)
    let hash = try await PasswordWork.shared.hash(password)
    guard let account = try await directory.addAccount(email: email, username: username, passwordHash: hash, roles: [.listener]) else {
      throw APIProblem(.conflict, "account-exists", "There is an account with this email address or user name.")
    }
    var response = try HTTPResponse.json(encoding: AccountDocument(account), status: .created)
    response.headers["Location"] = "/api/v1/accounts/me"
    return response
  }

  /// `GET /api/v1/accounts?role=&limit=&cursor=`, newest first.
  private func listAccounts(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try await authentication.authorized(request, .admin)
    let role = try request.queryValue("role").map { text in
      guard let role = Role(rawValue: text), Self.personalRoles.contains(role) else {
        throw APIProblem.invalid("invalid-query", "\"role\" must be listener, artist, admin or operator.")
      }
      return role
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let accounts = try await directory.accounts(with: role, after: try TimeCursor(of: request), limit: limit)
    let next = accounts.count == limit ? accounts.last.map { TimeCursor(time: $0.createdAt, id: $0.id).text } : nil
    return try .json(encoding: Page(items: accounts.map(AccountDocument.init), nextCursor: next))
  }

  /// `PUT /api/v1/accounts/{id}/roles` `{roles, reason}`: counts from the next request of that user on.
  private func changeRoles(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try id(request)
    let roles = try await request.strictJSON(RolesRequest.self, upTo: Self.largestBody).roles
    guard roles.isSubset(of: Self.personalRoles) else {
      throw APIProblem.invalidField("roles", "may hold listener, artist, admin and operator: programs get keys")
    }
    // An admin who gives the role away by mistake could lock everybody out.
    guard roles.contains(.admin) || principal.userID != id.uuidString.lowercased() else {
      throw APIProblem(.conflict, "own-account", "Let another admin take this role from you.")
    }
    return try .json(encoding: AccountDocument(try found(try await directory.setRoles(roles, of: id), "account")))
  }

  /// `POST /api/v1/accounts/{id}/block` and `.../unblock` `{reason}`.
  private func setBlocked(_ isBlocked: Bool, _ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try id(request)
    _ = try await request.optionalJSON(ModerationRequest.self, upTo: Self.largestBody)
    guard principal.userID != id.uuidString.lowercased() else {
      throw APIProblem(.conflict, "own-account", "Let another admin do this to your account.")
    }
    return try .json(encoding: AccountDocument(try found(try await directory.setBlocked(isBlocked, id), "account")))
  }
}
