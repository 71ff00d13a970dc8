/// Notifications of PostgreSQL as an async sequence for one consumer; ends when its task is cancelled or the database shuts down.
///
///     for await event in try await database.listen(to: ["inbox"]) { ... }
public struct NotificationListener: AsyncSequence, Sendable {
  public enum Event: Sendable, Equatable {
    case notification(channel: String, payload: String)
    /// Notifications may have been missed (the connection was new, or the consumer too slow): look at the tables again.
    case reconnected
  }

  /// Events kept for a slow consumer; when they overflow, the oldest are replaced by one `.reconnected`.
  static let bufferedEvents = 1_024

  let events: AsyncStream<Event>

  public func makeAsyncIterator() -> AsyncStream<Event>.Iterator { events.makeAsyncIterator() }
}

/// A listener being set up: its channels, its consumer, and who waits for LISTEN to hold.
struct ListenerRequest: Sendable {
  let identifier: UInt64
  let channels: [String]
  let deadline: ContinuousClock.Instant
  let events: AsyncStream<NotificationListener.Event>.Continuation
  let ready: CheckedContinuation<Void, any Error>

  func fail(_ error: DatabaseError) {
    events.finish()
    ready.resume(throwing: error)
  }

  /// LISTEN for each channel; names are quoted identifiers.
  var statements: [BoundStatement] {
    channels.enumerated().map { index, channel in
      (Statement(name: "listen_\(index)", sql: "listen \"\(channel.replacing("\"", with: "\"\""))\""), Parameters())
    }
  }
}
