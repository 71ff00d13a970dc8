import Cryptography
import Foundation
import HTTP
import Orchestrator
import Workflows

/// Sends events to endpoints, signed, and keeps what became of each attempt.
public struct WebhookDelivery: Sendable {
  static let timeout = Duration.seconds(15)

  let catalog: WebhookCatalog
  let client: HTTPClient
  /// Checked on the address that is connected to: an endpoint's name may lead anywhere.
  let addresses: AddressPolicy
  let schedule: WebhookSchedule

  public init(catalog: WebhookCatalog, client: HTTPClient, addresses: AddressPolicy, schedule: WebhookSchedule = WebhookSchedule()) {
    self.catalog = catalog
    self.client = client
    self.addresses = addresses
    self.schedule = schedule
  }

  public func implement(in registry: inout Registry) {
    registry.implement(Steps.deliverWebhook) { attempt, _ in try await perform(attempt) }
  }

  func perform(_ attempt: WebhookAttempt) async throws -> WebhookVerdict {
    guard let id = UUID(uuidString: attempt.deliveryID), let parcel = try await catalog.parcel(id), parcel.isPending else {
      // Its endpoint was deleted, or this attempt was made before and its outcome did not reach the workflow.
      return WebhookVerdict()
    }
    if parcel.attempts >= attempt.number { return WebhookVerdict(waitMilliseconds: max(0, parcel.waitMilliseconds ?? 0)) }
    let outcome = try await outcome(of: parcel)
    let next = schedule.next(after: outcome, attempt: attempt.number, chance: .random(in: 0..<1))
    try await catalog.record(outcome, next, of: parcel, attempt: attempt.number)
    guard case .retry(let wait) = next else { return WebhookVerdict() }
    return WebhookVerdict(waitMilliseconds: wait.milliseconds)
  }

  private func outcome(of parcel: WebhookParcel) async throws -> WebhookSchedule.Outcome {
    guard !parcel.isDisabled else { return .impossible("the endpoint is disabled") }
    guard !parcel.secrets.isEmpty else { return .impossible("the endpoint's secret cannot be read") }
    do throws(HTTPClientError) {
      let response = try await client.send(request(parcel)) { _, _ in }
      return .answered(response.status, retryAfter: response.retryAfter)
    } catch {
      switch error.code {
      case .cancelled: throw CancellationError()
      case .addressForbidden, .invalidRequest: return .impossible("\(error.code.rawValue): \(error.detail)")
      default: return .failed("\(error.code.rawValue): \(error.detail)")
      }
    }
  }

  private func request(_ parcel: WebhookParcel) -> HTTPClientRequest {
    let timestamp = Int64(Date().timeIntervalSince1970)
    let body = Array(parcel.document.utf8)
    var request = HTTPClientRequest(.post, parcel.url, body: .bytes(body))
    request.headers = [
      "Content-Type": "application/json", "User-Agent": "orchestrator-webhooks/1", WebhookSignature.idHeader: parcel.messageID,
      WebhookSignature.timestampHeader: String(timestamp),
      WebhookSignature.signatureHeader: WebhookSignature.sign(
        id: parcel.messageID, timestamp: timestamp, body: body, by: parcel.secrets),
    ]
    request.connectTimeout = Self.timeout
    request.totalTimeout = Self.timeout
    request.addressPolicy = addresses
    return request
  }
}
