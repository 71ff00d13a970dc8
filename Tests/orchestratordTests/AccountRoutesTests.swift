import Foundation
import HTTP
import PostgreSQL
import Synchronization
import Testing

@testable import Activities
@testable import orchestratord

@Suite struct AccountRoutesTests {
  private static let password = "seven green bicycles"

  /// A new account and the token of its first session.
  private static func member(_ api: TestAPI, _ name: String = "anna") async throws -> (id: String, token: String) {
    let body = #"{"email":"\#(name)@example.org","username":"\#(name)","password":"\#(password)"}"#
    #expect(try await api.post("/api/v1/accounts", json: body, as: nil).status == 201)
    let session = try await logIn(api, name)
    let account = try #require(session.json["account"] as? [String: Any])
    return (try #require(account["id"] as? String), try #require(session.text("token")))
  }

  private static func logIn(
    _ api: TestAPI, _ login: String, _ password: String = password, from address: String = "192.0.2.1"
  ) async throws -> Answer {
    try await api.post("/api/v1/sessions", json: #"{"login":"\#(login)","password":"\#(password)"}"#, as: nil, from: address)
  }

  private static func me(_ api: TestAPI, _ token: String) async throws -> Answer {
    try await api.send(.get, "/api/v1/accounts/me", as: token)
  }

  @Test func `Who registers logs in by name or address, with a token of seven days, as a listener`() async throws {
    let api = try await TestAPI()
    let (id, token) = try await Self.member(api)
    let byAddress = try await Self.logIn(api, "ANNA@example.org")
    #expect(byAddress.status == 201 && byAddress.text("tokenType") == "Bearer")
    let claims = try await TokenVerifier(issuers: [api.access.tokens.trusted]).verify(token).claims
    #expect(claims.subject == id && claims.expiresAt - (claims.issuedAt ?? 0) == 7 * 86_400)
    let me = try await Self.me(api, token)
    #expect(me.text("username") == "anna" && me.json["roles"] as? [String] == ["listener"] && me.json["password"] == nil)
    let stored = try await api.database.query(Statement(name: "t", sql: "select password_hash from access.accounts"))
    #expect(try stored.text(0, 0).hasPrefix("$2b$10$"))
    let refused = try await api.upload(as: token)
    #expect(refused.status == 403 && refused.text("detail") == "Artist role required.")
  }

  @Test func `An application that is approved makes an artist at once, and tells so`() async throws {
    let api = try await TestAPI()
    let (_, token) = try await Self.member(api)
    let sent = try await api.post("/api/v1/artist-applications", json: #"{"statement":"I sing."}"#, as: token)
    let id = try #require(sent.text("id"))
    #expect(sent.status == 201 && sent.text("status") == "PENDING")
    #expect(try await api.post("/api/v1/artist-applications", json: "{}", as: token).problem == "application-waits")
    #expect(try await api.post("/api/v1/artist-applications/\(id)/approve", json: "{}", as: token).status == 403)
    let waiting = try await api.send(.get, "/api/v1/artist-applications?status=pending", as: "admin-token-00001")
    #expect((waiting.json["items"] as? [[String: Any]])?.first?["statement"] as? String == "I sing.")
    for _ in 0..<2 {
      #expect(try await api.post("/api/v1/artist-applications/\(id)/approve", json: #"{"reason":"Welcome."}"#).text("status") == "APPROVED")
    }
    #expect(try await api.post("/api/v1/artist-applications/\(id)/reject", json: "{}").problem == "already-decided")
    #expect(try await api.upload(as: token).status == 202)
    let told = try #require(try await api.send(.get, "/api/v1/notifications", as: token).json["items"] as? [[String: Any]])
    let notice = try #require(told.last)
    #expect(notice["kind"] as? String == "application" && notice["status"] as? String == "APPROVED" && notice["trackId"] == nil)
    #expect(notice["message"] as? String == "Your application to be an artist was approved. Welcome." && told.count == 2)
  }

  @Test func `A rejected application tells why, and another one may follow`() async throws {
    let api = try await TestAPI()
    let (_, token) = try await Self.member(api)
    let id = try #require(try await api.post("/api/v1/artist-applications", json: "{}", as: token).text("id"))
    #expect(try await api.post("/api/v1/artist-applications/\(id)/reject", json: #"{"reason":"Say more."}"#).status == 200)
    let told = try #require(try await api.send(.get, "/api/v1/notifications", as: token).json["items"] as? [[String: Any]])
    #expect(told.map { $0["message"] as? String } == ["Your application to be an artist was rejected. Say more."])
    #expect(try await api.upload(as: token).status == 403)
    #expect(try await api.post("/api/v1/artist-applications", json: "{}", as: token).status == 201)
    let (_, stranger) = try await Self.member(api, "otto")
    let seen = try await api.send(.get, "/api/v1/artist-applications", as: stranger)
    #expect((seen.json["items"] as? [[String: Any]])?.isEmpty == true)
  }

  @Test(arguments: [
    ("anna@example.org", "anna", "short"), ("anna@example.org", "anna", "aaaaaaaaaaaa"), ("anna@example.org", "anna", "password123"),
    ("anna@example.org", "anna", "my name is anna"), ("anna@example.org", "anna", String(repeating: "long words ", count: 7)),
    ("anna", "anna", password), ("a@b@c.org", "anna", password), ("anna@example.org", "an", password),
    ("anna@example.org", "anna/../ada", password), ("anna@example.org", "änne", password),
  ])
  func `Accounts that nobody could use, or everybody guess, are refused`(email: String, username: String, password: String) async throws {
    let api = try await TestAPI()
    let body = #"{"email":"\#(email)","username":"\#(username)","password":"\#(password)"}"#
    let answer = try await api.post("/api/v1/accounts", json: body, as: nil)
    #expect(answer.status == 422 && answer.problem == "invalid-value")
  }

  @Test func `A name is taken once, whatever its case`() async throws {
    let api = try await TestAPI()
    _ = try await Self.member(api)
    for (email, username) in [("ANNA@example.org", "other"), ("other@example.org", "Anna")] {
      let body = #"{"email":"\#(email)","username":"\#(username)","password":"\#(Self.password)"}"#
      #expect(try await api.post("/api/v1/accounts", json: body, as: nil).problem == "account-exists")
    }
  }

  @Test func `A wrong password and an unknown name look the same, and ten of them close the account to guessing`() async throws {
    let api = try await TestAPI()
    _ = try await Self.member(api)
    let unknown = try await Self.logIn(api, "nobody", "some wrong password")
    for attempt in 0..<10 {
      // Name and address are one account.
      let wrong = try await Self.logIn(api, attempt % 2 == 0 ? "anna" : "anna@example.org", "some wrong password")
      #expect(wrong.status == 401 && wrong.bytes == unknown.bytes)
    }
    let closed = try await Self.logIn(api, "anna", from: "198.51.100.7")
    #expect(closed.status == 429 && closed.problem == "too-many-attempts")
    #expect((1...900).contains(Int(closed.response.headers["Retry-After"] ?? "") ?? 0))
    // The count lies in the database: what another process sees, and what a restart leaves.
    try await api.database.execute(script: "update access.attempts set ends_at = now() - interval '1 second' where kind = 'login-account'")
    #expect(try await Self.logIn(api, "anna").status == 201)
    let left = try await api.database.query(Statement(name: "t", sql: "select count(*) from access.attempts where kind = 'login-account'"))
    #expect(try left.int64(0, 0) == 0, "what was guessed before is forgiven, and old rows go")
  }

  @Test func `An address that guesses is stopped, whatever accounts it names, and no other one`() async throws {
    let api = try await TestAPI()
    _ = try await Self.member(api)
    for _ in 0..<49 { try await AttemptLimit.loginsPerAddress.take("203.0.113.9", api.database) }
    #expect(try await Self.logIn(api, "anna", "some wrong password", from: "203.0.113.9").status == 401)
    #expect(try await Self.logIn(api, "anna", from: "203.0.113.9").status == 429)
    #expect(try await Self.logIn(api, "anna", from: "203.0.113.10").status == 201)
  }

  @Test func `Many guesses at one moment count each`() async throws {
    let api = try await TestAPI()
    let database = api.database
    let taken = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<40 { group.addTask { (try? await AttemptLimit.loginsPerAccount.take("anna", database)) != nil } }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(taken == 10)
  }

  @Test func `Sessions end when their user, a new password or an admin ends them`() async throws {
    let api = try await TestAPI()
    let (id, first) = try await Self.member(api)
    #expect(try await api.send(.delete, "/api/v1/sessions", as: first).status == 204)
    #expect(try await Self.me(api, first).status == 401)
    let second = try #require(try await Self.logIn(api, "anna").text("token"))
    let change = #"{"password":"\#(Self.password)","newPassword":"eight blue bicycles"}"#
    let changed = try await api.send(.put, "/api/v1/accounts/me/password", as: second, body: Array(change.utf8))
    let third = try #require(changed.text("token"))
    #expect(try await Self.me(api, second).status == 401)
    #expect(try await Self.me(api, third).status == 200)
    #expect(try await Self.logIn(api, "anna").status == 401)
    #expect(try await api.post("/api/v1/accounts/\(id)/block", json: #"{"reason":"spam"}"#).status == 200)
    #expect(try await Self.me(api, third).status == 401)
    #expect(try await Self.logIn(api, "anna", "eight blue bicycles").status == 401)
    #expect(try await api.post("/api/v1/accounts/\(id)/unblock", json: "{}").status == 200)
    #expect(try await Self.me(api, third).status == 401)
    #expect(try await Self.logIn(api, "anna", "eight blue bicycles").status == 201)
  }

  @Test func `Roles are given by admins and count at once; nobody locks themselves out`() async throws {
    let api = try await TestAPI()
    let (id, token) = try await Self.member(api)
    func setRoles(_ id: String, _ roles: String, as token: String) async throws -> Answer {
      try await api.send(.put, "/api/v1/accounts/\(id)/roles", as: token, body: Array(#"{"roles":\#(roles),"reason":"asked"}"#.utf8))
    }
    #expect(try await setRoles(id, #"["admin"]"#, as: token).status == 403)
    #expect(try await setRoles(id, #"["service"]"#, as: "admin-token-00001").status == 422)
    #expect(try await setRoles(id, #"["king"]"#, as: "admin-token-00001").status == 422)
    #expect(try await setRoles(id, #"["admin"]"#, as: "admin-token-00001").status == 200)
    #expect(try await api.send(.get, "/api/v1/accounts?role=admin", as: token).status == 200)
    #expect(try await setRoles(id, #"["listener"]"#, as: token).problem == "own-account")
    #expect(try await setRoles(UUID().uuidString, #"["artist"]"#, as: token).problem == "account-not-found")
  }

  @Test func `The command line makes the first admin, and shows a password only when it made one`() async throws {
    let api = try await TestAPI()
    func run(_ words: String...) async throws -> String {
      let written = Mutex("")
      let output = TerminalOutput(hasColour: false, now: { 0 }, write: { text in written.withLock { $0 += text } })
      var arguments = Arguments(words)
      try await AccountCommand(directory: api.access.directory, output: output).run(&arguments)
      return written.withLock { $0 }
    }
    let made = try await run("create", "--email", "ada@example.org", "--username", "ada", "--roles", "admin")
    let password = try #require(made.split(separator: "\n").last?.split(separator: " ").last.map(String.init))
    let token = try #require(try await Self.logIn(api, "ada", password).text("token"))
    #expect(try await api.send(.get, "/api/v1/accounts", as: token).status == 200)
    #expect(try await run("list", "--role", "admin").contains("ada@example.org"))
    #expect(try await run("roles", "ada", "listener", "--reason", "on leave") == "done\n")
    #expect(try await api.send(.get, "/api/v1/accounts", as: token).status == 403)
    await #expect(throws: UsageError.self) { _ = try await run("roles", "nobody", "admin") }
    await #expect(throws: UsageError.self) { _ = try await run("create", "--email", "x@example.org", "--username", "Ada") }
    let log = try await AuditTrail(database: api.database).actions(of: nil, on: "ada", before: nil, limit: 10)
    #expect(log.map(\.action) == ["account roles", "account create"] && log.first?.reason == "on leave" && log.last?.status == 0)
  }
}
