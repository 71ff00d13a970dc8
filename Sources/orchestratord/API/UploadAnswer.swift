import Foundation
import HTTP
import Workflows

/// What an accepted upload is answered with; the same request gets the same answer but for the token, which is new each time.
struct UploadAnswer: Encodable {
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
    statusUrl = Self.statusURL(id)
  }

  static func statusURL(_ id: TrackID) -> String { "/api/v1/tracks/\(id)" }
}

extension AcceptedUpload {
  /// 202 with the track and a token for its events.
  func response(to principal: Principal, _ tokens: OwnTokens) throws -> HTTPResponse {
    let token = try tokens.channel(for: trackID.description, of: principal.userID)
    var response = try HTTPResponse.json(encoding: UploadAnswer(trackID, channelToken: token), status: .accepted)
    response.headers["Location"] = UploadAnswer.statusURL(trackID)
    if isRepeated { response.headers["Idempotent-Replayed"] = "true" }
    return response
  }
}

extension HTTPResponse {
  /// A value as JSON with stable key order, never stored by caches: what it says may change at any time.
  static func json(encoding value: some Encodable, status: HTTPStatus = .ok) throws -> HTTPResponse {
    PageLinks.note(value)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var response = HTTPResponse.json([UInt8](try encoder.encode(value)), status: status)
    response.headers["Cache-Control"] = "no-store"
    return response
  }
}
