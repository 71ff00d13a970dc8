import Foundation

/// A streaming parser of `multipart/form-data` (RFC 7578 on RFC 2046 section 5.1): bytes in, events out, memory bounded.
///
///     state      sees                          becomes
///     preamble   delimiter                     delimiter
///     body       delimiter                     delimiter (part end)
///     delimiter  padding and a line end        headers
///     delimiter  two hyphens                   epilogue (end)
///     headers    an empty line                 body (part begin)
public struct MultipartParser: Sendable {
  public enum Event: Sendable, Equatable {
    case partBegin(Part)
    /// Never empty; how a part's bytes are cut into events depends on how they were pushed.
    case data([UInt8])
    case partEnd
    case end
  }

  /// The head of a part.
  public struct Part: Sendable, Equatable {
    public let headers: HTTPHeaders
    /// The name of the form field.
    public let name: String
    /// As the client sent it: never use it as a path.
    public let fileName: String?
    public var contentType: String? { headers["Content-Type"] }
  }

  /// What is accepted of a body.
  public struct Limits: Sendable {
    /// Bytes of the head of one part.
    public var partHeadBytes = 8 * 1024
    /// Header fields of one part.
    public var partFields = 16
    /// Parts of one body.
    public var parts = 64
    /// Bytes before the first delimiter.
    public var preambleBytes = 1024

    public init() {}
  }

  private enum State { case preamble, delimiter, headers, body, epilogue }

  private let delimiter: [UInt8]
  private let limits: Limits
  private var state = State.preamble
  /// A line end stands before the first byte, so that a body that starts with its delimiter needs no rule of its own.
  private var buffer: [UInt8] = [0x0D, 0x0A]
  private var preambleBytes = 0
  private var parts = 0

  /// Throws ``HTTPError`` 415 when the `Content-Type` is not `multipart/form-data` with a valid boundary.
  public init(contentType: String?, limits: Limits = Limits()) throws(HTTPError) {
    guard let parameters = contentType.flatMap(HeaderParameters.init),
      HTTPHeaders.sameName(parameters.value, "multipart/form-data"), let boundary = parameters["boundary"],
      Self.isValid(boundary: boundary)
    else {
      throw HTTPError(.unsupportedMediaType, "The body must be multipart/form-data with a boundary of 1 to 70 characters.")
    }
    delimiter = Array("\r\n--\(boundary)".utf8)
    self.limits = limits
  }

  /// The events that the bytes complete; throws ``HTTPError`` 400 or 413 on a malformed or too large head.
  public mutating func push(_ bytes: [UInt8]) throws(HTTPError) -> [Event] {
    buffer += bytes
    var events: [Event] = []
    var progressed = true
    while progressed {
      switch state {
      case .preamble: progressed = try skipPreamble()
      case .delimiter: progressed = try readDelimiterEnd(&events)
      case .headers: progressed = try readHead(&events)
      case .body: progressed = readBody(&events)
      case .epilogue:
        buffer.removeAll()
        progressed = false
      }
    }
    return events
  }

  /// Checks that the body has come to its end; throws ``HTTPError`` 400 when it was cut off.
  public func finish() throws(HTTPError) {
    guard state == .epilogue else {
      throw HTTPError(.badRequest, "The multipart body ends before its closing delimiter. Send it again, complete.")
    }
  }

  private mutating func skipPreamble() throws(HTTPError) -> Bool {
    let found = delimiterPosition()
    let skipped = found ?? max(0, buffer.count - delimiter.count + 1)
    preambleBytes += skipped
    guard preambleBytes <= limits.preambleBytes else {
      throw HTTPError(.badRequest, "The multipart body does not begin with its boundary.")
    }
    return leave(found, skipped)
  }

  private mutating func readBody(_ events: inout [Event]) -> Bool {
    let found = delimiterPosition()
    // The last bytes may be the begin of a delimiter: they wait for what comes.
    let safe = found ?? max(0, buffer.count - delimiter.count + 1)
    if safe > 0 { events.append(.data(Array(buffer[..<safe]))) }
    if found != nil { events.append(.partEnd) }
    return leave(found, safe)
  }

  private mutating func leave(_ found: Int?, _ consumed: Int) -> Bool {
    buffer.removeFirst(consumed + (found == nil ? 0 : delimiter.count))
    if found != nil { state = .delimiter }
    return found != nil
  }

  private mutating func readDelimiterEnd(_ events: inout [Event]) throws(HTTPError) -> Bool {
    if buffer.starts(with: [0x2D, 0x2D]) {
      events.append(.end)
      state = .epilogue
      return true
    }
    let padding = buffer.prefix { $0 == 0x20 || $0 == 0x09 }.count
    let rest = buffer[padding...].prefix(2)
    if rest.elementsEqual([0x0D, 0x0A]) {
      // The line end stays: it is the one an empty head ends with.
      buffer.removeFirst(padding)
      state = .headers
      return true
    }
    let mayContinue = rest.isEmpty || rest.elementsEqual([0x0D]) || (padding == 0 && rest.elementsEqual([0x2D]))
    guard mayContinue, padding <= limits.preambleBytes else {
      throw HTTPError(.badRequest, "A multipart delimiter is followed by other text on its line.")
    }
    return false
  }

  private mutating func readHead(_ events: inout [Event]) throws(HTTPError) -> Bool {
    guard let end = position(of: [0x0D, 0x0A, 0x0D, 0x0A]), end <= limits.partHeadBytes else {
      guard buffer.count <= limits.partHeadBytes + 4 else {
        throw HTTPError(.contentTooLarge, "The head of a multipart part has more than \(limits.partHeadBytes) bytes.")
      }
      return false
    }
    parts += 1
    guard parts <= limits.parts else {
      throw HTTPError(.contentTooLarge, "The multipart body has more than \(limits.parts) parts.")
    }
    events.append(.partBegin(try Part(head: buffer[..<end].dropFirst(2), maximumFields: limits.partFields)))
    buffer.removeFirst(end + 4)
    state = .body
    return true
  }

  private func delimiterPosition() -> Int? { position(of: delimiter) }

  /// Every pattern begins with a carriage return: looking for that byte first is what makes large files fast.
  private func position(of pattern: [UInt8]) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return nil }
      var offset = 0
      while offset + pattern.count <= bytes.count {
        guard let found = memchr(start + offset, 0x0D, bytes.count - offset - pattern.count + 1) else { return nil }
        offset = UnsafeRawPointer(found) - start
        if memcmp(start + offset, pattern, pattern.count) == 0 { return offset }
        offset += 1
      }
      return nil
    }
  }

  /// RFC 2046 section 5.1.1: 1 to 70 characters of `bchars`, not ending with a space.
  private static func isValid(boundary: String) -> Bool {
    let special = Array("'()+_,-./:=? ".utf8)
    return (1...70).contains(boundary.utf8.count) && boundary.utf8.last != 0x20
      && boundary.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || special.contains(byte)
      }
  }
}
