import Activities
import Foundation
import HTTP
import PostgreSQL
import Workflows

/// Something that happened, as it is told.
struct EventRecord: Sendable, Equatable {
  let number: Int64
  /// Whom it concerns; nil for operators only.
  let userID: String?
  /// JSON with type, timestamp and data.
  let document: String

  init(_ rows: Rows, _ row: Int) throws {
    number = try rows.int64(row, 0)
    userID = try rows.optional(row, 1, rows.text)
    document = try rows.text(row, 2)
  }

  var frame: ServerSentEvent { ServerSentEvent(id: String(number), data: document) }
}

/// Whose events are followed.
enum EventAudience: Sendable, Hashable {
  case user(String)
  /// Those of all users, and those that concern nobody else.
  case operators
}

/// How far the events are.
struct EventState: Sendable, Equatable {
  /// The number given last.
  let head: Int64
  /// The highest number that was removed because of its age.
  let pruned: Int64
}

/// The events in the database.
struct EventLog: Sendable {
  static let keptFor = Duration.hours(7 * 24)

  let database: Database

  func state() async throws -> EventState {
    let rows = try await database.query(EventStatements.state)
    return EventState(head: try rows.int64(0, 0), pruned: try rows.int64(0, 1))
  }

  /// What follows the number, in order and without gaps; gives numbers to what has none.
  func take(after number: Int64, limit: Int) async throws -> [EventRecord] {
    try records(try await database.query(EventStatements.take, Parameters(number, Int32(limit))))
  }

  /// What is between two numbers, the second included, as the audience may see it.
  func past(of audience: EventAudience, after: Int64, upTo: Int64, limit: Int) async throws -> [EventRecord] {
    let (viewer, statement): (CatalogViewer, BoundStatement) =
      switch audience {
      case .user(let user): (CatalogViewer(userID: user), (EventStatements.pastOfUser, Parameters(user, after, upTo, Int64(limit))))
      case .operators:
        (CatalogViewer(userID: "", seesAllTracks: true), (EventStatements.past, Parameters(after, upTo, Int64(limit))))
      }
    return try records(try await database.run([viewer.bound, statement])[1])
  }

  /// Removes events that are older than a week, at most 5,000 at a time.
  func prune(olderThan age: Duration = keptFor) async throws -> Int {
    var parameters = Parameters()
    parameters.appendInterval(microseconds: age.components.seconds * 1_000_000)
    parameters.append(Int32(5000))
    return Int(try await database.query(EventStatements.prune, parameters).int32(0, 0))
  }

  /// How far the tracks are that are in processing now.
  func progress() async throws -> [TrackProgress] {
    let rows = try await database.query(EventStatements.progress)
    var tracks: [TrackProgress] = []
    for row in 0..<rows.count {
      let id = TrackID(try rows.uuid(row, 0))
      if tracks.last?.id != id { tracks.append(TrackProgress(id: id, userID: try rows.text(row, 1))) }
      tracks[tracks.count - 1].add(stage: try rows.text(row, 2), percent: Int(try rows.int16(row, 3)))
    }
    return tracks
  }

  private func records(_ rows: Rows) throws -> [EventRecord] { try (0..<rows.count).map { try EventRecord(rows, $0) } }
}
