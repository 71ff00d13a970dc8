import Testing

@testable import HTTP

@Suite("The JSON check") struct JSONLimitsTests {
  @Test(
    "lets pass one value with white space around it",
    arguments: [
      "{}", " [] ", "\n1\t", "\"a\"", "\"{[\\\"}\"", "true", "-1.5e3", "{\"a\":[{\"b\":\"]\"}]}", "[\"\\\\\"]",
      String(repeating: "[", count: 32) + String(repeating: "]", count: 32),
    ])
  func accepted(_ text: String) throws {
    try JSONLimits().check(Array(text.utf8))
  }

  @Test(
    "refuses no value, open values, wrong brackets, levels beyond the limit, and what follows a value",
    arguments: [
      "", " ", "{", "[}", "{} {}", "1 2", "\"a\"b", "\"a", "\"\\\"", "[1],", "1,2",
      String(repeating: "[", count: 33) + String(repeating: "]", count: 33), String(repeating: "[", count: 100_000),
    ])
  func refused(_ text: String) {
    #expect(throws: HTTPError.self) { try JSONLimits().check(Array(text.utf8)) }
  }

  @Test("refuses invalid UTF-8", arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]])
  func invalidText(_ bytes: [UInt8]) {
    #expect(throws: HTTPError(.badRequest, "The JSON text is not UTF-8.")) { try JSONLimits().check(bytes) }
  }

  private struct Track: Decodable {
    let title: String
    let tempo: [Int]
  }

  @Test(
    "lets a refused body say what is wrong and where",
    arguments: [
      ("{\"tempo\":[1]}", 422, "\"title\" is missing in the body."),
      ("{\"title\":\"a\",\"tempo\":[1,\"x\"]}", 422, "The value of \"tempo[1]\" is not of the type Int."),
      ("{\"title\":null,\"tempo\":[]}", 422, "The value of \"title\" is null."), ("{\"title\":a}", 400, "The body is not JSON."),
      ("[[]", 400, "The JSON value does not end."),
    ])
  func decoding(_ text: String, _ status: Int, _ detail: String) async throws {
    let request = try HTTPRequest(method: .post, target: "/", body: RequestBody(Array(text.utf8)))
    await #expect(throws: HTTPError(HTTPStatus(rawValue: status), detail)) { try await request.decode(Track.self, upTo: 1000) }
  }

  @Test("is not reached by a body above the limit")
  func tooLarge() async throws {
    let request = try HTTPRequest(method: .post, target: "/", body: RequestBody(Array("[1,2,3]".utf8)))
    let error = await #expect(throws: HTTPError.self) { try await request.decode([Int].self, upTo: 3) }
    #expect(error?.status == .contentTooLarge)
  }
}
