import Activities
import Foundation
import HTTP
import Workflows

extension MusicAPI {
  private static let lookInterval = Duration.milliseconds(400)

  /// `GET /api/v1/tracks/{id}/events`: the track's document as an event at every change, until nothing more will come by itself.
  ///
  /// Events are named progress, done (waits for review, or published, or blocked) and error (failed).
  func followTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (first, catalog) = try await followedTrack(request)
    return .serverSentEvents { writer in
      var last = ""
      var number = 0
      while true {
        let track = try await catalog.track(first.id)
        let text = String(decoding: try JSONEncoder.stable.encode(try await document(of: track, in: catalog)), as: UTF8.self)
        if text != last {
          last = text
          number += 1
          try await writer.send(ServerSentEvent(id: String(number), event: Self.eventName(track.status), data: text))
        }
        if Self.isSettled(track) { return }
        try await Task.sleep(for: Self.lookInterval)
      }
    }
  }

  /// The track that a `channelToken` of the query is for, or one that the user may see.
  ///
  /// Browsers' event sources cannot send headers. Whether the user may see the track was asked when the token was made.
  private func followedTrack(_ request: HTTPRequest) async throws -> (TrackRecord, TrackCatalog) {
    guard let token = request.queryValue("channelToken") else {
      let principal = try await authentication.principal(of: request)
      return (try await visibleTrack(request, to: principal), catalog.seen(by: principal.viewer))
    }
    let id = try trackID(request)
    do {
      let user = try await tokens.user(ofChannel: token, for: id.description)
      let seen = catalog.seen(by: CatalogViewer(userID: user, track: id))
      return (try await seen.track(id), seen)
    } catch let error as TokenError {
      throw Authentication.refusal("The channel token is not taken: \(error).")
    }
  }

  /// `POST /api/v1/tracks/{id}/channel-token`: another one, when that of the upload has ended.
  func giveChannelToken(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    let track = try await visibleTrack(request, to: principal)
    return try .json(encoding: ["channelToken": try tokens.channel(for: track.id.description, of: principal.userID)], status: .created)
  }

  private static func eventName(_ status: TrackStatus) -> String {
    switch status {
    case .pending, .processing: "progress"
    case .reviewing, .changesRequested, .published, .blocked: "done"
    case .failed: "error"
    }
  }

  /// Whether only a person can change anything now, and has done so already.
  private static func isSettled(_ track: TrackRecord) -> Bool {
    switch track.status {
    case .failed: true
    case .published, .blocked: track.lyricsStatus == .completed || track.lyricsStatus == .failed
    case .pending, .processing, .reviewing, .changesRequested: false
    }
  }
}

extension JSONEncoder {
  /// Equal values give equal bytes.
  fileprivate static var stable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}
