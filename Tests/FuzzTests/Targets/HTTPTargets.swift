import Foundation

@testable import HTTP

/// What comes over HTTP from anyone.
enum HTTPTargets {
  static let all = [
    FuzzTarget(name: "request-target", check: target),
    FuzzTarget(name: "byte-range", check: range),
    FuzzTarget(name: "header-fields", check: headers),
    FuzzTarget(name: "multipart", check: multipart),
    FuzzTarget(name: "event-stream", check: eventStream),
  ]

  @Sendable private static func target(_ bytes: [UInt8]) async throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let request = try taken(unless: HTTPError.self, { try HTTPRequest(method: .get, target: text) }) else { return }
    try must(!request.pathSegments.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "no segment leads elsewhere")
    let texts = [request.path] + request.pathSegments + request.query.flatMap { [$0.name, $0.value] }
    try must(!texts.contains { $0.utf8.contains(0) }, "no part holds a NUL")
    guard request.rawPath != "*" else { return }

    func escaped(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "" }
    let path = "/" + request.pathSegments.map(escaped).joined(separator: "/")
    let query = request.query.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
    let again = try HTTPRequest(method: .get, target: query.isEmpty ? path : path + "?" + query)
    try must(again.pathSegments == request.pathSegments && again.query == request.query, "what was decoded can be written and read again")

    let status = await router.respond(to: request).status.rawValue
    let segments = request.pathSegments
    let isKnown = segments.first == "tracks" && (2...3).contains(segments.count) && (segments.count == 2 || segments[2] == "audit")
    try must(status == (isKnown ? 200 : 404), "\(segments) is answered with \(status)")
  }

  private static let router: Router = {
    var router = Router()
    for pattern in ["/tracks/{id}", "/tracks/new", "/tracks/{id}/audit"] {
      router.on(.get, pattern) { request in
        let isSegment = request.parameters["id"].map { request.pathSegments.contains($0) } ?? (pattern == "/tracks/new")
        return HTTPResponse(isSegment ? .ok : .internalServerError)
      }
    }
    return router
  }()

  /// The first line is the length of the resource, the second the header.
  @Sendable private static func range(_ bytes: [UInt8]) throws {
    let input = HeadedInput(bytes)
    let length = UInt64(input.head) ?? UInt64(input.head.utf8.count)
    let header = String(decoding: input.body, as: UTF8.self)
    let range = ByteRange(header: header, length: length)
    guard case .part(let part) = range else { return }
    try must(part.upperBound < length, "a part lies within its resource")
    let written = "bytes=\(part.lowerBound)-\(part.upperBound)"
    try must(ByteRange(header: written, length: length) == range, "a part is the same when it is asked for by its ends")
  }

  /// Lines of `name: value`; each value is also read as what a header may hold.
  @Sendable private static func headers(_ bytes: [UInt8]) throws {
    var headers = HTTPHeaders()
    for line in lines(of: bytes) {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      headers.add(parts[0], parts.count > 1 ? trimmed(parts[1]) : "")
    }
    for field in headers.fields {
      try must(field.name.utf8.allSatisfy(HTTPHeaders.isTokenByte) && !field.name.isEmpty, "a field's name is a token")
      try must(field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a field's value holds no control character")
      _ = headers.contains(token: "close", in: field.name)
      try checkValue(field.value)
    }
    if let framing = try taken(unless: HTTPError.self, { try RequestFraming(headers) }) {
      try must(framing.hasBody || framing.declaredLength == 0, "without a body nothing is declared")
    }
  }

  private static func checkValue(_ value: String) throws {
    if let parameters = HeaderParameters(value) {
      _ = parameters["filename"]
      try must(!parameters.value.utf8.contains(0x3B), "the value ends where the parameters begin")
    }
    let now = Date(timeIntervalSince1970: 784_111_777)
    if let wait = RetryAfter.parse(value, now: now) { try must(wait >= .zero, "nobody waits for the past") }
    guard let date = HTTPDate.parse(value) else { return }
    let isLeapSecond = value.contains(":60 ")
    try must(isLeapSecond || HTTPDate.format(date) == value, "'\(value)' is read as \(HTTPDate.format(date))")
  }

  /// The first byte chooses how the body is cut into pieces.
  @Sendable private static func multipart(_ bytes: [UInt8]) throws {
    func outcome(_ pieces: [[UInt8]]) throws -> (events: [MultipartParser.Event], refusal: HTTPStatus?) {
      var parser = try MultipartParser(contentType: "multipart/form-data; boundary=b")
      var events: [MultipartParser.Event] = []
      do {
        for piece in pieces { merge(try parser.push(piece), into: &events) }
        try parser.finish()
      } catch { return (events, error.status) }
      return (events, nil)
    }
    let whole = try outcome([Array(bytes.dropFirst())])
    let cut = try outcome(pieces(of: bytes))
    try must(
      whole.refusal == cut.refusal, "refused with \(String(describing: whole.refusal)) or \(String(describing: cut.refusal)) by its pieces")
    guard whole.refusal == nil else { return }
    try must(whole.events == cut.events, "how the body is cut changes nothing")
    try must(whole.events.last == .end, "a complete body ends with its end")
    let begins = whole.events.filter { if case .partBegin = $0 { true } else { false } }.count
    try must(begins == whole.events.filter { $0 == .partEnd }.count && begins <= MultipartParser.Limits().parts, "every part ends")
  }

  private static func merge(_ new: [MultipartParser.Event], into events: inout [MultipartParser.Event]) {
    for event in new {
      if case .data(let more) = event, case .data(let before)? = events.last {
        events[events.count - 1] = .data(before + more)
      } else {
        events.append(event)
      }
    }
  }

  @Sendable private static func eventStream(_ bytes: [UInt8]) throws {
    func events(_ pieces: [[UInt8]]) throws -> [ServerSentEvent] {
      var parser = ServerSentEventParser()
      return try pieces.flatMap { try parser.push($0) }
    }
    let whole = try events([Array(bytes.dropFirst())])
    try must(try events(pieces(of: bytes)) == whole, "how the stream is cut changes nothing")
    try must(whole.allSatisfy { !$0.data.utf8.contains(0x0D) }, "every line end is the same")
  }

  private static func pieces(of bytes: [UInt8]) -> [[UInt8]] {
    let size = 1 + Int(bytes.first ?? 0) % 32
    let body = bytes.dropFirst()
    return stride(from: body.startIndex, to: body.endIndex, by: size).map { Array(body[$0..<min($0 + size, body.endIndex)]) }
  }
}
