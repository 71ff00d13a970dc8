import Cryptography
import Foundation
import HTTP

/// The body of `POST /api/v1/sessions`; `login` is the email address or the user name.
struct SessionRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case login, password }

  let login: String
  let password: String

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    login = try fields.decode(String.self, forKey: .login)
    password = try fields.decode(String.self, forKey: .password)
  }
}

/// The body of `PUT /api/v1/accounts/me/password`.
struct PasswordRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case password, newPassword }

  let password: String
  let newPassword: String

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    password = try fields.decode(String.self, forKey: .password)
    newPassword = try fields.decode(String.self, forKey: .newPassword)
  }
}

struct SessionDocument: Encodable {
  let token: String
  let tokenType = "Bearer"
  let expiresAt: String
  let account: AccountDocument

  init(_ session: (token: String, expiresAt: Double), _ account: AccountRecord) {
    token = session.token
    expiresAt = Timestamp.text(Int64(session.expiresAt) * 1_000_000)
    self.account = AccountDocument(account)
  }
}

/// The public half of the key that tokens are signed with, as a JSON Web Key Set (RFC 7517).
struct PublishedKeys: Encodable {
  struct Key: Encodable {
    let kty = "RSA"
    let use = "sig"
    let alg = SignedToken.Algorithm.rs256
    let kid: String?
    let n: String
    let e: String
  }

  let keys: [Key]

  init(_ key: VerificationKey) {
    switch key.material {
    case .secret: keys = []
    case .publicKey(let rsa): keys = [Key(kid: key.keyID, n: Base64URL.encode(rsa.modulus), e: Base64URL.encode(rsa.exponent))]
    }
  }
}

/// Log-ins: a token of seven days for a password.
extension AccessAPI {
  func addSessionRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/sessions") { try await logIn($0) }
    router.on(.delete, "/api/v1/sessions") { request in
      _ = try await directory.endSessions(of: try await ownAccount(request).id)
      return HTTPResponse(.noContent)
    }
    router.on(.put, "/api/v1/accounts/me/password") { try await changePassword($0) }
  }

  /// `POST /api/v1/sessions`: every attempt is counted before the password is looked at.
  private func logIn(_ request: HTTPRequest) async throws -> HTTPResponse {
    let body = try await request.strictJSON(SessionRequest.self, upTo: Self.largestBody)
    guard 1...254 ~= body.login.utf8.count, !body.login.utf8.contains(0) else { throw Self.wrongCredentials }
    let address = proxies.subject(of: request)
    try await AttemptLimit.loginsPerAddress.take(address, directory.database)
    let known = try await directory.credentials(body.login)
    // Both names of an account share its attempts.
    let subject = known?.account.userID ?? body.login.lowercased()
    try await AttemptLimit.loginsPerAccount.take(subject, directory.database)
    guard try await PasswordWork.shared.fits(body.password, known?.passwordHash), let account = known?.account, !account.isBlocked else {
      throw Self.wrongCredentials
    }
    try await AttemptLimit.loginsPerAccount.forget(subject, directory.database)
    try await AttemptLimit.loginsPerAddress.giveBack(address, directory.database)
    return try session(of: account)
  }

  /// `PUT /api/v1/accounts/me/password` `{password, newPassword}`: all other sessions end, the answer has a new one.
  private func changePassword(_ request: HTTPRequest) async throws -> HTTPResponse {
    let account = try await ownAccount(request)
    let body = try await request.strictJSON(PasswordRequest.self, upTo: Self.largestBody)
    try await AttemptLimit.loginsPerAccount.take(account.userID, directory.database)
    let known = try await directory.credentials(account.email)
    guard try await PasswordWork.shared.fits(body.password, known?.passwordHash) else { throw Self.wrongCredentials }
    let password = try AccountTexts.password(body.newPassword, username: account.username, email: account.email)
    let hash = try await PasswordWork.shared.hash(password)
    try await AttemptLimit.loginsPerAccount.forget(account.userID, directory.database)
    return try session(of: try found(try await directory.setPassword(hash, of: account.id), "account"))
  }

  private func session(of account: AccountRecord) throws -> HTTPResponse {
    let session = try tokens.session(of: account.userID, roles: account.roles, generation: account.generation)
    return try .json(encoding: SessionDocument(session, account), status: .created)
  }

  /// One answer for all that is wrong: it tells nobody which accounts there are.
  private static let wrongCredentials = APIProblem(
    .unauthorized, "wrong-credentials", "The login or the password is wrong.",
    headers: ["WWW-Authenticate": "Bearer realm=\"orchestrator\""])
}
