/// The client's side of an event stream: bytes in, events out, in whatever pieces they come (WHATWG HTML, section 9.2.6).
public struct ServerSentEventParser: Sendable {
  /// Bytes of one event, after which the stream is refused.
  public static let eventLimitBytes = 1024 * 1024

  /// The id of the last event: what to send as `Last-Event-ID` after a reconnect.
  public private(set) var lastEventID: String?
  private var line: [UInt8] = []
  private var previousWasCarriageReturn = false
  private var isFirstLine = true
  private var eventBytes = 0
  private var data: [String] = []
  private var event: String?
  private var retryMilliseconds: Int?

  public init() {}

  /// The events that the bytes complete; throws ``HTTPError`` 413 when one event has more than a mebibyte.
  public mutating func push(_ bytes: some Sequence<UInt8>) throws(HTTPError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      defer { previousWasCarriageReturn = byte == 0x0D }
      if byte == 0x0A && previousWasCarriageReturn { continue }
      if byte == 0x0A || byte == 0x0D {
        if let event = endLine() { events.append(event) }
        continue
      }
      line.append(byte)
      eventBytes += 1
      guard eventBytes <= Self.eventLimitBytes else {
        throw HTTPError(.contentTooLarge, "An event of the stream has more than \(Self.eventLimitBytes) bytes.")
      }
    }
    return events
  }

  private mutating func endLine() -> ServerSentEvent? {
    defer {
      line.removeAll(keepingCapacity: true)
      isFirstLine = false
    }
    if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    guard !line.isEmpty else { return dispatch() }
    let colon = line.firstIndex(of: 0x3A) ?? line.endIndex
    var value = line[min(colon + 1, line.endIndex)...]
    if value.first == 0x20 { value = value.dropFirst() }
    setField(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    return nil
  }

  private mutating func setField(_ name: String, _ value: String) {
    switch name {
    case "data": data.append(value)
    case "event": event = value
    case "id" where !value.utf8.contains(0): lastEventID = value
    case "retry" where !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }: retryMilliseconds = Int(value)
    default: break
    }
  }

  private mutating func dispatch() -> ServerSentEvent? {
    defer {
      data = []
      event = nil
      retryMilliseconds = nil
      eventBytes = 0
    }
    guard !data.isEmpty else { return nil }
    let type = event.flatMap { $0.isEmpty ? nil : $0 }
    let text = data.joined(separator: "\n")
    return ServerSentEvent(id: lastEventID, event: type, data: text, retryMilliseconds: retryMilliseconds)
  }
}
