import Foundation
import Orchestrator
import PostgreSQL
import TestSupport
import Testing

@testable import Activities
@testable import HTTP
@testable import Workflows
@testable import orchestratord

/// The API, an engine that delivers, and receivers on this machine.
@Suite struct WebhookTests {
  private static func withEngine(
    addresses: AddressPolicy = .publicOrLoopback, delays: [Duration] = [.zero, .milliseconds(50), .milliseconds(50), .milliseconds(50)],
    _ body: (TestAPI) async throws -> Void
  ) async throws {
    let api = try await TestAPI()
    var registry = Registry()
    registry.register(DeliverWebhook.self)
    WebhookDelivery(
      catalog: WebhookCatalog(api.database), client: HTTPClient(), addresses: addresses,
      schedule: WebhookSchedule(delays: delays, jitter: 0.1)
    ).implement(in: &registry)
    var settings = EngineConfiguration(database: api.configuration, build: "test")
    settings.localTaskQueues = [TaskQueues.webhooks: 4]
    settings.drainTime = .milliseconds(500)
    let engine = try Engine(settings, registry)
    engine.start()
    try await engine.waitUntilReady()
    let result: Result<Void, any Error>
    do { result = .success(try await body(api)) } catch { result = .failure(error) }
    await engine.shutdown()
    try result.get()
  }

