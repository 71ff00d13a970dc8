import Activities
import Foundation
import PostgreSQL

/// Listeners who want to be artists.
extension AccessDirectory {
  /// Nil while an earlier application of the account waits.
  func apply(_ account: UUID, statement: String?) async throws -> ApplicationRecord? {
    let rows = try await database.query(AccessStatements.apply, Parameters(account, statement))
    return rows.count == 1 ? try ApplicationRecord(rows, 0) : nil
  }

  /// Oldest first, as the viewer may see them.
  /// - Parameter account: nil for those of all accounts.
  func applications(
    seenBy viewer: CatalogViewer, of account: UUID?, status: ApplicationRecord.Status?, after cursor: TimeCursor?, limit: Int
  ) async throws -> [ApplicationRecord] {
    var parameters = Parameters(account, status?.rawValue)
    parameters.append(cursor)
    parameters.append(Int64(limit))
    let rows = try await database.run([viewer.bound, (AccessStatements.applications, parameters)])[1]
    return try (0..<rows.count).map { try ApplicationRecord(rows, $0) }
  }

  /// Decides once, gives the role, and tells the applicant; the same decision again changes nothing.
  /// - Throws: `APIProblem` 404, 409.
  func decide(_ id: UUID, _ status: ApplicationRecord.Status, reason: String?, by user: String) async throws {
    do {
      _ = try await database.query(AccessStatements.decide, Parameters(id, status.rawValue, reason, user))
    } catch let error as DatabaseError where error.sqlState == "AC001" {
      throw APIProblem(.notFound, "application-not-found", "There is no such application.")
    } catch let error as DatabaseError where error.sqlState == "AC002" {
      throw APIProblem(.conflict, "already-decided", "This application was decided otherwise.")
    }
  }
}

struct ApplicationRecord: Sendable {
  enum Status: String, Sendable {
    case pending = "PENDING"
    case approved = "APPROVED"
    case rejected = "REJECTED"
  }

  let id: UUID
  let accountID: UUID
  let statement: String?
  let status: String
  let reason: String?
  let decidedBy: String?
  /// Microseconds since the Unix epoch.
  let createdAt: Int64
  let decidedAt: Int64?

  init(_ rows: Rows, _ row: Int) throws {
    id = try rows.uuid(row, 0)
    accountID = try rows.uuid(row, 1)
    statement = try rows.optional(row, 2, rows.text)
    status = try rows.text(row, 3)
    reason = try rows.optional(row, 4, rows.text)
    decidedBy = try rows.optional(row, 5, rows.text)
    createdAt = try rows.timestamp(row, 6)
    decidedAt = try rows.optional(row, 7, rows.timestamp)
  }
}
