import Cryptography
import Foundation
import HTTP
import PostgreSQL
import Synchronization
import TestSupport
import Testing

/// Those who are told of events, under kill -9 of the process that tells them.
@Suite struct EventCrashTests {
  private typealias Message = (id: String, timestamp: String, signature: String, body: [UInt8])

  @Test(.timeLimit(.minutes(2)))
  func `A process that is killed makes the next attempt of a webhook after its start, and curl goes on where its stream ended`()
    async throws
  {
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
    // Only the test event: what the stream tells shall not be sent there too.
    let body = #"{"url": "http://127.0.0.1:\#(receiver.port)/hook", "eventTypes": ["webhook.test"]}"#
    let made = try await api.send(
      .post, "/api/v1/webhook-endpoints", Array(body.utf8), headers: [("Content-Type", "application/json")])
    let endpoint = try #require(try JSONSerialization.jsonObject(with: Data(made.body)) as? [String: Any])
    let (id, secret) = (try #require(endpoint["id"] as? String), try #require(endpoint["secret"] as? String))
    // Who asks without a token is the user of development.
    try Self.emit(service, 1...3)
    #expect(try await Self.curl(api, after: 0, upTo: 3) == [1, 2, 3])
    _ = try await api.send(.post, "/api/v1/webhook-endpoints/\(id)/test")
    try await eventually("the first attempt is refused, and that is known") {
      let items = try await api.json("/api/v1/webhook-endpoints/\(id)/deliveries")["items"] as? [[String: Any]]
      return items?.first?["attempts"] as? Int == 1
    }
    service.kill()
    try Self.emit(service, 4...5)
    api = API(base: try await service.start())
    #expect(try await Self.curl(api, after: 3, upTo: 5) == [4, 5])
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

  private static func emit(_ service: ServiceUnderTest, _ numbers: ClosedRange<Int>) throws {
    let statement = Statement(
      name: "emit", sql: "select events.emit('developer', 'test.' || $1, '{}')", parameterTypes: [.text])
    let connection = try service.database()
    for number in numbers { _ = try connection.run((statement, Parameters(String(number)))) }
  }

  /// The numbers of the events that curl is told after one, until it has heard of another.
  private static func curl(_ api: API, after last: Int, upTo end: Int) async throws -> [Int] {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/curl")
            process.arguments = ["-sN", "--max-time", "20", "-H", "Last-Event-ID: \(last)", api.base + "/api/v1/events"]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            var text = ""
            while !text.contains("id: \(end)\ndata"), case let data = output.fileHandleForReading.availableData, !data.isEmpty {
              text += String(decoding: data, as: UTF8.self)
            }
            // SIGTERM may be blocked here, which a child inherits.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            return text.matches(of: /id: ([0-9]+)\ndata/).compactMap { Int($0.1) }
          })
      }
    }
  }
}
