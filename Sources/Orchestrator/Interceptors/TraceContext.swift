import Synchronization

/// Where in a trace something happens, by the W3C recommendation "Trace Context".
public struct TraceContext: Sendable, Equatable {
  /// 32 lower-case hexadecimal digits, not all zero.
  public let traceID: String
  /// 16 lower-case hexadecimal digits, not all zero: the span that what follows belongs to.
  public let spanID: String
  /// Whether the trace is recorded.
  public let isSampled: Bool
  /// What vendors add, as it came; at most 512 bytes.
  public let state: String?

  public init(traceID: String, spanID: String, isSampled: Bool = true, state: String? = nil) {
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
    self.state = state
  }

  /// Reads the headers `traceparent` and `tracestate`; nil for what is no valid trace parent (section 3.2.2: then there is none).
  public init?(traceparent: String?, tracestate: String? = nil) {
    guard let parts = traceparent?.split(separator: "-", omittingEmptySubsequences: false), parts.count >= 4,
      Self.isHexadecimal(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
      Self.isHexadecimal(parts[1], 32), parts[1].contains(where: { $0 != "0" }),
      Self.isHexadecimal(parts[2], 16), parts[2].contains(where: { $0 != "0" }),
      Self.isHexadecimal(parts[3], 2), let flags = UInt8(parts[3], radix: 16)
    else { return nil }
    let state = tracestate.flatMap { $0.isEmpty || $0.utf8.count > Self.stateBytes ? nil : $0 }
    self.init(traceID: String(parts[1]), spanID: String(parts[2]), isSampled: flags & 1 == 1, state: state)
  }

  /// The context that headers carry.
  public init?(_ headers: Headers) {
    self.init(traceparent: headers.text("traceparent"), tracestate: headers.text("tracestate"))
  }

  private static let stateBytes = 512

  private static func isHexadecimal(_ text: Substring, _ count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy {
        ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
      }
  }

  /// The value of the header `traceparent`.
  public var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

  /// The same place for another span of the trace.
  func span(_ spanID: String) -> TraceContext { TraceContext(traceID: traceID, spanID: spanID, isSampled: isSampled, state: state) }

  func write(to headers: inout Headers) {
    headers.setText("traceparent", traceparent)
    headers.setText("tracestate", state)
  }

  /// Of the task that runs: what a request brought, or the activity that runs.
  @TaskLocal public static var current: TraceContext?
}
