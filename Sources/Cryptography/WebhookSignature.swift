import Foundation

/// Signs webhooks and checks the signatures of those that come in (Standard Webhooks 1.0.0, symmetric signatures `v1`).
///
/// The signature covers the id, the time and the body. The id names the message: it stays the same when the message is sent again, so whoever
/// receives messages keeps the ids of the last ``toleranceSeconds`` in both directions to refuse those that are replayed.
public enum WebhookSignature {
  public static let idHeader = "webhook-id"
  public static let timestampHeader = "webhook-timestamp"
  public static let signatureHeader = "webhook-signature"

  /// How far the time of a message may lie in the past or in the future.
  public static let toleranceSeconds: Int64 = 300

  /// More of them than any rotation of secrets needs.
  private static let largestSignature = 4096

  /// The value of `webhook-signature`: one signature for each secret, so that receivers may go over to a new one in their own time.
  /// - Parameters:
  ///   - id: without dots, which separate the signed parts.
  ///   - timestamp: seconds since the Unix epoch, of this attempt.
  public static func sign(id: String, timestamp: Int64, body: [UInt8], by secrets: [WebhookSecret]) -> String {
    let content = content(id, "\(timestamp)", body)
    return secrets.map { "v1," + Data(HMAC.sha256(key: $0.key, content)).base64EncodedString() }.joined(separator: " ")
  }

  /// Checks the three headers of a message that came in, as they were received; nil where one is missing.
  /// - Parameter now: seconds since the Unix epoch.
  /// - Throws: why the message must not be believed.
  public static func verify(
    id: String?, timestamp: String?, signature: String?, body: [UInt8], by secrets: [WebhookSecret], now: Int64
  ) throws(WebhookRefusal) {
    guard let id, !id.isEmpty else { throw .headerMissing(idHeader) }
    guard let timestamp, !timestamp.isEmpty else { throw .headerMissing(timestampHeader) }
    guard let signature, !signature.isEmpty else { throw .headerMissing(signatureHeader) }
    guard id.utf8.count <= 255, !id.utf8.contains(UInt8(ascii: ".")) else { throw .headerInvalid(idHeader) }
    guard timestamp.utf8.count <= 19, timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int64(timestamp) else {
      throw .headerInvalid(timestampHeader)
    }
    guard signature.utf8.count <= largestSignature else { throw .headerInvalid(signatureHeader) }
    guard seconds >= now - toleranceSeconds else { throw .tooOld }
    guard seconds <= now + toleranceSeconds else { throw .inTheFuture }
    let content = content(id, timestamp, body)
    let expected = secrets.map { HMAC.sha256(key: $0.key, content) }
    // Every pair is compared: how long it takes does not tell which of them was close.
    var isRight = false
    for part in signature.split(separator: " ") where part.hasPrefix("v1,") {
      guard let given = Data(base64Encoded: String(part.dropFirst(3))) else { continue }
      for expected in expected where constantTimeEqual(expected, [UInt8](given)) { isRight = true }
    }
    guard isRight else { throw .signatureWrong }
  }

  private static func content(_ id: String, _ timestamp: String, _ body: [UInt8]) -> [UInt8] {
    Array("\(id).\(timestamp).".utf8) + body
  }
}

/// Why an incoming webhook is not believed.
public enum WebhookRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  case headerMissing(String)
  case headerInvalid(String)
  case tooOld
  case inTheFuture
  case signatureWrong

  public var description: String {
    switch self {
    case .headerMissing(let name): "the header \(name) is missing"
    case .headerInvalid(let name): "the header \(name) cannot be read"
    case .tooOld: "the message was signed more than \(WebhookSignature.toleranceSeconds) s ago"
    case .inTheFuture: "the message is signed for a time that has not come; check both clocks"
    case .signatureWrong: "no signature fits: the secret differs, or the message was changed on its way"
    }
  }
}
