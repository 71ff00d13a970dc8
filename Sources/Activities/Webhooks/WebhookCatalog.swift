import Cryptography
import Foundation
import PostgreSQL

/// Endpoints and deliveries of webhooks in PostgreSQL. What users read is read as they may see it; what they change names its owner.
public struct WebhookCatalog: Sendable {
  /// For so long both secrets sign after a rotation.
  public static let rotationHours = 24
  public static let endpointsPerUser = 20
  public static let replaysAtOnce = 1000

  let database: Database

  public init(_ database: Database) { self.database = database }

  /// Nil when the user has as many as are permitted.
  public func addEndpoint(
    _ settings: WebhookSettings, of userID: String, seesAll: Bool, secret: WebhookSecret
  ) async throws -> WebhookEndpointRecord? {
    var parameters = Parameters(userID, seesAll, settings.url, settings.description)
    parameters.append(settings.eventTypes.map(TextList.init))
    parameters.append(secret.text)
    parameters.append(Int64(Self.endpointsPerUser))
    return try await endpoint(WebhookStatements.addEndpoint, parameters)
  }

  public func endpoints(of userID: String) async throws -> [WebhookEndpointRecord] {
    let rows = try await seen(by: userID, WebhookStatements.endpoints, Parameters(userID))
    return try (0..<rows.count).map { try WebhookEndpointRecord(rows, $0) }
  }

  public func endpoint(_ id: UUID, of userID: String) async throws -> WebhookEndpointRecord? {
    let rows = try await seen(by: userID, WebhookStatements.endpoint, Parameters(id, userID))
    return rows.count == 0 ? nil : try WebhookEndpointRecord(rows, 0)
  }

  /// Nil when the user has no such endpoint, as below.
  public func changeEndpoint(
    _ id: UUID, of userID: String, _ settings: WebhookSettings, isEnabled: Bool
  ) async throws -> WebhookEndpointRecord? {
    var parameters = Parameters(id, userID, settings.url, settings.description)
    parameters.append(settings.eventTypes.map(TextList.init))
    parameters.append(isEnabled)
    return try await endpoint(WebhookStatements.changeEndpoint, parameters)
  }

  public func removeEndpoint(_ id: UUID, of userID: String) async throws -> Bool {
    try await database.query(WebhookStatements.removeEndpoint, Parameters(id, userID)).affectedRows > 0
  }

  /// The secret before signs on beside the new one for a day.
  public func rotateSecret(_ id: UUID, of userID: String, to secret: WebhookSecret) async throws -> WebhookEndpointRecord? {
    var parameters = Parameters(id, userID, secret.text)
    parameters.appendInterval(microseconds: Int64(Self.rotationHours) * 3_600_000_000)
    return try await endpoint(WebhookStatements.rotateSecret, parameters)
  }

  /// Newest first.
  /// - Parameter before: only those with a smaller number; nil for the newest.
  public func deliveries(
    of endpoint: UUID, seenBy userID: String, status: WebhookDeliveryRecord.Status?, before: Int64?, limit: Int
  ) async throws -> [WebhookDeliveryRecord] {
    let rows = try await seen(
      by: userID, WebhookStatements.deliveries, Parameters(endpoint, status?.rawValue, before, Int64(limit)))
    return try (0..<rows.count).map { try WebhookDeliveryRecord(rows, $0) }
  }

  public func delivery(_ id: UUID, seenBy userID: String) async throws -> WebhookDeliveryRecord? {
    let rows = try await seen(by: userID, WebhookStatements.delivery, Parameters(id))
    return rows.count == 0 ? nil : try WebhookDeliveryRecord(rows, 0)
  }

  /// Makes a delivery to show that the endpoint works.
  public func sendTest(to endpoint: UUID) async throws -> UUID {
    try await database.query(WebhookStatements.sendTest, Parameters(endpoint)).uuid(0, 0)
  }

  /// False while it is on its way.
  public func replay(_ delivery: UUID) async throws -> Bool {
    try await database.query(WebhookStatements.replay, Parameters(delivery)).bool(0, 0)
  }

  /// Times are microseconds since the Unix epoch.
  /// - Returns: how many failed deliveries of that time begin anew, at most a thousand, the oldest first.
  public func replayFailed(of endpoint: UUID, since: Int64, until: Int64) async throws -> Int {
    var parameters = Parameters(endpoint)
    parameters.appendTimestamp(microseconds: since)
    parameters.appendTimestamp(microseconds: until)
    parameters.append(Int32(Self.replaysAtOnce))
    return Int(try await database.query(WebhookStatements.replayFailed, parameters).int32(0, 0))
  }

  /// Removes deliveries that ended and are older than 30 days, at most 1,000. Returns how many.
  public func forgetOldDeliveries() async throws -> Int {
    try await database.query(WebhookStatements.forgetOldDeliveries).affectedRows
  }

  func parcel(_ delivery: UUID) async throws -> WebhookParcel? {
    let rows = try await database.query(WebhookStatements.parcel, Parameters(delivery))
    return rows.count == 0 ? nil : try WebhookParcel(rows, 0)
  }

  /// Keeps what became of an attempt; again it changes nothing.
  func record(
    _ outcome: WebhookSchedule.Outcome, _ next: WebhookSchedule.Next, of parcel: WebhookParcel, attempt: Int
  ) async throws {
    let (answer, error): (Int32?, String?) =
      switch outcome {
      case .answered(let status, _): (Int32(clamping: status.rawValue), status.isSuccess ? nil : "answered \(status.rawValue)")
      case .failed(let text), .impossible(let text): (nil, text)
      }
    let status: WebhookDeliveryRecord.Status =
      switch next {
      case .delivered: .delivered
      case .retry: .pending
      case .failed, .endpointGone: .failed
      }
    var parameters = Parameters(parcel.id, Int32(attempt), status.rawValue, answer, error.map { String($0.prefix(500)) })
    if case .retry(let wait) = next {
      parameters.appendInterval(microseconds: wait.milliseconds * 1000)
    } else {
      parameters.appendNull()
    }
    parameters.append(next == .endpointGone ? "its receiver answered 410: it is gone" : nil as String?)
    _ = try await database.query(WebhookStatements.record, parameters)
  }

  private func endpoint(_ statement: Statement, _ parameters: Parameters) async throws -> WebhookEndpointRecord? {
    let rows = try await database.query(statement, parameters)
    return rows.count == 0 ? nil : try WebhookEndpointRecord(rows, 0)
  }

  private func seen(by userID: String, _ statement: Statement, _ parameters: Parameters) async throws -> Rows {
    try await database.run([CatalogViewer(userID: userID).bound, (statement, parameters)])[1]
  }
}
