import Testing

@testable import HTTP

@Suite("The multipart parser") struct MultipartParserTests {
  private static let contentType = "multipart/form-data; boundary=\"x y\""
  private static let body = Array(
    ("preamble\r\n--x y  \r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHello\r\n--x\r\nWorld\r\n"
      + "--x y\r\ncontent-disposition: form-data; name=file; filename=\"a \\\"b\\\".wav\"\r\nContent-Type: audio/wav\r\n\r\n"
      + "\r\n\r\r\n--x \r\n-\r\n--x y\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--x y--\r\nepilogue --x y").utf8)

  /// One line per event, neighbouring data joined.
  private static func events(_ pieces: [[UInt8]], contentType: String = contentType) throws -> [String] {
    var parser = try MultipartParser(contentType: contentType)
    var lines: [String] = []
    var data: [UInt8] = []
    for event in try pieces.flatMap({ try parser.push($0) }) {
      if case .data(let bytes) = event {
        data += bytes
        continue
      }
      if !data.isEmpty { lines.append("data \(String(decoding: data, as: UTF8.self).debugDescription)") }
      data = []
      switch event {
      case .partBegin(let part): lines.append("part \(part.name) \(part.fileName ?? "-") \(part.contentType ?? "-")")
      case .partEnd: lines.append("part end")
      case .data: break
      case .end: lines.append("end")
      }
    }
    try parser.finish()
    return lines
  }

  private static let expected = [
    "part title - -", "data \"Hello\\r\\n--x\\r\\nWorld\"", "part end", "part file a \"b\".wav audio/wav",
    "data \"\\r\\n\\r\\r\\n--x \\r\\n-\"", "part end", "part  - -", "part end", "end",
  ]

  @Test("tells parts, data and the end")
  func whole() throws {
    #expect(try Self.events([Self.body]) == Self.expected)
  }

  @Test("gives the same events for any cutting of the bytes", arguments: 0..<300 as Range<UInt64>)
  func anyChunking(_ seed: UInt64) throws {
    var generator = SplitMix64(state: seed)
    let pieces = randomPieces(Self.body, longest: seed < 20 ? 1 : 40, using: &generator)
    #expect(try Self.events(pieces) == Self.expected, "seed \(seed)")
  }

  @Test("gives back random parts, whatever they hold and however they are cut", arguments: 0..<100 as Range<UInt64>)
  func randomParts(_ seed: UInt64) throws {
    var generator = SplitMix64(state: seed)
    // Bytes that make up delimiters, so that almost-delimiters are frequent.
    let alphabet = Array("\r\n-bb".utf8)
    let contents = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
      (0..<Int.random(in: 0...200, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
    }
    var body: [UInt8] = []
    for content in contents {
      body += Array("--bbbbQ\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8) + content + Array("\r\n".utf8)
    }
    body += Array("--bbbbQ--\r\n".utf8)
    var parser = try MultipartParser(contentType: "multipart/form-data; boundary=bbbbQ")
    var received: [[UInt8]] = []
    for event in try randomPieces(body, longest: 50, using: &generator).flatMap({ try parser.push($0) }) {
      switch event {
      case .partBegin: received.append([])
      case .data(let bytes): received[received.count - 1] += bytes
      case .partEnd, .end: break
      }
    }
    try parser.finish()
    #expect(received == contents, "seed \(seed)")
  }

  @Test(
    "refuses content types that are no form data",
    arguments: [
      nil, "", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a",
      "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\r\nb\"",
      "multipart/form-data; boundary=" + String(repeating: "a", count: 71),
    ])
  func contentTypes(_ contentType: String?) {
    #expect(throws: HTTPError.self) { try MultipartParser(contentType: contentType) }
  }

  @Test(
    "refuses a malformed or cut body",
    arguments: [
      "", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", "--bx\r\n", "--b \r\nNo colon\r\n\r\n",
      "--b\r\nContent-Disposition: form-data\r\n\r\n", "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n",
      "--b\r\n\r\nx\r\n--b--", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--bc\r\n",
      "--b\r\nBad Name: x\r\n\r\n", String(repeating: "p", count: 2000),
      "--b\r\nX: " + String(repeating: "y", count: 9000) + "\r\n\r\n", "--b\r\n" + String(repeating: "y", count: 9000),
      "--b\r\n" + String(repeating: "X: y\r\n", count: 20) + "Content-Disposition: form-data; name=a\r\n\r\n\r\n--b--",
    ])
  func malformed(_ body: String) {
    #expect(throws: HTTPError.self) {
      try Self.events([Array(body.utf8)], contentType: "multipart/form-data; boundary=b")
    }
  }

  @Test("refuses more parts than the limit")
  func tooManyParts() {
    let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
    #expect(throws: HTTPError(.contentTooLarge, "The multipart body has more than 64 parts.")) {
      try Self.events([Array((String(repeating: part, count: 65) + "--b--").utf8)], contentType: "multipart/form-data; boundary=b")
    }
  }
}
