import Foundation
import Testing

@testable import Orchestrator

/// Payloads from outside are checked before they are stored inside a larger JSON object.
struct PayloadTests {
  @Test("JSON text is taken", arguments: ["null", "1", "-1.5e3", #""te\u0001x\ud83c\udfb5t""#, "1e9999", "[]", "{}", #" {"a":[1,"é🎵"]} "#])
  func taken(_ text: String) throws {
    #expect(try Payload(checking: Array(text.utf8)).text == text)
  }

  static let refused: [[UInt8]] = [
    [], Array(" ".utf8), Array("nul".utf8), Array("{".utf8), Array("{}{}".utf8), Array("[1,]".utf8), Array("'a'".utf8), Array("NaN".utf8),
    Array("// no\n1".utf8), Array("\"\u{1}\"".utf8), [0xEF, 0xBB, 0xBF, 0x31], [0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
    Array(#"{"a":1,}"#.utf8), Array("01".utf8), Array("1.".utf8), Array("-".utf8), Array("1e".utf8), Array("tru".utf8),
    Array(#""\x""#.utf8), Array(#""\u12g4""#.utf8), Array(#""\u12"#.utf8), Array("{1:1}".utf8), Array(#""a"#.utf8), Array("+1".utf8),
    Array(#""\u0000""#.utf8), Array(#""\ud83c""#.utf8), Array(#""\udfb5\ud83c""#.utf8), Array(#""\ud83cx""#.utf8), Array("1e10000".utf8),
    Array(String(repeating: "1", count: 301).utf8), [0x31, 0], [0, 0x31], [0xFF, 0xFE, 0x31, 0], [0x31, 0, 0, 0],
    Array(String(repeating: "[", count: 100_000).utf8),
  ]

  @Test("anything else is refused: no UTF-16, no byte order mark, nothing jsonb cannot hold", arguments: refused)
  func refuses(_ bytes: [UInt8]) {
    #expect(throws: PayloadError.invalidJSON) { try Payload(checking: bytes) }
  }

  @Test("a payload may have 2 MiB and not one byte more, in and out")
  func size() throws {
    let text = String(repeating: "x", count: Limits.payloadBytes - 2)
    #expect(try Payload(checking: Array("\"\(text)\"".utf8)).bytes.count == Limits.payloadBytes)
    #expect(throws: PayloadError.tooLarge(bytes: Limits.payloadBytes + 1)) { try Payload(checking: Array("\"\(text)x\"".utf8)) }
    #expect(try PayloadCodec.encode(text).bytes.count == Limits.payloadBytes)
    #expect(throws: PayloadError.tooLarge(bytes: Limits.payloadBytes + 1, type: "String")) { try PayloadCodec.encode(text + "x") }
  }

  @Test("a value that does not encode or decode says why, and never the value")
  func reasons() {
    #expect(throws: PayloadError.self) { try PayloadCodec.encode(Double.nan) }
    #expect(throws: PayloadError.self) { try PayloadCodec.encode(["null\u{0}"]) }
    #expect {
      try PayloadCodec.decode([String: Int].self, from: Payload(json: Array(#"{"key":"secret"}"#.utf8)))
    } throws: { error in
      let text = "\(error)"
      return text.contains("expected Int at 'key'") && !text.contains("secret")
    }
  }

  @Test("equal values encode to equal bytes")
  func canonical() throws {
    let keys = (0..<50).map { "key/\($0)" }
    let one = Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) })
    let other = Dictionary(uniqueKeysWithValues: keys.reversed().map { ($0, 1) })
    #expect(try PayloadCodec.encode(one) == PayloadCodec.encode(other))
    #expect(try PayloadCodec.encode("\\u0000").text == #""\\u0000""#)
    #expect(try PayloadCodec.encode("a/b").text == #""a/b""#)
  }
}
