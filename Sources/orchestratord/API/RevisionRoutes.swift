import Activities
import Cryptography
import Foundation
import HTTP
import Workflows

/// Edits of a track by its artist and by admins, and what was edited before.
extension MusicAPI {
  func addRevisionRoutes(to router: inout Router) {
    router.on(.patch, "/api/v1/tracks/{id}") { try await editTrack($0) }
    router.on(.get, "/api/v1/tracks/{id}/lyrics") { try await showLyrics($0) }
    router.on(.put, "/api/v1/tracks/{id}/lyrics") { try await editLyrics($0) }
    router.on(.get, "/api/v1/tracks/{id}/revisions") { try await listRevisions($0) }
  }

  private func editTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (track, principal) = try await editableTrack(request)
    let expected = try ExpectedRevisions(of: request)
    let body = try await request.strictJSON(EditRequest.self, upTo: 64 << 10)
    let key = try requestKey(of: request, body.edits, body.reason)
    return try await edit(track, body.edits, expected, key, because: body.reason, principal)
  }

  private func editLyrics(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (track, principal) = try await editableTrack(request)
    let expected = try ExpectedRevisions(of: request)
    let body = try await request.strictJSON(LyricsEditRequest.self, upTo: LyricsValidation.maximumAnswerBytes)
    guard let duration = track.durationMilliseconds else {
      throw APIProblem(.conflict, "not-processed", "The length of this track is not known yet. Wait until it is processed.")
    }
    let lines = try LyricsValidation(durationMilliseconds: Int(duration)).lines(from: LyricsAnswer(lines: body.lines))
    let edits = TrackEdits(lyrics: lines)
    return try await edit(track, edits, expected, try requestKey(of: request, edits, body.reason), because: body.reason, principal)
  }

  /// The track, if the user may edit it: artists their own, admins all.
  func editableTrack(_ request: HTTPRequest) async throws -> (TrackRecord, Principal) {
    let principal = try await authentication.authorized(request, .artist, .admin)
    let track = try await visibleTrack(request, to: principal)
    if track.artistID != principal.userID { try principal.require(.admin) }
    return (track, principal)
  }

  func edit(
    _ track: TrackRecord, _ edits: TrackEdits, _ expected: ExpectedRevisions, _ key: RequestKey?, because reason: String?,
    _ principal: Principal
  ) async throws -> HTTPResponse {
    try limits.profanity.check(FlaggedText.all(in: edits, reason: reason, language: track.language))
    let edit = TrackEdit(
      edits, expecting: expected.numbers, by: principal.userID, because: reason, idempotency: key)
    let (_, isRepeated) = try await catalog.edit(track.id, edit)
    let seen = catalog.seen(by: principal.viewer)
    var response = try await answer(try await seen.track(track.id), in: seen)
    if isRepeated { response.headers["Idempotent-Replayed"] = "true" }
    return response
  }

  /// The request's `Idempotency-Key` with all that must be the same for it to count as repeated; nil without one.
  func requestKey(of request: HTTPRequest, _ value: some Encodable, _ text: String?) throws -> RequestKey? {
    try IdempotencyKey(of: request).map { key in
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let parts = [request.method.rawValue, request.path, text ?? "", String(decoding: try encoder.encode(value), as: UTF8.self)]
      return RequestKey(key.text, fingerprint: Digest.sha256(parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) }))
    }
  }

  /// `GET /api/v1/tracks/{id}/lyrics?version=`: what is sung when; the version that counts when none is asked for.
  private func showLyrics(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let track = try await visibleTrack(request, to: principal)
    let version = try request.queryValue("version") == nil ? nil : request.number("version", in: 1...1_000_000, default: 1)
    guard let lyrics = try await catalog.seen(by: principal.viewer).lyrics(track.id, version: version.map(Int32.init)) else {
      throw APIProblem(.notFound, "file-not-found", "This track has no such lyrics (yet).")
    }
    var response = try HTTPResponse.json(encoding: LyricsDocument(track, lyrics))
    response.headers["ETag"] = ExpectedRevisions.entityTag(track.revision)
    return response
  }

  /// `GET /api/v1/tracks/{id}/revisions?limit=&cursor=`: who changed what when and why, newest first.
  private func listRevisions(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let track = try await visibleTrack(request, to: principal)
    let limit = try request.number("limit", in: 1...200, default: 50)
    let revisions = try await catalog.seen(by: principal.viewer).revisions(track.id, before: try request.numberedCursor(), limit: limit)
    let next = revisions.count == limit ? revisions.last.map { String($0.revision) } : nil
    return try .json(encoding: Page(items: revisions.map(RevisionDocument.init), nextCursor: next))
  }
}
