import Cryptography
import Foundation
import HTTP
import Synchronization
import TestSupport
import Testing

/// A webhook under kill -9 of the process that delivers it.
@Suite struct WebhookCrashTests {
  private typealias Message = (id: String, timestamp: String, signature: String, body: [UInt8])

  @Test(.timeLimit(.minutes(2)))
  func `A process that is killed between two attempts makes the next one after its start, with the same id`() async throws {
    let messages = Mutex<[Message]>([])
    var router = Router()
    router.on(.post, "/hook") { request in
      let message: Message = (
        request.headers["webhook-id"] ?? "", request.headers["webhook-timestamp"] ?? "", request.headers["webhook-signature"] ?? "",
        try await request.body.collect(upTo: 20_000)
      )
      return messages.withLock { messages in
        messages.append(message)
        return HTTPResponse(messages.count == 1 ? .serviceUnavailable : .noContent)
      }
    }
    let receiver = try HTTPServer(router: router)
    let service = try ServiceUnderTest(["--webhook-addresses", "loopback"])
    defer { service.remove() }
    var api = API(base: try await service.start())
    let body = #"{"url": "http://127.0.0.1:\#(receiver.port)/hook"}"#
    let made = try await api.send(
      .post, "/api/v1/webhook-endpoints", Array(body.utf8), headers: [("Content-Type", "application/json")])
    let endpoint = try #require(try JSONSerialization.jsonObject(with: Data(made.body)) as? [String: Any])
    let (id, secret) = (try #require(endpoint["id"] as? String), try #require(endpoint["secret"] as? String))
    _ = try await api.send(.post, "/api/v1/webhook-endpoints/\(id)/test")
    try await eventually("the first attempt is refused, and that is known") {
      let items = try await api.json("/api/v1/webhook-endpoints/\(id)/deliveries")["items"] as? [[String: Any]]
      return items?.first?["attempts"] as? Int == 1
    }
    service.kill()
    api = API(base: try await service.start())
    try await eventually("the second attempt is taken") {
      let items = try await api.json("/api/v1/webhook-endpoints/\(id)/deliveries?status=delivered")["items"] as? [[String: Any]]
      return items?.first?["attempts"] as? Int == 2
    }
    let received = messages.withLock { $0 }
    #expect(received.count == 2 && received[0].id == received[1].id && received[0].body == received[1].body)
    let (first, second) = (try #require(Int64(received[0].timestamp)), try #require(Int64(received[1].timestamp)))
    #expect(second - first >= 4, "five seconds, as planned, also over a crash")
    for message in received {
      #expect(throws: Never.self) {
        try WebhookSignature.verify(
          id: message.id, timestamp: message.timestamp, signature: message.signature, body: message.body,
          by: [WebhookSecret(secret)].compactMap(\.self), now: Int64(Date().timeIntervalSince1970))
      }
    }
    await receiver.drain(within: .seconds(1))
    try await service.stop()
  }
}
