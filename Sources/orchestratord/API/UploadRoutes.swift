import Activities
import Foundation
import HTTP
import Workflows

/// What an accepted upload is answered with; the same request gets the same answer but for the token, which is new each time.
private struct UploadAnswer: Encodable {
  let trackId: String
  let workflowId: String
  let status = TrackStatus.pending.rawValue
  let statusUrl: String
  /// For the events of this upload, also as `?channelToken=`.
  let channelToken: String

  init(_ id: TrackID, channelToken: String) {
    self.channelToken = channelToken
    trackId = id.description
    workflowId = id.workflowID
    statusUrl = "/api/v1/tracks/\(id)"
  }
}

extension MusicAPI {
  /// `POST /api/v1/uploads`: the file goes to staging while it comes; then one transaction makes the track and starts its workflow.
  func upload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    let key = try IdempotencyKey(of: request)
    return try await keysInFlight.holding(key, of: principal.userID) {
      let received = try await UploadReceiver(store: store, limits: limits).receive(request, as: TrackID())
      do {
        return try await accept(received, principal, key)
      } catch {
        try? await store.delete(ObjectKey(received.source.key))
        throw error
      }
    }
  }

  private func accept(_ upload: ReceivedUpload, _ principal: Principal, _ key: IdempotencyKey?) async throws -> HTTPResponse {
    let track = NewTrack(
      source: upload.source, artistID: principal.userID, fileName: upload.fileName, title: upload.form.title,
      language: upload.form.language, tags: upload.form.tags, suppliedLyrics: upload.form.lyrics, sha256: upload.sha256,
      idempotency: key.map { ($0.text, upload.fingerprint) })
    let start = TrackUpload(source: upload.source, reviewWithin: limits.reviewWithin, lyricsWithin: limits.lyricsWithin)
    switch try await catalog.accept(track, starting: start) {
    case .accepted:
      wake()
      return try answer(upload.source.trackID, principal)
    case .repeated(let id):
      try await store.delete(ObjectKey(upload.source.key))
      var response = try answer(id, principal)
      response.headers["Idempotent-Replayed"] = "true"
      return response
    case .keyReused:
      throw APIProblem(
        .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used for another upload. Use a new key for a new upload."
      )
    }
  }

  private func answer(_ id: TrackID, _ principal: Principal) throws -> HTTPResponse {
    let token = try tokens.channel(for: id.description, of: principal.userID)
    var response = try HTTPResponse.json(encoding: UploadAnswer(id, channelToken: token), status: .accepted)
    response.headers["Location"] = "/api/v1/tracks/\(id)"
    return response
  }
}

extension HTTPResponse {
  /// A value as JSON with stable key order, never stored by caches: what it says may change at any time.
  static func json(encoding value: some Encodable, status: HTTPStatus = .ok) throws -> HTTPResponse {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var response = HTTPResponse.json([UInt8](try encoder.encode(value)), status: status)
    response.headers["Cache-Control"] = "no-store"
    return response
  }
}
