import HTTP

/// Streams of all that concerns a user, and of all that concerns operators: one connection where browsers allow six.
struct EventAPI: Sendable {
  let feed: EventFeed
  let authentication: Authentication
  let tokens: OwnTokens

  /// What the channel tokens are for, where those of a track name the track.
  static let userChannel = "user"
  private static let operatorChannel = "operators"

  func addRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/events") { try await followUser($0) }
    router.on(.post, "/api/v1/events/channel-token") { request in
      let principal = try await authentication.principal(of: request)
      return try channelToken(for: Self.userChannel, principal)
    }
    router.on(.get, "/api/v1/operations/events") { try await followOperations($0) }
    router.on(.post, "/api/v1/operations/events/channel-token") { request in
      let principal = try await authentication.authorized(request, .operator, .admin)
      return try channelToken(for: Self.operatorChannel, principal)
    }
  }

  /// `GET /api/v1/events`, again from `Last-Event-ID` or `?lastEventId=`.
  private func followUser(_ request: HTTPRequest) async throws -> HTTPResponse {
    let user =
      if let token = request.queryValue("channelToken") { try await holder(of: token, Self.userChannel) } else {
        try await authentication.principal(of: request).userID
      }
    try feed.admit(.user(user))
    return EventStream(feed: feed, audience: .user(user), lastEventID: Self.lastEventID(request)).response
  }

  private func followOperations(_ request: HTTPRequest) async throws -> HTTPResponse {
    if let token = request.queryValue("channelToken") {
      _ = try await holder(of: token, Self.operatorChannel)
    } else {
      try await authentication.principal(of: request).require(.operator, .admin)
    }
    return EventStream(feed: feed, audience: .operators, lastEventID: Self.lastEventID(request)).response
  }

  private func holder(of token: String, _ channel: String) async throws -> String {
    do {
      return try await tokens.user(ofChannel: token, for: channel)
    } catch let error as TokenError {
      throw Authentication.refusal("The channel token is not taken: \(error).")
    }
  }

  private func channelToken(for channel: String, _ principal: Principal) throws -> HTTPResponse {
    try .json(encoding: ["channelToken": try tokens.channel(for: channel, of: principal.userID)], status: .created)
  }

  /// The header counts: browsers send it when they connect again, to the URL of the first time.
  private static func lastEventID(_ request: HTTPRequest) -> String? {
    request.headers["Last-Event-ID"] ?? request.queryValue("lastEventId")
  }
}
