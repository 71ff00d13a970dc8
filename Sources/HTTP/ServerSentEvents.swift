/// One event of a `text/event-stream` (WHATWG HTML, section 9.2).
public struct ServerSentEvent: Sendable, Equatable {
  /// What a client sends back as `Last-Event-ID` when it connects again.
  public var id: String?
  /// The type; nil is "message".
  public var event: String?
  /// Lines are separated by `\n`; every other line end is turned into it.
  public var data: String
  /// How long a client waits before it connects again, in milliseconds.
  public var retryMilliseconds: Int?

  public init(id: String? = nil, event: String? = nil, data: String, retryMilliseconds: Int? = nil) {
    self.id = id
    self.event = event
    self.data = data
    self.retryMilliseconds = retryMilliseconds
  }

  /// A comment line: keeps proxies from closing a silent stream and finds clients that have gone.
  public static let heartbeat: [UInt8] = Array(":\n\n".utf8)

  /// The frame of the event.
  public var encoded: [UInt8] {
    var text = ""
    if let retryMilliseconds { text += "retry: \(max(0, retryMilliseconds))\n" }
    if let id { text += "id: \(Self.singleLine(id))\n" }
    if let event { text += "event: \(Self.singleLine(event))\n" }
    for line in Self.lines(data) { text += "data: \(String(line))\n" }
    return Array(text.utf8) + [0x0A]
  }

  /// A line end inside a field would end it and start another.
  private static func singleLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\n" && $0 != "\r" && $0 != "\0" }))
  }

  private static func lines(_ text: String) -> [Substring.UnicodeScalarView] {
    var lines: [Substring.UnicodeScalarView] = []
    var rest = text.unicodeScalars[...]
    while let end = rest.firstIndex(where: { $0 == "\n" || $0 == "\r" }) {
      lines.append(rest[..<end])
      let next = rest.index(after: end)
      let isPair = rest[end] == "\r" && next < rest.endIndex && rest[next] == "\n"
      rest = rest[(isPair ? rest.index(after: next) : next)...]
    }
    lines.append(rest)
    return lines
  }
}

extension HTTPResponse {
  /// A stream of events, with a comment whenever `heartbeat` has passed, until `events` returns or the client goes.
  ///
  /// Draining the server ends it at once.
  public static func serverSentEvents(
    heartbeat: Duration = .seconds(15), _ events: @escaping @Sendable (ServerSentEventWriter) async throws -> Void
  ) -> HTTPResponse {
    let stream = ResponseStream(endsOnDrain: true) { writer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await events(ServerSentEventWriter(writer: writer)) }
        group.addTask {
          while true {
            try await Task.sleep(for: heartbeat)
            try await writer.write(ServerSentEvent.heartbeat)
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
    let headers: HTTPHeaders = [
      "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
    ]
    return HTTPResponse(headers: headers, body: .stream(stream))
  }
}

/// Where the producer of an event stream writes.
public struct ServerSentEventWriter: Sendable {
  let writer: ResponseWriter

  /// Sends an event, waiting while the client is too slow; throws `CancellationError` when it has gone.
  public func send(_ event: ServerSentEvent) async throws { try await writer.write(event.encoded) }
}
