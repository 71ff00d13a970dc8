import Cryptography
import Foundation
import TestSupport
import Testing

/// The standardwebhooks package for Python, which is not ours, checks what we sign and signs what we check.
@Suite struct WebhookPeerTests {
  private static let program = """
    import datetime, json, sys
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError
    order = json.load(sys.stdin)
    now = datetime.datetime.now(datetime.timezone.utc)
    theirs = Webhook(order["secret"]).sign("msg_theirs", now, order["body"])
    def takes(body):
        try:
            Webhook(order["secret"]).verify(body, order["headers"])
            return True
        except WebhookVerificationError:
            return False
    print(json.dumps({
        "takes": takes(order["body"]), "takesChanged": takes(order["body"] + " "), "signature": theirs,
        "timestamp": str(int(now.timestamp()))}))
    """

  private struct Order: Encodable {
    let secret: String
    let body: String
    let headers: [String: String]
  }

  private struct Report: Decodable {
    let takes: Bool
    let takesChanged: Bool
    let signature: String
    let timestamp: String
  }

  @Test(.enabled(if: PythonTool.isInstalled, "run scripts/python-tools first"))
  func `Each takes what the other signs, and neither takes what was changed`() async throws {
    let body = #"{"type":"track.published","data":{"title":"Blåtime ☾"}}"#
    let (old, new) = (WebhookSecret.random(), WebhookSecret.random())
    let now = Int64(Date().timeIntervalSince1970)
    let headers = [
      WebhookSignature.idHeader: "msg_ours", WebhookSignature.timestampHeader: "\(now)",
      WebhookSignature.signatureHeader: WebhookSignature.sign(id: "msg_ours", timestamp: now, body: Array(body.utf8), by: [old, new]),
    ]
    for secret in [old, new] {
      let report = try await PythonTool.run(Self.program, Order(secret: secret.text, body: body, headers: headers), as: Report.self)
      #expect(report.takes && !report.takesChanged)
      func verify(_ body: String) throws(WebhookRefusal) {
        try WebhookSignature.verify(
          id: "msg_theirs", timestamp: report.timestamp, signature: report.signature, body: Array(body.utf8), by: [secret], now: now)
      }
      #expect(throws: Never.self) { try verify(body) }
      #expect(throws: WebhookRefusal.signatureWrong) { try verify(body + " ") }
    }
    let stranger = Order(secret: WebhookSecret.random().text, body: body, headers: headers)
    #expect(try await PythonTool.run(Self.program, stranger, as: Report.self).takes == false)
  }
}
