import PostgreSQL
import Workflows

/// What a user was told.
public struct NotificationRecord: Sendable, Equatable {
  public let id: Int64
  /// Nil for what is about the user.
  public let trackID: TrackID?
  /// status, lyrics or application.
  public let kind: String
  public let status: String
  public let message: String
  public let createdAt: Int64
  /// Nil while it is unread.
  public let readAt: Int64?

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.int64(row, 0)
    trackID = try rows.optional(row, 1) { TrackID(try rows.uuid($0, $1)) }
    kind = try rows.text(row, 2)
    status = try rows.text(row, 3)
    message = try rows.text(row, 4)
    createdAt = try rows.timestamp(row, 5)
    readAt = try rows.optional(row, 6, rows.timestamp)
  }
}

/// The one thing that users change themselves, so these work on a catalogue that is seen by a viewer.
extension TrackCatalog {
  /// Newest first.
  /// - Parameters:
  ///   - isUnread: whether only unread or only read ones; nil for all.
  ///   - before: only those with a smaller id; nil for the newest.
  ///   - limit: 1 to 200.
  public func notifications(
    of userID: String, isUnread: Bool? = nil, before: Int64?, limit: Int
  ) async throws -> [NotificationRecord] {
    let rows = try await call(
      NotificationStatements.notifications, Parameters(userID, isUnread, before, Int64(min(max(limit, 1), 200))))
    return try (0..<rows.count).map { try NotificationRecord(rows, $0) }
  }

  /// How many there are; beyond 10,000 they are not counted.
  public func notificationCounts(of userID: String) async throws -> (total: Int64, unread: Int64) {
    let rows = try await call(NotificationStatements.counts, Parameters(userID))
    return (try rows.int64(0, 0), try rows.int64(0, 1))
  }

  /// Keeps the time at which it was read first. Nil when the user has no such notification.
  public func markNotification(_ id: Int64, of userID: String, isRead: Bool) async throws -> NotificationRecord? {
    let rows = try await call(NotificationStatements.mark, Parameters(id, userID, isRead))
    return rows.count == 0 ? nil : try NotificationRecord(rows, 0)
  }

  /// - Parameter upTo: the newest to be marked; nil for all.
  /// - Returns: how many were unread.
  public func markAllNotifications(of userID: String, upTo: Int64?) async throws -> Int {
    try await call(NotificationStatements.markAll, Parameters(userID, upTo)).affectedRows
  }

  /// Whether there was one.
  public func removeNotification(_ id: Int64, of userID: String) async throws -> Bool {
    try await call(NotificationStatements.remove, Parameters(id, userID)).affectedRows > 0
  }
}
