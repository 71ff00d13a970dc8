import Cryptography
import Foundation
import PostgreSQL

/// What the owner of an endpoint decides.
public struct WebhookSettings: Sendable, Equatable {
  public var url: String
  public var description: String?
  /// Names, or `track.*`; nil for all.
  public var eventTypes: [String]?

  public init(url: String, description: String? = nil, eventTypes: [String]? = nil) {
    self.url = url
    self.description = description
    self.eventTypes = eventTypes
  }
}

/// An endpoint without its secrets. Times are microseconds since the Unix epoch.
public struct WebhookEndpointRecord: Sendable, Equatable {
  public let id: UUID
  public let seesAll: Bool
  public let settings: WebhookSettings
  /// Until when the secret before the last rotation signs too.
  public let previousUntil: Int64?
  public let disabledAt: Int64?
  public let disabledBecause: String?
  public let createdAt: Int64
  public let updatedAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    seesAll = try rows.bool(row, 1)
    let types = try rows.optional(row, 4) { try JSONDecoder().decode([String].self, from: Data(try rows.text($0, $1).utf8)) }
    settings = WebhookSettings(url: try rows.text(row, 2), description: try rows.optional(row, 3, rows.text), eventTypes: types)
    previousUntil = try rows.optional(row, 5, rows.timestamp)
    disabledAt = try rows.optional(row, 6, rows.timestamp)
    disabledBecause = try rows.optional(row, 7, rows.text)
    createdAt = try rows.timestamp(row, 8)
    updatedAt = try rows.timestamp(row, 9)
  }
}

/// One event on its way to one endpoint.
public struct WebhookDeliveryRecord: Sendable, Equatable {
  public enum Status: String, Sendable, CaseIterable {
    case pending = "PENDING"
    case delivered = "DELIVERED"
    case failed = "FAILED"
  }

  public let id: UUID
  public let number: Int64
  public let endpointID: UUID
  public let type: String
  public let status: Status
  public let attempts: Int32
  /// What the last attempt was answered with.
  public let lastStatus: Int32?
  public let lastError: String?
  public let lastAttemptAt: Int64?
  public let nextAttemptAt: Int64?
  public let createdAt: Int64

  /// The `webhook-id`, the same in every attempt.
  public var messageID: String { WebhookParcel.messageID(id) }

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    number = try rows.int64(row, 1)
    endpointID = try rows.uuid(row, 2)
    type = try rows.text(row, 3)
    status = try rows.named(row, 4)
    attempts = try rows.int32(row, 5)
    lastStatus = try rows.optional(row, 6, rows.int32)
    lastError = try rows.optional(row, 7, rows.text)
    lastAttemptAt = try rows.optional(row, 8, rows.timestamp)
    nextAttemptAt = try rows.optional(row, 9, rows.timestamp)
    createdAt = try rows.timestamp(row, 10)
  }
}

/// What an attempt needs: never leaves the process but as a signed request.
struct WebhookParcel: Sendable {
  let id: UUID
  let isPending: Bool
  let attempts: Int
  /// Until the next attempt is due.
  let waitMilliseconds: Int64?
  let document: String
  let url: String
  let isDisabled: Bool
  /// The present one, and the one before while it signs too.
  let secrets: [WebhookSecret]

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    isPending = try rows.text(row, 1) == WebhookDeliveryRecord.Status.pending.rawValue
    attempts = Int(try rows.int32(row, 2))
    waitMilliseconds = try rows.optional(row, 3, rows.int64)
    document = try rows.text(row, 4)
    url = try rows.text(row, 5)
    isDisabled = try rows.bool(row, 6)
    secrets = [try rows.text(row, 7), try rows.optional(row, 8, rows.text)].compactMap { $0.flatMap(WebhookSecret.init) }
  }

  var messageID: String { Self.messageID(id) }

  static func messageID(_ id: UUID) -> String { "msg_" + id.uuidString.lowercased().replacing("-", with: "") }
}
