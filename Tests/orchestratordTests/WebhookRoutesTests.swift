import Foundation
import PostgreSQL
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

@Suite struct WebhookRoutesTests {
  private static let url = #""url": "https://example.org/hook""#

  private static func add(_ api: TestAPI, _ json: String, as token: String = "artist-token-0001") async throws -> Answer {
    try await api.post("/api/v1/webhook-endpoints", json: json, as: token)
  }

  private static func count(_ api: TestAPI, _ what: String) async throws -> Int64 {
    try await api.database.query(Statement(name: "count_\(what.hashValue)", sql: "select count(*) from \(what)", isPrepared: false)).int64(
      0, 0)
  }

  @Test func `A change and its deliveries are one transaction, each endpoint gets what it asked for, of whom it may see`() async throws {
    let api = try await TestAPI()
    for (json, token) in [
      ("{\(Self.url)}", "artist-token-0001"), (#"{\#(Self.url), "eventTypes": ["track.processing", "lyrics.*"]}"#, "artist-token-0001"),
      (#"{\#(Self.url), "eventTypes": ["track.*"]}"#, "other-token-00001"), (#"{\#(Self.url), "allUsers": true}"#, "admin-token-00001"),
      (#"{\#(Self.url), "allUsers": false}"#, "admin-token-00001"),
    ] { #expect(try await Self.add(api, json, as: token).status == 201) }
    let id = try #require(TrackID(try await api.upload().text("trackId") ?? ""))
    #expect(try await Self.count(api, "events.webhook_deliveries") == 2, "anna's first, and the admin's for all users")
    try await api.catalog.changeStatus(id, to: .processing, because: nil, by: "test", requestKey: "1")
    #expect(try await Self.count(api, "events.webhook_deliveries") == 5)
    await #expect(throws: CatalogError.self) {
      try await api.catalog.changeStatus(id, to: .published, because: nil, by: "test", requestKey: "2")
    }
    #expect(try await Self.count(api, "events.webhook_deliveries") == 5)
    let workflows = "orchestrator.inbox where kind = 1 and workflow_id like 'webhook-%'"
    #expect(try await Self.count(api, workflows) == 5, "each is a workflow from the same moment on")
    try await api.database.execute(
      script: """
        insert into orchestrator.runs (run_id, slot, namespace, workflow_id, workflow_type, started_at)
          values ('00000000-0000-4000-8000-000000000001', 1, 'default', 'w', 'DeliverWebhook', now());
        insert into orchestrator.parked_activities (run_id, sequence, slot, activity_type, parked_at, attempts, retry_state, failure)
          values ('00000000-0000-4000-8000-000000000001', 7, 1, 'deliver-webhook', now(), 3, 'attempts', '{}')
        """)
    #expect(try await Self.count(api, "events.webhook_deliveries") == 5, "a delivery that stands still makes no further ones")
  }

  @Test func `Nobody sees, changes or replays what is another's, not even an admin`() async throws {
    let api = try await TestAPI()
    let id = try #require(try await Self.add(api, "{\(Self.url)}").text("id"))
    let delivery = try #require(try await api.send(.post, "/api/v1/webhook-endpoints/\(id)/test").text("id"))
    #expect(try await api.send(.get, "/api/v1/webhook-deliveries/\(delivery)").text("status") == "PENDING")
    #expect(try await api.send(.post, "/api/v1/webhook-deliveries/\(delivery)/replay").problem == "delivery-under-way")
    for token in ["other-token-00001", "admin-token-00001"] {
      #expect((try await api.send(.get, "/api/v1/webhook-endpoints", as: token).json["items"] as? [Any])?.isEmpty == true)
      for (method, path) in [
        (.get, ""), (.put, ""), (.delete, ""), (.post, "/rotate-secret"), (.post, "/test"), (.post, "/replay"),
        (.get, "/deliveries"),
      ] as [(HTTPMethod, String)] {
        let answer = try await api.send(method, "/api/v1/webhook-endpoints/\(id)\(path)", as: token)
        #expect(answer.problem == "webhook-endpoint-not-found", "\(method) \(path)")
      }
      for (method, path) in [(.get, ""), (.post, "/replay")] as [(HTTPMethod, String)] {
        #expect(
          try await api.send(method, "/api/v1/webhook-deliveries/\(delivery)\(path)", as: token).problem == "webhook-delivery-not-found")
      }
    }
    #expect(try await api.send(.delete, "/api/v1/webhook-endpoints/\(id)").status == 204)
    #expect(try await Self.count(api, "events.webhook_deliveries") == 0)
  }

  @Test func `Who may not see events any more is sent none, whether key or account`() async throws {
    let api = try await TestAPI()
    let key = try #require(
      try await api.access.directory.addKey(name: "player", roles: [.service], taskQueues: nil, lifetime: nil, by: "ada"))
    let account = try #require(
      try await api.access.directory.addAccount(
        email: "ida@example.org", username: "ida", passwordHash: String(repeating: "x", count: 60), roles: [.admin, .artist]))
    let token = try api.access.tokens.session(of: account.userID, roles: account.roles, generation: account.generation).token
    let endpoints = [
      try await Self.add(api, #"{\#(Self.url), "allUsers": true}"#, as: key.key),
      try await Self.add(api, #"{\#(Self.url), "allUsers": true}"#, as: token), try await Self.add(api, "{\(Self.url)}", as: token),
    ]
    #expect(endpoints.map(\.status) == [201, 201, 201])
    let disabled = "events.webhook_endpoints where disabled_at is not null"
    _ = try await api.access.directory.revokeKey(key.record.id)
    #expect(try await Self.count(api, disabled) == 1)
    _ = try await api.access.directory.setRoles([.artist], of: account.id)
    #expect(try await Self.count(api, "\(disabled) and sees_all") == 2)
    #expect(try await Self.count(api, disabled) == 2, "its own events are its own")
    let id = try #require(endpoints[1].text("id"))
    let enabling = try await api.send(
      .put, "/api/v1/webhook-endpoints/\(id)", as: token, headers: ["Content-Type": "application/json"],
      body: Array(#"{\#(Self.url), "enabled": true}"#.utf8))
    #expect(enabling.problem == "role-required")
    try await api.database.execute(script: "update access.accounts set blocked_at = now()")
    #expect(try await Self.count(api, disabled) == 3)
  }

  @Test func `What cannot be an endpoint is refused, and a user has at most twenty`() async throws {
    let api = try await TestAPI()
    for (json, field) in [
      (#"{"url": "ftp://example.org/"}"#, "url"), (#"{"url": "https://anna:secret@example.org/"}"#, "url"), (#"{"url": "/hook"}"#, "url"),
      (#"{"url": "https://example.org/#x"}"#, "url"), (#"{"url": "https://10.0.0.1/"}"#, "url"), (#"{"url": "https://[fd00::1]/"}"#, "url"),
      (#"{"url": "http://169.254.169.254/latest/meta-data"}"#, "url"), (#"{"url": "https://[::ffff:192.168.0.1]/"}"#, "url"),
      (#"{"url": "https://example.org/\#(String(repeating: "x", count: 2048))"}"#, "url"),
      (#"{\#(Self.url), "eventTypes": []}"#, "eventTypes"), (#"{\#(Self.url), "eventTypes": ["*"]}"#, "eventTypes"),
      (#"{\#(Self.url), "eventTypes": ["track.published'; --"]}"#, "eventTypes"), (#"{\#(Self.url), "description": ""}"#, "description"),
      (#"{\#(Self.url), "enabled": false}"#, "enabled"),
    ] {
      let answer = try await Self.add(api, json)
      #expect(answer.problem == "invalid-value" && answer.text("field") == field, "\(json.prefix(80))")
    }
    #expect(try await Self.add(api, #"{\#(Self.url), "allUsers": true}"#).problem == "role-required")
    for _ in 1...20 { #expect(try await Self.add(api, "{\(Self.url)}").status == 201) }
    #expect(try await Self.add(api, "{\(Self.url)}").problem == "too-many-endpoints")
    let id = UUID().uuidString
    #expect(try await api.send(.get, "/api/v1/webhook-endpoints/\(id)").problem == "webhook-endpoint-not-found")
    #expect(try await api.send(.get, "/api/v1/webhook-endpoints/x").problem == "invalid-id")
    // In production this machine is out of reach too, and only https is spoken.
    let strict = WebhookAPI(
      catalog: WebhookCatalog(api.database), authentication: api.access.authentication, addresses: .publicOnly, wake: {})
    var router = Router()
    strict.addRoutes(to: &router)
    for url in ["https://127.0.0.1/", "https://localhost/", "https://a.localhost/", "http://example.org/"] {
      let request = try HTTPRequest(
        method: .post, target: "/api/v1/webhook-endpoints", headers: ["Authorization": "Bearer other-token-00001"],
        remoteAddress: "192.0.2.1", body: RequestBody(Array(#"{"url": "\#(url)"}"#.utf8)))
      #expect(Answer(await router.respond(to: request)).problem == "invalid-value", "\(url)")
    }
  }
}
