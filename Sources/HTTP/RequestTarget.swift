/// The request target, split and percent-decoded exactly once (RFC 9112 section 3.2, RFC 3986 section 2.1).
struct RequestTarget: Equatable {
  let rawPath: String
  let path: String
  /// Decoded one by one after splitting, so that an encoded slash stays inside its segment.
  let segments: [String]
  let query: [QueryItem]

  /// Throws ``HTTPError`` 400 on a broken escape, invalid UTF-8, a NUL byte, or a `.` or `..` segment.
  init(_ target: String) throws(HTTPError) {
    let origin = try Self.originForm(target)
    let parts = origin.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    rawPath = String(parts[0])
    path = try Self.decode(parts[0], plusIsSpace: false)
    var segments: [String] = []
    for segment in parts[0].split(separator: "/", omittingEmptySubsequences: true) {
      segments.append(try Self.decode(segment, plusIsSpace: false))
    }
    guard !segments.contains(where: { $0 == "." || $0 == ".." }) else {
      throw HTTPError(.badRequest, "The path holds a dot segment. Send the path without \".\" and \"..\".")
    }
    self.segments = segments
    query = try parts.count > 1 ? Self.queryItems(parts[1]) : []
  }

  private static func originForm(_ target: String) throws(HTTPError) -> Substring {
    if target.hasPrefix("/") || target == "*" { return Substring(target) }
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let rest = target.dropFirst(scheme.count)
      guard let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
      return rest[slash] == "/" ? rest[slash...] : "/" + rest[slash...]
    }
    throw HTTPError(.badRequest, "The request target is neither a path nor an http URL.")
  }

  private static func queryItems(_ text: Substring) throws(HTTPError) -> [QueryItem] {
    var items: [QueryItem] = []
    for pair in text.split(separator: "&", omittingEmptySubsequences: true) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try decode(parts[0], plusIsSpace: true)
      items.append(QueryItem(name: name, value: try parts.count > 1 ? decode(parts[1], plusIsSpace: true) : ""))
    }
    return items
  }

  private static func decode(_ text: Substring, plusIsSpace: Bool) throws(HTTPError) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      if byte == 0x25 {
        guard let high = rest.next().flatMap(hexadecimalDigit), let low = rest.next().flatMap(hexadecimalDigit) else {
          throw HTTPError(.badRequest, "The request target holds a \"%\" that is not followed by two hexadecimal digits.")
        }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(byte == 0x2B && plusIsSpace ? 0x20 : byte)
      }
    }
    guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
      throw HTTPError(.badRequest, "The request target does not decode to UTF-8 text.")
    }
    return decoded
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
