import Cryptography
import Foundation
import Synchronization

@testable import HTTP

/// A program of somebody else that receives webhooks: answers as it is told and keeps what came.
final class WebhookReceiver: Sendable {
  struct Message: Sendable {
    let id: String
    let timestamp: String
    let signature: String
    let body: [UInt8]

    /// As everybody's receiver does it.
    func verify(_ secret: String) throws {
      try WebhookSignature.verify(
        id: id, timestamp: timestamp, signature: signature, body: body, by: [WebhookSecret(secret)].compactMap(\.self),
        now: Int64(Date().timeIntervalSince1970))
    }

    var type: String? { (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])?["type"] as? String }
  }

  private let server: HTTPServer
  private let state: Shared

  private final class Shared: Sendable {
    let contents = Mutex((answers: [HTTPResponse](), messages: [Message]()))

    func receive(_ request: HTTPRequest) async throws -> HTTPResponse {
      let message = Message(
        id: request.headers["webhook-id"] ?? "", timestamp: request.headers["webhook-timestamp"] ?? "",
        signature: request.headers["webhook-signature"] ?? "", body: try await request.body.collect(upTo: 20_000))
      return contents.withLock { contents in
        contents.messages.append(message)
        return contents.answers.isEmpty ? HTTPResponse(.noContent) : contents.answers.removeFirst()
      }
    }
  }

  /// - Parameter answers: in turn; after them 204 for ever.
  init(_ answers: [HTTPResponse] = []) throws {
    let shared = Shared()
    shared.contents.withLock { $0.answers = answers }
    state = shared
    var router = Router()
    router.on(.post, "/hook") { try await shared.receive($0) }
    server = try HTTPServer(router: router)
  }

  var url: String { "http://127.0.0.1:\(server.port)/hook" }
  var port: UInt16 { server.port }
  var messages: [Message] { state.contents.withLock { $0.messages } }

  func answer(_ answers: [HTTPResponse]) { state.contents.withLock { $0.answers = answers } }
  func stop() async { await server.drain(within: .seconds(1)) }
}
