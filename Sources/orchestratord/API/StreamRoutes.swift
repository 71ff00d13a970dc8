import Activities
import Foundation
import HTTP
import Workflows

extension MusicAPI {
  private static let corsHeaders: HTTPHeaders = [
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified",
  ]

  /// `GET /stream/{id}/{file}` and `GET /stream/{id}/{token}/{file}`: the playlists, segments, lyrics and poster of a published track, and
  /// nothing else of the store.
  func streamFile(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await withCrossOrigin {
      let seconds = try await signatureSeconds(of: request)
      let track = try await publishedTrack(request)
      let name = request.parameters["file"] ?? ""
      if seconds != nil, name == "original" {
        return try await original(of: track, request).kept(upTo: 3600, signedFor: seconds)
      }
      if name == "poster.jpg" { return try await poster(of: track, request).kept(upTo: 60, signedFor: seconds) }
      if let lyrics = try await lyricsFile(named: name, of: track) { return lyrics.kept(upTo: 10, signedFor: seconds) }
      guard name.wholeMatch(of: /master\.m3u8|(?:high|low)\.m3u8|(?:high|low)_[0-9]{3,6}\.aac/) != nil else {
        throw APIProblem(.notFound, "file-not-found", "A stream has master.m3u8, high.m3u8, low.m3u8 and their segments.")
      }
      let key = try TrackKeys.transcoded(track.id).appending(name)
      // Short enough that a blocked track goes silent, long enough that one listener does not ask twice.
      return try await file(key, contentType: key.contentType, track, request)
        .kept(upTo: name.hasSuffix(".m3u8") ? 10 : 3600, signedFor: seconds)
    }
  }

  /// `GET /stream/{id}`: the original of a published track, with ranges.
  func streamOriginal(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await withCrossOrigin {
      let seconds = try await signatureSeconds(of: request)
      return try await original(of: publishedTrack(request), request).kept(upTo: 3600, signedFor: seconds)
    }
  }

  private func original(of track: TrackRecord, _ request: HTTPRequest) async throws -> HTTPResponse {
    try await file(ObjectKey(track.sourceKey), contentType: track.mediaType, track, request)
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
    response.headers["Access-Control-Allow-Headers"] = "Range, If-None-Match, If-Modified-Since, If-Range"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response
  }

  func publishedTrack(_ request: HTTPRequest) async throws -> TrackRecord {
    let track = try await catalog.track(trackID(request))
    guard track.status == .published else {
      throw APIProblem(.forbidden, "not-published", "This track is not published.")
    }
    return track
  }

  func file(_ key: ObjectKey, contentType: String, _ track: TrackRecord, _ request: HTTPRequest) async throws -> HTTPResponse {
    let name = key.text.split(separator: "/").last ?? ""
    let digest = track.sha256.prefix(12).map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    // No file of a track is younger than the track's last change.
    let changed = Date(timeIntervalSince1970: Double(track.updatedAt) / 1_000_000)
    do {
      return try await .object(key, of: store, contentType: contentType, lastModified: changed, for: request) { size in
        "\"\(digest)-\(name)-\(size)\""
      }
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

extension HTTPResponse {
  /// By every cache for so many seconds; what is behind a signature only by the listener's own, and no longer than the signature is good.
  fileprivate func kept(upTo seconds: Int, signedFor signed: Int?) -> HTTPResponse {
    guard status.rawValue < 400 else { return self }
    var response = self
    response.headers["Cache-Control"] = signed.map { "private, max-age=\(min(seconds, $0))" } ?? "public, max-age=\(seconds)"
    return response
  }
}
