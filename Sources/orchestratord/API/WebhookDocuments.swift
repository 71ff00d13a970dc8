import Activities
import Cryptography
import Foundation
import HTTP
import Orchestrator

/// The body of `POST` and `PUT` of an endpoint.
struct WebhookEndpointRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case url, description, eventTypes, allUsers, enabled }

  let url: String
  let description: String?
  let eventTypes: [String]?
  /// Events of all users; said once, when it is made.
  let allUsers: Bool?
  let enabled: Bool?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    url = try fields.decode(String.self, forKey: .url)
    description = try fields.decodeIfPresent(String.self, forKey: .description)
    eventTypes = try fields.decodeIfPresent([String].self, forKey: .eventTypes)
    allUsers = try fields.decodeIfPresent(Bool.self, forKey: .allUsers)
    enabled = try fields.decodeIfPresent(Bool.self, forKey: .enabled)
  }

  /// - Throws: `APIProblem` 422.
  func settings(_ addresses: AddressPolicy) throws -> WebhookSettings {
    try Self.check(url, addresses)
    guard description.map({ 1...500 ~= $0.unicodeScalars.count && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } }) ?? true else {
      throw APIProblem.invalidField("description", "must have 1 to 500 characters and no control characters")
    }
    if let eventTypes {
      guard 1...50 ~= eventTypes.count, eventTypes.allSatisfy({ $0.wholeMatch(of: /[a-z]{1,40}\.(\*|[a-z_]{1,58})/) != nil }) else {
        throw APIProblem.invalidField("eventTypes", "must hold 1 to 50 types such as \"track.published\" or \"track.*\"")
      }
    }
    return WebhookSettings(url: url, description: description, eventTypes: eventTypes)
  }

  /// What is clearly wrong is said at once; where a name leads is looked at whenever something is sent.
  private static func check(_ text: String, _ addresses: AddressPolicy) throws {
    guard text.utf8.count <= 2048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let url = URLComponents(string: text),
      let host = url.host, !host.isEmpty, url.user == nil, url.password == nil, url.fragment == nil
    else {
      throw APIProblem.invalidField("url", "must be an absolute URL of at most 2048 characters, without user, password and fragment")
    }
    let isInside = IPAddress("127.0.0.1").map(addresses.allows) ?? false
    guard url.scheme == "https" || (isInside && url.scheme == "http") else {
      throw APIProblem.invalidField("url", "must begin with https://")
    }
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    let isForbidden = IPAddress(name).map { !addresses.allows($0) } ?? false
    guard !isForbidden, isInside || (name.lowercased() != "localhost" && !name.lowercased().hasSuffix(".localhost")) else {
      throw APIProblem.invalidField("url", "leads to an address that may not be reached from here")
    }
  }
}

/// The body of `POST /api/v1/webhook-endpoints/{id}/replay`.
struct WebhookReplayRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case since, until }

  let since: RecordedTime
  /// Nil for now.
  let until: RecordedTime?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    since = try fields.decode(RecordedTime.self, forKey: .since)
    until = try fields.decodeIfPresent(RecordedTime.self, forKey: .until)
  }
}

struct WebhookEndpointDocument: Encodable {
  let id: String
  let url: String
  let description: String?
  let eventTypes: [String]?
  let allUsers: Bool
  let enabled: Bool
  let disabledAt: String?
  let disabledBecause: String?
  /// Until when the secret before the last rotation signs too.
  let previousSecretUntil: String?
  let createdAt: String
  let updatedAt: String
  /// Only in the answer to the request that made it.
  let secret: String?

  init(_ record: WebhookEndpointRecord, secret: WebhookSecret? = nil) {
    id = record.id.uuidString.lowercased()
    url = record.settings.url
    description = record.settings.description
    eventTypes = record.settings.eventTypes
    allUsers = record.seesAll
    enabled = record.disabledAt == nil
    disabledAt = record.disabledAt.map(Timestamp.text)
    disabledBecause = record.disabledBecause
    previousSecretUntil = record.previousUntil.map(Timestamp.text)
    createdAt = Timestamp.text(record.createdAt)
    updatedAt = Timestamp.text(record.updatedAt)
    self.secret = secret?.text
  }
}

struct WebhookDeliveryDocument: Encodable {
  let id: String
  let webhookId: String
  let endpointId: String
  let type: String
  let status: String
  let attempts: Int
  let lastStatus: Int?
  let lastError: String?
  let lastAttemptAt: String?
  let nextAttemptAt: String?
  let createdAt: String

  init(_ record: WebhookDeliveryRecord) {
    id = record.id.uuidString.lowercased()
    webhookId = record.messageID
    endpointId = record.endpointID.uuidString.lowercased()
    type = record.type
    status = record.status.rawValue
    attempts = Int(record.attempts)
    lastStatus = record.lastStatus.map { Int($0) }
    lastError = record.lastError
    lastAttemptAt = record.lastAttemptAt.map(Timestamp.text)
    nextAttemptAt = record.nextAttemptAt.map(Timestamp.text)
    createdAt = Timestamp.text(record.createdAt)
  }
}
