import Foundation
import Testing

@testable import Cryptography

@Suite struct WebhookSignatureTests {
  private static let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
  private static let timestamp: Int64 = 1_614_265_330
  private static let body = Array(#"{"test": 2432232314}"#.utf8)
  private static let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

  private static let secrets = [WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")].compactMap(\.self)

  private func verify(
    id: String? = id, timestamp: String? = "\(timestamp)", signature: String? = signature, body: [UInt8] = body,
    by secrets: [WebhookSecret]? = nil, now: Int64 = timestamp
  ) -> WebhookRefusal? {
    do throws(WebhookRefusal) {
      try WebhookSignature.verify(
        id: id, timestamp: timestamp, signature: signature, body: body, by: secrets ?? Self.secrets, now: now)
      return nil
    } catch {
      return error
    }
  }

  @Test func `The specification's example is signed as it says, and taken`() throws {
    #expect(WebhookSignature.sign(id: Self.id, timestamp: Self.timestamp, body: Self.body, by: Self.secrets) == Self.signature)
    #expect(verify() == nil)
    #expect(verify(now: Self.timestamp + 300) == nil)
    #expect(verify(now: Self.timestamp - 300) == nil)
  }

  @Test func `While a secret is turned over both sign, and either is enough to check`() throws {
    let (old, new) = (try #require(Self.secrets.first), WebhookSecret.random())
    let both = WebhookSignature.sign(id: "m", timestamp: 1, body: Self.body, by: [old, new])
    for secrets in [[old], [new], [new, old]] {
      #expect(verify(id: "m", timestamp: "1", signature: both, by: secrets, now: 1) == nil)
    }
    #expect(verify(id: "m", timestamp: "1", signature: both, by: [.random()], now: 1) == .signatureWrong)
    #expect(verify(id: "m", timestamp: "1", signature: "v1a,AAAA \(both) v2,x", by: [old], now: 1) == nil, "other versions are passed over")
  }

  @Test func `What was changed, replayed later or left out is refused, and told why`() throws {
    #expect(verify(body: Self.body + [0x20]) == .signatureWrong)
    #expect(verify(id: "msg_other") == .signatureWrong)
    #expect(verify(timestamp: "1614265331") == .signatureWrong)
    #expect(verify(by: []) == .signatureWrong)
    #expect(verify(signature: String(Self.signature.dropLast(4))) == .signatureWrong)
    #expect(verify(signature: "v2" + Self.signature.dropFirst(2)) == .signatureWrong)
    #expect(verify(now: Self.timestamp + 301) == .tooOld)
    #expect(verify(now: Self.timestamp - 301) == .inTheFuture)
    #expect(verify(id: nil) == .headerMissing("webhook-id"))
    #expect(verify(timestamp: "") == .headerMissing("webhook-timestamp"))
    #expect(verify(signature: nil) == .headerMissing("webhook-signature"))
    for timestamp in ["-1", "1614265330.0", "1e9", " 1614265330", "99999999999999999999"] {
      #expect(verify(timestamp: timestamp) == .headerInvalid("webhook-timestamp"), "\(timestamp)")
    }
    // With a dot in the id another id, time and body would give the same signed text.
    #expect(verify(id: "a.b") == .headerInvalid("webhook-id"))
    #expect(verify(signature: String(repeating: "v1,AAAA ", count: 600)) == .headerInvalid("webhook-signature"))
  }

  @Test func `A secret has 24 to 64 bytes and does not show itself`() throws {
    func text(_ count: Int) -> String { "whsec_" + Data(repeating: 7, count: count).base64EncodedString() }
    #expect(
      WebhookSecret(text(23)) == nil && WebhookSecret(text(24)) != nil && WebhookSecret(text(64)) != nil && WebhookSecret(text(65)) == nil)
    #expect(WebhookSecret("whsec_not base64 at all, whatever it says") == nil)
    let secret = WebhookSecret.random()
    #expect(WebhookSecret(secret.text) == secret && secret != .random())
    #expect(WebhookSecret(String(secret.text.dropFirst(6))) == secret, "without its prefix, as some senders show it")
    #expect("\(secret) \(String(reflecting: secret))" == "whsec_... whsec_...")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!dumped.contains("\(secret.key[0])") || !dumped.contains("key"))
  }
}
