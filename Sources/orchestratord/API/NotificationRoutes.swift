import Activities
import HTTP

/// The body of `PUT /api/v1/notifications/{id}`.
struct NotificationRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case read }

  let isRead: Bool

  init(from decoder: any Decoder) throws {
    isRead = try decoder.container(keyedBy: Field.self).decode(Bool.self, forKey: .read)
  }
}

/// The body of `POST /api/v1/notifications/read-all`; it may be left out.
struct ReadAllRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case upTo }

  /// The newest that the user has seen; later ones stay unread.
  let upTo: Int64?

  init(from decoder: any Decoder) throws {
    upTo = try decoder.container(keyedBy: Field.self).decodeIfPresent(Int64.self, forKey: .upTo)
  }
}

struct NotificationDocument: Encodable {
  let id: Int64
  let trackId: String?
  let kind: String
  let status: String
  let message: String
  let createdAt: String
  let readAt: String?

  init(_ record: NotificationRecord) {
    id = record.id
    trackId = record.trackID?.description
    kind = record.kind
    status = record.status
    message = record.message
    createdAt = Timestamp.text(record.createdAt)
    readAt = record.readAt.map(Timestamp.text)
  }
}

/// What users were told. Everybody sees, marks and removes the own only; what is others' looks as if it were not there.
extension MusicAPI {
  func addNotificationRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/notifications") { try await listNotifications($0) }
    router.on(.get, "/api/v1/notifications/counts") { try await countNotifications($0) }
    router.on(.put, "/api/v1/notifications/{id}") { try await markNotification($0) }
    router.on(.delete, "/api/v1/notifications/{id}") { try await removeNotification($0) }
    router.on(.post, "/api/v1/notifications/read-all") { try await markAllNotifications($0) }
  }

  /// `GET /api/v1/notifications?unread=&limit=&cursor=`, newest first.
  private func listNotifications(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let limit = try request.number("limit", in: 1...200, default: 50)
    let told = try await catalog.seen(by: principal.viewer).notifications(
      of: principal.userID, isUnread: try request.flag("unread"), before: try request.numberedCursor(), limit: limit)
    let next = told.count == limit ? told.last.map { String($0.id) } : nil
    return try .json(encoding: Page(items: told.map(NotificationDocument.init), nextCursor: next))
  }

  private func countNotifications(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let counts = try await catalog.seen(by: principal.viewer).notificationCounts(of: principal.userID)
    return try .json(encoding: ["total": counts.total, "unread": counts.unread])
  }

  /// `PUT /api/v1/notifications/{id}` `{"read": true}`, or false; again it changes nothing.
  private func markNotification(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let id = try notificationID(request)
    let isRead = try await request.strictJSON(NotificationRequest.self, upTo: 1 << 10).isRead
    guard let marked = try await catalog.seen(by: principal.viewer).markNotification(id, of: principal.userID, isRead: isRead) else {
      throw Self.noNotification
    }
    return try .json(encoding: NotificationDocument(marked))
  }

  private func removeNotification(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let id = try notificationID(request)
    guard try await catalog.seen(by: principal.viewer).removeNotification(id, of: principal.userID) else { throw Self.noNotification }
    return HTTPResponse(.noContent)
  }

  /// `POST /api/v1/notifications/read-all` `{"upTo": id}`: all, or those up to the newest that the user has seen.
  private func markAllNotifications(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let upTo = try await request.optionalJSON(ReadAllRequest.self, upTo: 1 << 10)?.upTo
    let count = try await catalog.seen(by: principal.viewer).markAllNotifications(of: principal.userID, upTo: upTo)
    return try .json(encoding: ["marked": count])
  }

  private func notificationID(_ request: HTTPRequest) throws -> Int64 {
    guard let id = Int64(request.parameters["id"] ?? ""), id > 0 else {
      throw APIProblem.invalid("invalid-id", "A notification is named by the number that the list shows as \"id\".")
    }
    return id
  }

  private static let noNotification = APIProblem(.notFound, "notification-not-found", "There is no such notification.")
}
