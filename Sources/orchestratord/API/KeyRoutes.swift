import Foundation
import HTTP
import Orchestrator

/// The body of `POST /api/v1/api-keys`.
struct KeyRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case name, roles, taskQueues, expiresInDays, reason }

  let name: String
  let roles: Set<Role>
  let taskQueues: [String]?
  let expiresInDays: Int?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    name = try fields.decode(String.self, forKey: .name)
    roles = Set(try fields.decode([Role].self, forKey: .roles))
    taskQueues = try fields.decodeIfPresent([String].self, forKey: .taskQueues)
    expiresInDays = try fields.decodeIfPresent(Int.self, forKey: .expiresInDays)
  }
}

struct KeyDocument: Encodable {
  let id: String
  let name: String
  let prefix: String
  let roles: [String]
  let taskQueues: [String]?
  let createdBy: String
  let createdAt: String
  let expiresAt: String?
  let revokedAt: String?
  let lastUsedAt: String?
  /// Only in the answer to the request that made it.
  let key: String?

  init(_ record: APIKeyRecord, key: String? = nil) {
    id = record.id.uuidString.lowercased()
    name = record.name
    prefix = record.prefix
    roles = record.roles.map(\.rawValue).sorted()
    taskQueues = record.taskQueues
    createdBy = record.createdBy
    createdAt = Timestamp.text(record.createdAt)
    expiresAt = record.expiresAt.map(Timestamp.text)
    revokedAt = record.revokedAt.map(Timestamp.text)
    lastUsedAt = record.lastUsedAt.map(Timestamp.text)
    self.key = key
  }
}

/// Keys of other programs and of workers, made and revoked by admins.
extension AccessAPI {
  /// A stolen key must not be able to make more of its kind: none is an admin.
  private static let keyRoles: Set<Role> = [.service, .worker, .operator]

  func addKeyRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/api-keys") { try await makeKey($0) }
    router.on(.get, "/api/v1/api-keys") { request in
      _ = try await authentication.authorized(request, .admin)
      return try .json(encoding: Page(items: try await directory.keys().map { KeyDocument($0) }, nextCursor: nil))
    }
    router.on(.delete, "/api/v1/api-keys/{id}") { request in
      _ = try await authentication.authorized(request, .admin)
      return try .json(encoding: KeyDocument(try found(try await directory.revokeKey(try id(request)), "api-key")))
    }
  }

  private func makeKey(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let body = try await request.strictJSON(KeyRequest.self, upTo: Self.largestBody)
    guard body.name.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9 ._\/\-]{0,99}/) != nil else {
      throw APIProblem.invalidField("name", "must have 1 to 100 letters, digits, blanks, dots, slashes, dashes or underscores")
    }
    guard !body.roles.isEmpty, body.roles.isSubset(of: Self.keyRoles) else {
      throw APIProblem.invalidField("roles", "must hold service, worker or operator")
    }
    if let queues = body.taskQueues {
      guard body.roles.contains(.worker), 1...100 ~= queues.count,
        queues.allSatisfy({ 1...Limits.nameBytes ~= $0.utf8.count && !$0.utf8.contains(0) })
      else { throw APIProblem.invalidField("taskQueues", "must name 1 to 100 queues of a worker") }
    }
    guard body.expiresInDays.map({ 1...3650 ~= $0 }) ?? true else { throw APIProblem.invalidField("expiresInDays", "must be 1 to 3650") }
    let made = try await directory.addKey(
      name: body.name, roles: body.roles, taskQueues: body.taskQueues, lifetime: body.expiresInDays.map { .hours(24 * $0) },
      by: principal.userID)
    guard let made else {
      throw APIProblem(.conflict, "api-key-exists", "There is a key of this name. Revoke it, or take another name.")
    }
    return try .json(encoding: KeyDocument(made.record, key: made.key), status: .created)
  }
}
