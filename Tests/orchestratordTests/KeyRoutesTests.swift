import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import orchestratord

@Suite struct KeyRoutesTests {
  private static let statement = Statement(name: "test_rows", sql: "select coalesce(string_agg(k::text, ' '), '') from access.api_keys k")

  @Test func `A key is shown once, works with its roles, and is refused from the moment it is revoked`() async throws {
    let api = try await TestAPI()
    let made = try await api.post("/api/v1/api-keys", json: #"{"name":"billing","roles":["service"],"expiresInDays":30}"#)
    let (key, id) = (try #require(made.text("key")), try #require(made.text("id")))
    let prefix = try #require(made.text("prefix"))
    #expect(made.status == 201 && key.hasPrefix("ork_") && key.utf8.count == 47 && key.hasPrefix(prefix))
    let stored = try await api.database.query(Self.statement).text(0, 0)
    #expect(stored.contains("billing") && !stored.contains(key))
    let request = try HTTPRequest(method: .get, target: "/", headers: ["Authorization": "Bearer \(key)"])
    let principal = try await api.access.authentication.principal(of: request)
    #expect(principal.userID == "key:billing" && principal.roles == [.service] && principal.taskQueues == nil)
    let list = try await api.send(.get, "/api/v1/api-keys", as: "admin-token-00001")
    let shown = try #require((list.json["items"] as? [[String: Any]])?.first)
    #expect(shown["key"] == nil && shown["lastUsedAt"] != nil && shown["createdBy"] as? String == "ada")
    #expect(try await api.send(.delete, "/api/v1/api-keys/\(id)", as: "admin-token-00001").text("revokedAt") != nil)
    await #expect(throws: APIProblem.self) { try await api.access.authentication.principal(of: request) }
    // Its name is free again.
    #expect(try await api.post("/api/v1/api-keys", json: #"{"name":"Billing","roles":["service"]}"#).status == 201)
    #expect(try await api.post("/api/v1/api-keys", json: #"{"name":"billing","roles":["worker"]}"#).problem == "api-key-exists")
  }

  @Test func `A key ends by itself`() async throws {
    let api = try await TestAPI()
    let key = try #require(
      try await api.post("/api/v1/api-keys", json: #"{"name":"short","roles":["worker"],"expiresInDays":1}"#).text("key"))
    #expect(try await api.access.directory.principal(ofKey: key) != nil)
    try await api.database.execute(script: "update access.api_keys set expires_at = now()")
    #expect(try await api.access.directory.principal(ofKey: key) == nil)
  }

  @Test(arguments: [
    #"{"name":"x","roles":["admin"]}"#, #"{"name":"x","roles":["artist"]}"#, #"{"name":"x","roles":[]}"#,
    #"{"name":"","roles":["service"]}"#,
    #"{"name":"x","roles":["service"],"taskQueues":["media"]}"#, #"{"name":"x","roles":["worker"],"taskQueues":[]}"#,
    #"{"name":"x","roles":["worker"],"expiresInDays":0}"#, #"{"name":"x","roles":["worker"],"expiresInDays":99999}"#,
  ])
  func `No key is an admin, and none is without bounds`(body: String) async throws {
    let api = try await TestAPI()
    #expect(try await api.post("/api/v1/api-keys", json: body).status == 422)
    #expect(try await api.database.query(Self.statement).text(0, 0).isEmpty)
  }

  @Test func `Only admins make keys, see them and revoke them`() async throws {
    let api = try await TestAPI()
    for token in ["artist-token-0001", nil] {
      let status = token == nil ? 401 : 403
      #expect(try await api.post("/api/v1/api-keys", json: #"{"name":"x","roles":["service"]}"#, as: token).status == status)
      #expect(try await api.send(.get, "/api/v1/api-keys", as: token).status == status)
      #expect(try await api.send(.delete, "/api/v1/api-keys/\(UUID())", as: token).status == status)
    }
    #expect(try await api.send(.delete, "/api/v1/api-keys/\(UUID())", as: "admin-token-00001").status == 404)
  }

  @Test func `The public half of our key is published, a secret is not`() async throws {
    let api = try await TestAPI()
    #expect((try await api.send(.get, "/.well-known/jwks.json", as: nil).json["keys"] as? [Any])?.isEmpty == true)
    let tokens = OwnTokens(try TokenSigner(RSAKeys.first))
    var router = Router()
    AccessAPI(directory: api.access.directory, tokens: tokens, authentication: .closed).addRoutes(to: &router)
    let published = Answer(await router.respond(to: try HTTPRequest(method: .get, target: "/.well-known/jwks.json")))
    let keys = try JSONWebKeySet(json: published.bytes, takesSecrets: false).keys
    let issuer = TrustedIssuer(name: OwnTokens.issuer, audience: OwnTokens.audience, keys: IssuerKeys(.fixed(keys)))
    let token = try tokens.session(of: "anna", roles: [], generation: 1).token
    #expect(try await TokenVerifier(issuers: [issuer]).verify(token).claims.subject == "anna")
  }

  @Test func `All processes of a database sign with the secret that the first one made`() async throws {
    let api = try await TestAPI()
    let first = try await api.access.directory.tokenKey()
    #expect(first.utf8.count == 64)
    #expect(try await api.access.directory.tokenKey() == first)
  }

  @Test(arguments: [
    ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"), ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
    ("10.0.0.1", ["6.6.6.6, 203.0.113.5"], "203.0.113.5"), ("10.0.0.1", ["6.6.6.6", "203.0.113.5, 10.0.0.2"], "203.0.113.5"),
    ("10.0.0.1", ["nonsense"], "10.0.0.1"), ("10.0.0.1", [], "10.0.0.1"), ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
  ])
  func `Only what a trusted proxy says of a client's address counts`(peer: String, forwarded: [String], client: String) throws {
    var headers: HTTPHeaders = [:]
    for value in forwarded { headers.add("X-Forwarded-For", value) }
    let request = try HTTPRequest(method: .get, target: "/", headers: headers, remoteAddress: peer)
    #expect(try TrustedProxies("10.0.0.1, 10.0.0.2").client(of: request) == client)
    #expect(TrustedProxies.none.client(of: request) == peer)
    #expect(throws: UsageError.self) { try TrustedProxies("proxy.example") }
  }
}
