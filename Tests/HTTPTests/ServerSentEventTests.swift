import Testing

@testable import HTTP

@Suite("Server-sent events") struct ServerSentEventTests {
  @Test("are framed by their fields, one data line per line")
  func framing() {
    let event = ServerSentEvent(id: "7", event: "step", data: "a\nb\r\nc\rd", retryMilliseconds: 3000)
    let expected = "retry: 3000\nid: 7\nevent: step\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    #expect(String(decoding: event.encoded, as: UTF8.self) == expected)
  }

  @Test("cannot be split by a line end inside a field")
  func injection() {
    let event = ServerSentEvent(id: "1\ndata: x", event: "a\r\nb", data: "")
    #expect(String(decoding: event.encoded, as: UTF8.self) == "id: 1data: x\nevent: ab\ndata: \n\n")
  }

  @Test("come back as they were sent, however the bytes are cut", arguments: 0..<200 as Range<UInt64>)
  func roundTrip(_ seed: UInt64) throws {
    var generator = SplitMix64(state: seed)
    let texts = ["", " lead", "a\nb", "ä€😀", ":", "data: x", "\n\n", "{\"a\":1}"]
    let events = (0..<Int.random(in: 1...20, using: &generator)).map { index in
      ServerSentEvent(
        id: "\(index)", event: Bool.random(using: &generator) ? "kind" : nil,
        data: texts.randomElement(using: &generator) ?? "",
        retryMilliseconds: Bool.random(using: &generator) ? Int.random(in: 0...9999, using: &generator) : nil)
    }
    let bytes = events.flatMap { $0.encoded + ServerSentEvent.heartbeat }
    var parser = ServerSentEventParser()
    let received = try randomPieces(bytes, longest: 12, using: &generator).flatMap { try parser.push($0) }
    #expect(received == events, "seed \(seed)")
  }

  @Test(
    "are read by the rules of the standard",
    arguments: [
      ("data: a\n\n", ["a"]), ("data:a\r\rdata: b\r\n\r\n", ["a", "b"]), ("\u{FEFF}data: a\n\n", ["a"]), ("data\n\n", [""]),
      ("data:  a\n\n", [" a"]), (": comment\n\n", []), ("event: x\n\n", []), ("data: cut", []), ("data: cut\n", []),
      ("datum: a\n\n", []), ("data: a\ndata\ndata: b\n\n", ["a\n\nb"]), ("data: a\r\n\r\n\r\ndata: b\n\n", ["a", "b"]),
    ])
  func standard(_ text: String, _ data: [String]) throws {
    var parser = ServerSentEventParser()
    #expect(try parser.push(text.utf8).map(\.data) == data)
  }

  @Test("keep the last id until another comes, and ignore a retry that is no number")
  func lastEventID() throws {
    var parser = ServerSentEventParser()
    let events = try parser.push("id: 1\nretry: x\ndata: a\n\ndata: b\n\nid: bad\0\ndata: c\n\nid\ndata: d\n\n".utf8)
    #expect(events.map(\.id) == ["1", "1", "1", ""])
    #expect(events.map(\.retryMilliseconds) == [nil, nil, nil, nil])
  }

  @Test("are refused when one is larger than a mebibyte")
  func tooLarge() {
    var parser = ServerSentEventParser()
    let line = Array("data: ".utf8) + [UInt8](repeating: 0x61, count: 300_000) + [0x0A]
    #expect(throws: HTTPError.self) { for _ in 0..<4 { _ = try parser.push(line) } }
  }
}
