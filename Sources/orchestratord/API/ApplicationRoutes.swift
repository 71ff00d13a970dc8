import Activities
import Foundation
import HTTP

/// The body of `POST /api/v1/artist-applications`; it may be left out.
struct ApplicationRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case statement }

  let statement: String?

  init(from decoder: any Decoder) throws {
    statement = try decoder.container(keyedBy: Field.self).decodeIfPresent(String.self, forKey: .statement)
  }
}

struct ApplicationDocument: Encodable {
  let id: String
  let accountId: String
  let statement: String?
  let status: String
  let reason: String?
  let createdAt: String
  let decidedAt: String?

  init(_ record: ApplicationRecord) {
    id = record.id.uuidString.lowercased()
    accountId = record.accountID.uuidString.lowercased()
    statement = record.statement
    status = record.status
    reason = record.reason
    createdAt = Timestamp.text(record.createdAt)
    decidedAt = record.decidedAt.map(Timestamp.text)
  }
}

/// How a listener becomes an artist.
extension AccessAPI {
  func addApplicationRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/artist-applications") { try await apply($0) }
    router.on(.get, "/api/v1/artist-applications") { try await listApplications($0) }
    router.on(.post, "/api/v1/artist-applications/{id}/approve") { try await decide(.approved, $0) }
    router.on(.post, "/api/v1/artist-applications/{id}/reject") { try await decide(.rejected, $0) }
  }

  private func apply(_ request: HTTPRequest) async throws -> HTTPResponse {
    let account = try await ownAccount(request)
    guard !account.roles.contains(.artist) else { throw APIProblem(.conflict, "already-artist", "This account is an artist already.") }
    let statement = try await request.optionalJSON(ApplicationRequest.self, upTo: Self.largestBody)?.statement
    guard let application = try await directory.apply(account.id, statement: try statement.flatMap { try TrackTexts.reason($0) }) else {
      throw APIProblem(.conflict, "application-waits", "An earlier application of this account waits to be decided.")
    }
    return try .json(encoding: ApplicationDocument(application), status: .created)
  }

  /// `GET /api/v1/artist-applications?status=&limit=&cursor=`, oldest first; users see their own.
  private func listApplications(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let own = principal.roles.contains(.admin) ? nil : try await ownAccount(request).id
    let status = try request.queryValue("status").map { text in
      guard let status = ApplicationRecord.Status(rawValue: text.uppercased()) else {
        throw APIProblem.invalid("invalid-query", "\"status\" must be PENDING, APPROVED or REJECTED.")
      }
      return status
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let applications = try await directory.applications(
      seenBy: CatalogViewer(userID: principal.userID, seesAllTracks: principal.roles.contains(.admin)), of: own, status: status,
      after: try TimeCursor(of: request), limit: limit)
    let next = applications.count == limit ? applications.last.map { TimeCursor(time: $0.createdAt, id: $0.id).text } : nil
    return try .json(encoding: Page(items: applications.map(ApplicationDocument.init), nextCursor: next))
  }

  private func decide(_ status: ApplicationRecord.Status, _ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try id(request)
    let reason = try await request.optionalJSON(ModerationRequest.self, upTo: Self.largestBody)?.reason
    try await directory.decide(id, status, reason: try reason.flatMap { try TrackTexts.reason($0) }, by: principal.userID)
    return try .json(encoding: ["id": id.uuidString.lowercased(), "status": status.rawValue])
  }
}
