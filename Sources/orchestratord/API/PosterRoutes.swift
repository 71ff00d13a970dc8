import Activities
import Cryptography
import Foundation
import HTTP
import Workflows

/// The picture that stands for a track.
extension MusicAPI {
  func addPosterRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/tracks/{id}/poster") { try await showPoster($0) }
    router.on(.put, "/api/v1/tracks/{id}/poster") { try await setPoster($0) }
    router.on(.delete, "/api/v1/tracks/{id}/poster") { try await removePoster($0) }
  }

  /// `GET /api/v1/tracks/{id}/poster`: for its artist and for reviewers, whatever the status.
  private func showPoster(_ request: HTTPRequest) async throws -> HTTPResponse {
    let track = try await visibleTrack(request, to: try await authentication.principal(of: request))
    var response = try await poster(of: track, request)
    response.headers["Cache-Control"] = "private, no-store"
    return response
  }

  func poster(of track: TrackRecord, _ request: HTTPRequest) async throws -> HTTPResponse {
    guard let key = track.posterKey else { throw APIProblem(.notFound, "file-not-found", "This track has no poster.") }
    return try await file(ObjectKey(key), contentType: "image/jpeg", track, request)
  }

  /// `PUT /api/v1/tracks/{id}/poster`: the picture is the body; what is kept is a JPEG made of it.
  private func setPoster(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (track, principal) = try await editableTrack(request)
    let expected = try ExpectedRevisions(of: request)
    let picture = try await request.body.collect(upTo: Poster.maximumBytes)
    let requestKey = try requestKey(of: request, Digest.sha256(picture), nil)
    let jpeg = try await Poster().make(of: picture, scratchFolder: NSTemporaryDirectory())
    let key = try TrackKeys.posters(track.id).appending("\(UUID().uuidString.lowercased()).jpg")
    try await store.put(jpeg, at: key)
    do {
      let response = try await edit(track, TrackEdits(posterKey: key.text), expected, requestKey, because: nil, principal)
      try await tidyPosters(of: track, key.text)
      return response
    } catch {
      try? await store.delete(key)
      throw error
    }
  }

  private func removePoster(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (track, principal) = try await editableTrack(request)
    let expected = try ExpectedRevisions(of: request)
    let response = try await edit(
      track, TrackEdits(posterKey: ""), expected, try requestKey(of: request, "", nil), because: nil, principal)
    try await tidyPosters(of: track, nil)
    return response
  }

  /// Removes the poster of before and the one of this request, if they count no more, and what a process left that ended between storing one
  /// and naming it. One that another request stores right now is young.
  private func tidyPosters(of track: TrackRecord, _ made: String?) async throws {
    let current = try await catalog.track(track.id).posterKey
    for object in try await store.list(in: TrackKeys.posters(track.id), after: nil, limit: 100) where object.key.text != current {
      if [track.posterKey, made].contains(object.key.text) || object.age > .seconds(60) { try await store.delete(object.key) }
    }
  }
}
