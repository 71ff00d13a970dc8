import Activities
import Foundation
import HTTP
import Workflows

extension MusicAPI {
  /// `GET /api/v1/tracks/{id}`
  func showTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    return try await answer(try await visibleTrack(request, to: principal), in: catalog.seen(by: principal.viewer))
  }

  /// A track with its `ETag`, which an edit names in `If-Match`.
  func answer(_ track: TrackRecord, in catalog: TrackCatalog) async throws -> HTTPResponse {
    var response = try HTTPResponse.json(encoding: try await document(of: track, in: catalog))
    response.headers["ETag"] = ExpectedRevisions.entityTag(track.revision)
    return response
  }

  func document(of track: TrackRecord, in catalog: TrackCatalog) async throws -> TrackDocument {
    TrackDocument(
      track, try await catalog.stages(track.id), try await catalog.lyrics(track.id), hasOpenStreams: streamLinks == nil)
  }

  /// `GET /api/v1/tracks?status=&limit=&cursor=`, newest first; artists see their own.
  func listTracks(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let status = try request.queryValue("status").map { text in
      guard let status = TrackStatus(rawValue: text.uppercased()) else {
        let known = TrackStatus.allCases.map(\.rawValue).joined(separator: ", ")
        throw APIProblem.invalid("invalid-query", "\"status\" must be one of \(known).")
      }
      return status
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let tracks = try await catalog.seen(by: principal.viewer).tracks(
      of: principal.seesAllTracks ? nil : principal.userID, status: status, after: request.timeCursor(), limit: limit)
    let next = tracks.count == limit ? tracks.last.map { TrackCursor(after: $0).text } : nil
    return try .json(encoding: Page(items: tracks.map(TrackSummary.init), nextCursor: next))
  }

  /// `GET /api/v1/tracks/{id}/audit`: who changed the status when and why.
  func showAudit(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.admin, .operator)
    let track = try await visibleTrack(request, to: principal)
    let changes = try await catalog.seen(by: principal.viewer).statusChanges(track.id)
    return try .json(encoding: Page(items: changes.map(StatusChangeDocument.init), nextCursor: nil))
  }

  /// `POST /api/v1/tracks/{id}/block` and `.../unblock`, with `{"reason": "...", "reasonCode": "..."}` or without a body.
  func moderateTrack(_ request: HTTPRequest, to status: TrackStatus) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try trackID(request)
    let body = try await request.optionalJSON(BlockingRequest.self, upTo: 16 << 10)
    guard status == .blocked || body?.reasonCode == nil else { throw APIProblem.invalidField("reasonCode", "is for blocking only") }
    let result = try await catalog.moderate(
      id, to: status, because: try body?.reason.flatMap { try TrackTexts.reason($0) }, reasonCode: body?.reasonCode, by: principal.userID,
      requestKey: "moderation/\(UUID().uuidString)")
    return try .json(encoding: ["trackId": id.description, "status": result.rawValue])
  }
}
