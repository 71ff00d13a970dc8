import Activities
import Cryptography
import Foundation
import PostgreSQL

/// Keys of other programs and of workers.
extension AccessDirectory {
  /// How every key begins: people and scanners of secrets know it by that.
  static let keyPrefix = "ork_"

  /// A new key, told this once; nil when the name is taken.
  /// - Parameter lifetime: until it ends by itself; nil for never.
  func addKey(
    name: String, roles: Set<Role>, taskQueues: [String]?, lifetime: Duration?, by user: String
  ) async throws -> (key: String, record: APIKeyRecord)? {
    let key = Self.keyPrefix + Base64URL.encode(SecureRandom.bytes(32))
    var parameters = Parameters(
      name, String(key.prefix(12)), Digest.sha256(key.utf8), Self.names(roles), taskQueues.map(TextList.init), user)
    if let lifetime { parameters.appendInterval(microseconds: lifetime.components.seconds * 1_000_000) } else { parameters.appendNull() }
    let rows = try await database.query(AccessStatements.addKey, parameters)
    return rows.count == 1 ? (key, try APIKeyRecord(rows, 0)) : nil
  }

  /// The newest thousand.
  func keys() async throws -> [APIKeyRecord] {
    let rows = try await database.query(AccessStatements.keys)
    return try (0..<rows.count).map { try APIKeyRecord(rows, $0) }
  }

  /// From now on it is refused; nil when there is none.
  func revokeKey(_ id: UUID) async throws -> APIKeyRecord? {
    let rows = try await database.query(AccessStatements.revokeKey, Parameters(id))
    return rows.count == 1 ? try APIKeyRecord(rows, 0) : nil
  }

  /// Who uses the key; nil for one that is not known, was revoked or has ended. Found by its digest: how long it takes tells nothing of any key.
  func principal(ofKey key: String) async throws -> Principal? {
    let rows = try await database.query(AccessStatements.useKey, Parameters(Digest.sha256(key.utf8)))
    guard rows.count == 1 else { return nil }
    let record = try APIKeyRecord(rows, 0)
    return Principal(userID: "key:\(record.name)", roles: record.roles, taskQueues: record.taskQueues.map { Set($0) })
  }
}

struct APIKeyRecord: Sendable {
  let id: UUID
  let name: String
  let prefix: String
  let roles: Set<Role>
  /// Nil for all queues.
  let taskQueues: [String]?
  let createdBy: String
  /// Microseconds since the Unix epoch, as the times below.
  let createdAt: Int64
  let expiresAt: Int64?
  let revokedAt: Int64?
  let lastUsedAt: Int64?

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    name = try rows.text(row, 1)
    prefix = try rows.text(row, 2)
    roles = try rows.roles(row, 3)
    taskQueues = try rows.optional(row, 4) { try JSONDecoder().decode([String].self, from: Data(try rows.text($0, $1).utf8)) }
    createdBy = try rows.text(row, 5)
    createdAt = try rows.timestamp(row, 6)
    expiresAt = try rows.optional(row, 7, rows.timestamp)
    revokedAt = try rows.optional(row, 8, rows.timestamp)
    lastUsedAt = try rows.optional(row, 9, rows.timestamp)
  }
}
