/// What a `Range` header asks of a resource (RFC 9110 section 14).
public enum ByteRange: Sendable, Equatable {
  /// No usable single range: send everything with 200.
  case whole
  /// Send these bytes with 206.
  case part(ClosedRange<UInt64>)
  /// Send 416 with ``contentRange(length:)``.
  case unsatisfiable

  /// Reads a header against a resource of `length` bytes.
  ///
  /// A header that is malformed, of another unit, or of several ranges is ignored, as section 14.2 allows.
  public init(header: String?, length: UInt64) {
    guard let header, let range = Self.singleRange(header) else {
      self = .whole
      return
    }
    let parts = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Position(parts[0]), let last = Position(parts[1]) else {
      self = .whole
      return
    }
    self = Self.resolve(first, last, length)
  }

  /// The `Content-Range` value of this outcome, or nil for the whole.
  public func contentRange(length: UInt64) -> String? {
    switch self {
    case .whole: nil
    case .part(let range): "bytes \(range.lowerBound)-\(range.upperBound)/\(length)"
    case .unsatisfiable: "bytes */\(length)"
    }
  }

  /// A number of the header: absent, or saturated when it has more digits than any file has bytes.
  private enum Position {
    case absent
    case at(UInt64)

    init?(_ text: Substring) {
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      self = text.isEmpty ? .absent : .at(UInt64(text) ?? .max)
    }
  }

  private static func singleRange(_ header: String) -> String? {
    let parts = header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, HTTPHeaders.sameName(trimmed(parts[0]), "bytes") else { return nil }
    let ranges = parts[1].split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    return ranges.count == 1 ? ranges[0] : nil
  }

  private static func resolve(_ first: Position, _ last: Position, _ length: UInt64) -> ByteRange {
    switch (first, last) {
    case (.absent, .absent): return .whole
    case (.absent, .at(0)): return .unsatisfiable
    case (.absent, .at(let suffix)): return length == 0 ? .whole : .part(length - min(suffix, length)...length - 1)
    case (.at(let first), .at(let last)) where last < first: return .whole
    case (.at(let first), .absent): return first < length ? .part(first...length - 1) : .unsatisfiable
    case (.at(let first), .at(let last)): return first < length ? .part(first...min(last, length - 1)) : .unsatisfiable
    }
  }
}
