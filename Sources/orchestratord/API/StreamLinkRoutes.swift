import Activities
import Foundation
import HTTP
import Workflows

/// Signed links to what is published: where they are asked for, nobody streams without one.
///
/// The signature is a part of the path. Names in playlists are relative, so players find every segment under the same signature.
extension MusicAPI {
  private struct StreamLinks: Encodable {
    let master: String
    let original: String
    let poster: String?
    let expiresAt: String
  }

  func addStreamLinkRoutes(to router: inout Router) {
    router.on(.post, "/api/v1/tracks/{id}/stream-links") { try await giveStreamLinks($0) }
    router.on(.get, "/stream/{id}/{token}/{file}") { try await streamFile($0) }
  }

  /// `POST /api/v1/tracks/{id}/stream-links`: for every user, as long as the track is published.
  private func giveStreamLinks(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let track = try await publishedTrack(request)
    let (token, expiresAt) = try tokens.stream(
      of: track.id.description, for: principal.userID, seconds: Double((streamLinks ?? .seconds(3600)).components.seconds))
    let base = "/stream/\(track.id)/\(token)"
    let links = StreamLinks(
      master: "\(base)/master.m3u8", original: "\(base)/original", poster: track.posterKey.map { _ in "\(base)/poster.jpg" },
      expiresAt: Timestamp.text(Int64(expiresAt * 1_000_000)))
    return try .json(encoding: links, status: .created)
  }

  /// Seconds for which the request's signature is good; nil where none is asked for.
  /// - Throws: `APIProblem` 403.
  func signatureSeconds(of request: HTTPRequest) async throws -> Int? {
    guard let token = request.parameters["token"] else {
      guard streamLinks == nil else {
        throw APIProblem(.forbidden, "stream-link-required", "Ask for a link at /api/v1/tracks/{id}/stream-links.")
      }
      return nil
    }
    do {
      let expiresAt = try await tokens.expiry(ofStream: token, of: try trackID(request).description)
      return max(0, Int(expiresAt - Date().timeIntervalSince1970))
    } catch let error as TokenError {
      throw APIProblem(.forbidden, "stream-link-not-taken", "This link is not taken: \(error). Ask for another one.")
    }
  }
}
