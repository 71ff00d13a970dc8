import Activities
import Foundation
import HTTP
import Workflows

extension MusicAPI {
  private static let corsHeaders: HTTPHeaders = [
    "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
  ]

  /// `GET /stream/{id}/{file}`: the playlists, segments and lyrics of a published track, and nothing else of the store.
  func streamFile(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await withCrossOrigin {
      let track = try await publishedTrack(request)
      let name = request.parameters["file"] ?? ""
      if let lyrics = try await lyricsFile(named: name, of: track) { return lyrics }
      guard name.wholeMatch(of: /master\.m3u8|(?:high|low)\.m3u8|(?:high|low)_[0-9]{3,6}\.aac/) != nil else {
        throw APIProblem(.notFound, "file-not-found", "A stream has master.m3u8, high.m3u8, low.m3u8 and their segments.")
      }
      let key = try TrackKeys.transcoded(track.id).appending(name)
      var response = try await file(key, contentType: key.contentType, track, request)
      // Short enough that a blocked track goes silent, long enough that one listener does not ask twice.
      response.headers["Cache-Control"] = name.hasSuffix(".m3u8") ? "public, max-age=10" : "public, max-age=3600"
      return response
    }
  }

  /// `GET /stream/{id}`: the original of a published track, with ranges.
  func streamOriginal(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await withCrossOrigin {
      let track = try await publishedTrack(request)
      var response = try await file(ObjectKey(track.sourceKey), contentType: track.mediaType, track, request)
      response.headers["Cache-Control"] = "public, max-age=3600"
      return response
    }
  }

  /// `GET /api/v1/tracks/{id}/audio`: the original for its artist and for reviewers, whatever the status.
  func previewTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let track = try await visibleTrack(request, to: try await authentication.principal(of: request))
    var response = try await file(ObjectKey(track.sourceKey), contentType: track.mediaType, track, request)
    response.headers["Cache-Control"] = "private, no-store"
    return response
  }

  /// `GET /api/v1/tracks/{id}/waveform?zoom=`: peaks as JSON, in samples per pixel; the coarsest when none is asked for.
  func showWaveform(_ request: HTTPRequest) async throws -> HTTPResponse {
    let track = try await visibleTrack(request, to: try await authentication.principal(of: request))
    let levels = track.waveform ?? []
    let zoom = try request.queryValue("zoom") == nil ? nil : request.number("zoom", in: 1...1_000_000, default: 0)
    let level = zoom.map { zoom in levels.first { $0.samplesPerPixel == zoom } } ?? levels.max { $0.samplesPerPixel < $1.samplesPerPixel }
    guard let level else { throw APIProblem(.notFound, "file-not-found", "There is no waveform of this zoom (yet).") }
    return try await file(ObjectKey(level.jsonKey), contentType: "application/json", track, request)
  }

  /// What a browser asks before it reads a stream from another site's page.
  var streamPreflight: HTTPResponse {
    var response = HTTPResponse(.noContent, headers: Self.corsHeaders)
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Range, If-None-Match, If-Range"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response
  }

  private func publishedTrack(_ request: HTTPRequest) async throws -> TrackRecord {
    let track = try await catalog.track(trackID(request))
    guard track.status == .published else {
      throw APIProblem(.forbidden, "not-published", "This track is not published.")
    }
    return track
  }

  private func file(_ key: ObjectKey, contentType: String, _ track: TrackRecord, _ request: HTTPRequest) async throws -> HTTPResponse {
    let name = key.text.split(separator: "/").last ?? ""
    let digest = track.sha256.prefix(12).map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    do {
      return try await .object(key, of: store, contentType: contentType, for: request) { size in "\"\(digest)-\(name)-\(size)\"" }
    } catch let error as ObjectStoreError where error.code == .notFound {
      throw APIProblem(.notFound, "file-not-found", "There is no file \(name).")
    }
  }

  /// Players of other sites read errors too, so that they can say why nothing plays.
  private func withCrossOrigin(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
    var response: HTTPResponse
    do {
      response = try await body()
    } catch let error as any HTTPResponseConvertible {
      response = error.response
    }
    for field in Self.corsHeaders.fields { response.headers[field.name] = field.value }
    return response
  }
}
