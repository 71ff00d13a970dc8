import Foundation
import HTTP
import Orchestrator
import PostgreSQL
import Synchronization

/// Writes down what admins and operators do: before it is done, so that nothing happens unseen, and again with its outcome.
struct AuditTrail: Sendable {
  let database: Database
  var proxies = TrustedProxies.none

  /// One request that may turn out to be an action.
  private final class Action: Sendable {
    @TaskLocal static var current: Action?
    let state = Mutex((id: Int64?.none, reason: String?.none))
  }

  private static let reading: Set<HTTPMethod> = [.get, .head, .options]

  /// Goes around every handler: adds the outcome to what `begin` wrote.
  func around(_ request: HTTPRequest, _ next: HTTPHandler) async throws -> HTTPResponse {
    guard !Self.reading.contains(request.method) else { return try await next(request) }
    let action = Action()
    let response = try await Action.$current.withValue(action) { try await next(request) }
    let (id, reason) = action.state.withLock { ($0.id, $0.reason) }
    if let id {
      do {
        try await finish(id, status: Int32(response.status.rawValue), reason)
      } catch {
        Log.warning("audit", "the outcome of action \(id) could not be written down: \(error)")
      }
    }
    return response
  }

  /// Writes down that a request that changes something is about to be carried out.
  /// - Throws: when it cannot be written: then it must not be done.
  func begin(_ request: HTTPRequest, _ principal: Principal) async throws {
    guard !Self.reading.contains(request.method) else { return }
    let id = try await begin(
      request.method.rawValue, on: request.path, by: principal.userID, principal.roles, from: proxies.client(of: request))
    Action.current?.state.withLock { $0.id = id }
  }

  /// As above, for actions that are no requests.
  func begin(_ action: String, on target: String, by actor: String, _ roles: Set<Role>, from address: String?) async throws -> Int64 {
    try await database.query(
      AccessStatements.beginAction,
      Parameters(actor, AccessDirectory.names(roles), action, String(target.prefix(2000)), address)
    ).int64(0, 0)
  }

  /// - Parameter status: of the answer; of a command the exit status.
  func finish(_ id: Int64, status: Int32, _ reason: String?) async throws {
    _ = try await database.query(AccessStatements.finishAction, Parameters(id, status, reason.map(Self.bounded)))
  }

  private static func bounded(_ reason: String) -> String {
    String(reason.unicodeScalars.filter { $0 != "\0" }.prefix(2000).map(Character.init))
  }

  /// What a request gives as its reason, for the action that it is part of.
  static func note(reason: String) {
    Action.current?.state.withLock { $0.reason = reason }
  }

  /// Newest first.
  func actions(of actor: String?, on target: String?, before: Int64?, limit: Int) async throws -> [ActionRecord] {
    let rows = try await database.query(AccessStatements.actions, Parameters(actor, target, before, Int64(limit)))
    return try (0..<rows.count).map { try ActionRecord(rows, $0) }
  }
}

/// One line of the audit log.
struct ActionRecord: Sendable, Encodable {
  let id: Int64
  let at: String
  let actor: String
  let roles: [String]
  let action: String
  let target: String
  let reason: String?
  let address: String?
  /// Nil while it runs, and when the process ended meanwhile.
  let status: Int32?

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.int64(row, 0)
    at = Timestamp.text(try rows.timestamp(row, 1))
    actor = try rows.text(row, 2)
    roles = try rows.text(row, 3).split(separator: " ").map(String.init)
    action = try rows.text(row, 4)
    target = try rows.text(row, 5)
    reason = try rows.optional(row, 6, rows.text)
    address = try rows.optional(row, 7, rows.text)
    status = try rows.optional(row, 8, rows.int32)
  }
}
