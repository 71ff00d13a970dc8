import Activities
import Foundation
import HTTP
import Workflows

extension MusicAPI {
  /// `GET /api/v1/tracks/{id}`
  func showTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    return try .json(encoding: try await document(of: visibleTrack(request, to: principal), in: catalog.seen(by: principal.viewer)))
  }

  func document(of track: TrackRecord, in catalog: TrackCatalog) async throws -> TrackDocument {
    TrackDocument(track, try await catalog.stages(track.id), try await catalog.lyrics(track.id))
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

  /// `POST /api/v1/tracks/{id}/review`: the first decision counts, a second one is a conflict.
  func reviewTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let track = try await visibleTrack(request, to: principal)
    let body = try await request.strictJSON(ReviewRequest.self, upTo: 1 << 20)
    let review = try body.review(by: principal.userID, durationMilliseconds: Int(track.durationMilliseconds ?? 0))
    try await catalog.submitReview(TrackReview(trackID: track.id, review: review))
    wake()
    var response = try HTTPResponse.json(
      encoding: ["trackId": track.id.description, "decision": review.decision.rawValue, "statusUrl": "/api/v1/tracks/\(track.id)"],
      status: .accepted)
    response.headers["Location"] = "/api/v1/tracks/\(track.id)"
    return response
  }

  /// `POST /api/v1/tracks/{id}/block` and `.../unblock`, with `{"reason": "..."}` or without a body.
  func moderateTrack(_ request: HTTPRequest, to status: TrackStatus) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try trackID(request)
    let reason = try await moderationReason(request)
    let result = try await catalog.moderate(
      id, to: status, because: reason, by: principal.userID, requestKey: "moderation/\(UUID().uuidString)")
    return try .json(encoding: ["trackId": id.description, "status": result.rawValue])
  }

  private func moderationReason(_ request: HTTPRequest) async throws -> String? {
    try await request.optionalJSON(ModerationRequest.self, upTo: 16 << 10)?.reason.flatMap { try TrackTexts.reason($0) }
  }
}