  private static func emit(_ api: TestAPI, _ type: String = "track.published", to user: String = "anna") async throws {
    let statement = Statement(
      name: "emit_webhook", sql: #"select events.emit($1, $2, '{"title":"Blåtime"}')"#, parameterTypes: [.text, .text])
    _ = try await api.database.query(statement, Parameters(user, type))
  }

  private static func endpoint(
    _ api: TestAPI, _ json: String, as token: String = "artist-token-0001"
  ) async throws -> (id: String, secret: String) {
    let answer = try await api.post("/api/v1/webhook-endpoints", json: json, as: token)
    #expect(answer.status == 201, "\(answer.json)")
    return (try #require(answer.text("id")), try #require(answer.text("secret")))
  }

  /// The deliveries of an endpoint, newest first, when they fulfil the condition.
  private static func deliveries(
    _ api: TestAPI, _ id: String, as token: String = "artist-token-0001", until isReached: ([[String: Any]]) -> Bool = { _ in true }
  ) async throws -> [[String: Any]] {
    var items: [[String: Any]] = []
    try await eventually(within: .seconds(30), "the deliveries are as expected") {
      let answer = try await api.send(.get, "/api/v1/webhook-endpoints/\(id)/deliveries", as: token)
      items = answer.json["items"] as? [[String: Any]] ?? []
      return isReached(items)
    }
    return items
  }

  private static func isStatus(_ status: String, _ count: Int = 1) -> ([[String: Any]]) -> Bool {
    { items in items.filter { $0["status"] as? String == status }.count == count }
  }

  @Test func `A receiver that fails first gets the same id again with a new signature, until it takes it`() async throws {
    try await Self.withEngine { api in
      let receiver = try WebhookReceiver([
        HTTPResponse(.internalServerError), HTTPResponse(.seeOther, headers: ["Location": "http://127.0.0.1:1/"]), HTTPResponse(.ok),
      ])
      let endpoint = try await Self.endpoint(api, #"{"url": "\#(receiver.url)"}"#)
      try await Self.emit(api)
      let delivered = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED"))
      #expect(delivered[0]["attempts"] as? Int == 3 && delivered[0]["lastStatus"] as? Int == 200)
      let messages = receiver.messages
      #expect(messages.count == 3 && Set(messages.map(\.id)) == [delivered[0]["webhookId"] as? String])
      for message in messages {
        #expect(throws: Never.self) { try message.verify(endpoint.secret) }
        #expect(message.type == "track.published" && String(decoding: message.body, as: UTF8.self).contains("Blåtime"))
      }
      await receiver.stop()
    }
  }

  @Test func `What fails for good is listed with its error, and replayed one by one or for a span of time`() async throws {
    try await Self.withEngine(delays: [.zero, .milliseconds(20)]) { api in
      let receiver = try WebhookReceiver(Array(repeating: HTTPResponse(.badGateway), count: 6))
      let endpoint = try await Self.endpoint(api, #"{"url": "\#(receiver.url)"}"#)
      for _ in 1...3 { try await Self.emit(api) }
      let failed = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("FAILED", 3))
      #expect(failed.allSatisfy { $0["lastError"] as? String == "answered 502" && $0["attempts"] as? Int == 2 })
      let first = try #require(failed.last?["id"] as? String)
      try await eventually("its workflow has ended") {
        try await api.send(.post, "/api/v1/webhook-deliveries/\(first)/replay").status == 202
      }
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED"))
      let query = try await api.send(.get, "/api/v1/webhook-endpoints/\(endpoint.id)/deliveries?status=failed&limit=1")
      #expect((query.json["items"] as? [Any])?.count == 1 && query.text("nextCursor") != nil)
      let none = try await Self.replay(api, endpoint.id, #"{"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}"#)
      #expect(none.json["replayed"] as? Int == 0)
      var replayedCount = 0
      try await eventually("the workflows of the others have ended too") {
        let all = try await Self.replay(api, endpoint.id, #"{"since": "2020-01-01T00:00:00Z"}"#)
        #expect(all.status == 202)
        replayedCount += all.json["replayed"] as? Int ?? 0
        return replayedCount == 2
      }
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED", 3))
      let replayed = receiver.messages.suffix(3).map(\.id)
      #expect(Set(replayed) == Set(failed.compactMap { $0["webhookId"] as? String }), "with their ids")
      await receiver.stop()
    }
  }

  private static func replay(_ api: TestAPI, _ id: String, _ json: String) async throws -> Answer {
    try await api.post("/api/v1/webhook-endpoints/\(id)/replay", json: json, as: "artist-token-0001")
  }

  @Test func `A receiver that is gone for good is left in peace until its owner says otherwise`() async throws {
    try await Self.withEngine { api in
      let receiver = try WebhookReceiver([HTTPResponse(.gone)])
      let endpoint = try await Self.endpoint(api, #"{"url": "\#(receiver.url)"}"#)
      let path = "/api/v1/webhook-endpoints/\(endpoint.id)"
      try await Self.emit(api)
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("FAILED"))
      let disabled = try await api.send(.get, path)
      #expect(disabled.json["enabled"] as? Bool == false && disabled.text("disabledBecause")?.contains("410") == true)
      try await Self.emit(api)
      #expect(try await Self.deliveries(api, endpoint.id).count == 1, "nothing more is made for it")
      let body = Array(#"{"url": "\#(receiver.url)", "enabled": true}"#.utf8)
      let enabled = try await api.send(.put, path, headers: ["Content-Type": "application/json"], body: body)
      #expect(enabled.json["enabled"] as? Bool == true && enabled.json["disabledBecause"] == nil && enabled.json["secret"] == nil)
      try await Self.emit(api)
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED"))
      #expect(receiver.messages.count == 2)
      await receiver.stop()
    }
  }

  @Test func `While a secret is turned over both sign, and no secret stands anywhere but in its column`() async throws {
    try await Self.withEngine { api in
      let receiver = try WebhookReceiver()
      let endpoint = try await Self.endpoint(api, #"{"url": "\#(receiver.url)", "description": "mine"}"#)
      let rotated = try await api.send(.post, "/api/v1/webhook-endpoints/\(endpoint.id)/rotate-secret")
      let secret = try #require(rotated.text("secret"))
      #expect(secret != endpoint.secret && rotated.text("previousSecretUntil") != nil)
      #expect(try await api.send(.post, "/api/v1/webhook-endpoints/\(endpoint.id)/test").text("type") == "webhook.test")
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED"))
      let message = try #require(receiver.messages.first)
      for secret in [endpoint.secret, secret] { #expect(throws: Never.self) { try message.verify(secret) } }
      try await api.database.execute(script: "update events.webhook_endpoints set previous_until = now() - interval '1 second'")
      _ = try await api.send(.post, "/api/v1/webhook-endpoints/\(endpoint.id)/test")
      _ = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("DELIVERED", 2))
      let later = try #require(receiver.messages.last)
      #expect(throws: Never.self) { try later.verify(secret) }
      #expect(throws: (any Error).self) { try later.verify(endpoint.secret) }
      for path in ["", "/\(endpoint.id)", "/\(endpoint.id)/deliveries"] {
        let answer = try await api.send(.get, "/api/v1/webhook-endpoints\(path)")
        #expect(answer.status == 200 && !String(decoding: answer.bytes, as: UTF8.self).contains("whsec_"))
      }
      let leaks = Statement(
        name: "leaks",
        sql: """
          select (select count(*) from orchestrator.history h where convert_from(h.attributes, 'UTF8') like '%whsec_%')
            + (select count(*) from orchestrator.history h where convert_from(h.attributes, 'UTF8') like '%127.0.0.1%')
            + (select count(*) from events.log l where l.document like '%whsec_%')
            + (select count(*) from events.webhook_deliveries d where d.document like '%whsec_%')
          """)
      #expect(try await api.database.query(leaks).int64(0, 0) == 0)
      await receiver.stop()
    }
  }

  @Test func `Private addresses are refused, when an endpoint is made and again wherever its name leads when something is sent`()
    async throws
  {
    try await Self.withEngine(addresses: .publicOnly) { api in
      let receiver = try WebhookReceiver()
      for url in ["http://127.0.0.1:\(receiver.port)/hook", "http://localhost:\(receiver.port)/hook", "http://[::1]:\(receiver.port)/hook"]
      {
        let endpoint = try await Self.endpoint(api, #"{"url": "\#(url)"}"#)
        try await Self.emit(api)
        let failed = try await Self.deliveries(api, endpoint.id, until: Self.isStatus("FAILED"))
        #expect((failed[0]["lastError"] as? String)?.hasPrefix("address-forbidden") == true, "\(url)")
        #expect(try await api.send(.delete, "/api/v1/webhook-endpoints/\(endpoint.id)").status == 204)
      }
      #expect(receiver.messages.isEmpty)
      await receiver.stop()
    }
  }
}
