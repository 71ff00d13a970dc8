import HTTP

/// One follower's stream: what it missed, then what happens, each event once and in order.
///
/// It begins with `ready` or, where what was asked for is gone, with `reset`: whoever gets that looks at everything anew. Both carry a number to begin
/// again from, so that nothing is lost between a first connection and its first event.
struct EventStream: Sendable {
  private static let retryMilliseconds = 3000
  private static let page = 200

  let feed: EventFeed
  let audience: EventAudience
  /// What the client received last, as it says; nil for a client that begins.
  let lastEventID: String?

  var response: HTTPResponse { .serverSentEvents { try await tell($0) } }

  private func tell(_ writer: ServerSentEventWriter) async throws {
    let following = try await feed.follow(audience)
    var last = try await begin(writer, following.position)
    for await item in following.items {
      switch item {
      case .event(let event):
        // Another process may have told this client more than this one had seen when it began.
        guard event.number > last else { continue }
        last = event.number
        try await writer.send(event.frame)
      case .progress(let track):
        // Without a number: it changes nothing about where the client begins again.
        try await writer.send(ServerSentEvent(event: "progress", data: track.document))
      }
    }
  }

  /// Brings the client to where the feed is, or says that this cannot be done.
  /// - Returns: the number that it knows now.
  private func begin(_ writer: ServerSentEventWriter, _ position: Int64) async throws -> Int64 {
    guard let lastEventID, !lastEventID.isEmpty else { return try await greet("ready", position, writer) }
    let state = try await feed.log.state()
    guard let known = Int64(lastEventID), known >= state.pruned, known <= max(state.head, position) else {
      return try await greet("reset", max(position, state.head), writer)
    }
    var last = try await greet("ready", known, writer)
    while last < position {
      let events = try await feed.log.past(of: audience, after: last, upTo: position, limit: Self.page)
      for event in events { try await writer.send(event.frame) }
      last = events.count < Self.page ? position : events.last?.number ?? position
    }
    // What is removed for its age while it is read must not be passed over in silence.
    guard try await feed.log.state().pruned <= known else { return try await greet("reset", max(last, known), writer) }
    return max(last, known)
  }

  private func greet(_ name: String, _ number: Int64, _ writer: ServerSentEventWriter) async throws -> Int64 {
    try await writer.send(
      ServerSentEvent(id: String(number), event: name, data: "{}", retryMilliseconds: Self.retryMilliseconds))
    return number
  }
}
