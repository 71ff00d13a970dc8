import Activities
import Cryptography
import Foundation
import HTTP
import PostgreSQL

/// Accounts, keys and applications, as the database holds them.
struct AccessDirectory: Sendable {
  let database: Database

  /// The account that a user's name stands for; nil when it is no account of ours.
  func account(_ id: UUID) async throws -> AccountRecord? {
    try Self.account(try await database.query(AccessStatements.account, Parameters(id)))
  }

  /// Nil when the email address or the user name is taken.
  func addAccount(email: String, username: String, passwordHash: String, roles: Set<Role>) async throws -> AccountRecord? {
    try Self.account(
      try await database.query(AccessStatements.addAccount, Parameters(email, username, passwordHash, Self.names(roles))))
  }

  /// The account of a log-in with the hash of its password.
  func credentials(_ login: String) async throws -> (account: AccountRecord, passwordHash: String)? {
    let rows = try await database.query(AccessStatements.credentials, Parameters(login))
    return rows.count == 1 ? (try AccountRecord(rows, 0), try rows.text(0, 7)) : nil
  }

  /// Newest first.
  func accounts(with role: Role?, after cursor: TimeCursor?, limit: Int) async throws -> [AccountRecord] {
    var parameters = Parameters(role?.rawValue)
    parameters.append(cursor)
    parameters.append(Int64(limit))
    let rows = try await database.query(AccessStatements.accounts, parameters)
    return try (0..<rows.count).map { try AccountRecord(rows, $0) }
  }

  /// Nil when there is no such account, as below.
  func setRoles(_ roles: Set<Role>, of id: UUID) async throws -> AccountRecord? {
    try Self.account(try await database.query(AccessStatements.setRoles, Parameters(id, Self.names(roles))))
  }

  func setBlocked(_ isBlocked: Bool, _ id: UUID) async throws -> AccountRecord? {
    try Self.account(try await database.query(AccessStatements.setBlocked, Parameters(id, isBlocked)))
  }

  /// No token that was made before is taken any more.
  func endSessions(of id: UUID) async throws -> AccountRecord? {
    try Self.account(try await database.query(AccessStatements.endSessions, Parameters(id)))
  }

  func setPassword(_ hash: String, of id: UUID) async throws -> AccountRecord? {
    try Self.account(try await database.query(AccessStatements.setPassword, Parameters(id, hash)))
  }

  /// The secret that all processes of this database sign with; made by the first one.
  func tokenKey() async throws -> String {
    let offer = Base64URL.encode(SecureRandom.bytes(48))
    _ = try await database.query(AccessStatements.offerTokenKey, Parameters(offer))
    return try await database.query(AccessStatements.tokenKey).text(0, 0)
  }

  private static func account(_ rows: Rows) throws -> AccountRecord? { rows.count == 1 ? try AccountRecord(rows, 0) : nil }

  static func names(_ roles: Set<Role>) -> TextList { TextList(values: roles.map(\.rawValue).sorted()) }
}

/// A person who logs in here.
struct AccountRecord: Sendable {
  let id: UUID
  let email: String
  let username: String
  let roles: Set<Role>
  let generation: Int
  let isBlocked: Bool
  /// Microseconds since the Unix epoch.
  let createdAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    email = try rows.text(row, 1)
    username = try rows.text(row, 2)
    roles = try rows.roles(row, 3)
    generation = Int(try rows.int32(row, 4))
    isBlocked = try rows.bool(row, 5)
    createdAt = try rows.timestamp(row, 6)
  }

  /// The user's name everywhere.
  var userID: String { id.uuidString.lowercased() }
}

extension Rows {
  /// Names with spaces between them; those of a newer program are left out.
  func roles(_ row: Int, _ column: Int) throws -> Set<Role> {
    Set(try text(row, column).split(separator: " ").compactMap { Role(rawValue: String($0)) })
  }
}

/// Where the next page of a list by time begins.
struct TimeCursor: Sendable, Equatable {
  /// Microseconds since the Unix epoch.
  let time: Int64
  let id: UUID

  init(time: Int64, id: UUID) {
    self.time = time
    self.id = id
  }

  /// - Throws: `APIProblem` 400.
  init?(of request: HTTPRequest) throws {
    guard let text = request.queryValue("cursor") else { return nil }
    let parts = Base64URL.decode(text).map { String(decoding: $0, as: UTF8.self).split(separator: ".") } ?? []
    guard parts.count == 2, let time = Int64(parts[0]), let id = UUID(uuidString: String(parts[1])) else {
      throw APIProblem.invalid("invalid-query", "\"cursor\" must be the nextCursor of an earlier page.")
    }
    self.init(time: time, id: id)
  }

  var text: String { Base64URL.encode("\(time).\(id)".utf8) }
}

extension Parameters {
  /// The two columns of a cursor.
  mutating func append(_ cursor: TimeCursor?) {
    if let cursor { appendTimestamp(microseconds: cursor.time) } else { appendNull() }
    append(cursor?.id)
  }
}
