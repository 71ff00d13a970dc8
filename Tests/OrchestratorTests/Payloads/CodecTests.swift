import Cryptography
import Foundation
import Testing

@testable import Orchestrator

@Suite struct CodecTests {
  static let key = WorkflowKey(namespace: "default", workflowID: "order-1")

  static func ring(_ active: String, _ names: String...) throws -> KeyRing {
    let keys = Dictionary(uniqueKeysWithValues: ([active] + names).map { ($0, Digest.sha256($0.utf8)) })
    return try KeyRing(active: active, keys: keys)
  }

  static func chain(_ ring: KeyRing) -> CodecChain { CodecChain([CompressionCodec(), EncryptionCodec(ring)]) }

  @Test func `What a chain encodes it decodes, also after PostgreSQL's jsonb has put the envelope in another order`() throws {
    let chain = Self.chain(try Self.ring("a"))
    for text in ["null", "\"short\"", "{\"a\":[1,2,3]}", "\"\(String(repeating: "long ", count: 2000))\""] {
      let payload = Payload(json: Array(text.utf8))
      let stored = try chain.encode(payload, Self.key)
      #expect(!stored.text.contains("long") && !stored.text.contains("short"))
      #expect(try chain.decode(stored, Self.key) == payload)
      let fields = try #require(try JSONSerialization.jsonObject(with: Data(stored.bytes)) as? [String: Any])
      let metadata = try JSONSerialization.data(withJSONObject: fields["metadata"] ?? [:])
      let reordered = "{\"data\": \"\(fields["data"] ?? "")\", \"metadata\": \(String(decoding: metadata, as: UTF8.self))}"
      #expect(try chain.decode(Payload(json: Array(reordered.utf8)), Self.key) == payload)
    }
  }

  @Test func `Compression is left out where it would not make a value smaller`() throws {
    let chain = CodecChain([CompressionCodec()])
    let small = Payload(json: Array("\"aaaaaaaaaaaaaaaa\"".utf8))
    #expect(try chain.encode(small, Self.key) == small)
    let random = try PayloadCodec.encode(Data(SecureRandom.bytes(2000)).base64EncodedString())
    #expect(try chain.encode(random, Self.key) == random)
    let large = try PayloadCodec.encode(String(repeating: "verse ", count: 1000))
    let stored = try chain.encode(large, Self.key)
    #expect(stored.bytes.count < large.bytes.count / 10)
    #expect(try chain.decode(stored, Self.key) == large)
  }

  @Test func `After a rotation the new key encrypts, and the old one still decrypts`() throws {
    let payload = try PayloadCodec.encode("secret")
    let before = try Self.chain(try Self.ring("2025")).encode(payload, Self.key)
    let rotated = Self.chain(try Self.ring("2026", "2025"))
    let after = try rotated.encode(payload, Self.key)
    #expect(try PayloadEnvelope(before)?.keyID == "2025")
    #expect(try PayloadEnvelope(after)?.keyID == "2026")
    #expect(try rotated.decode(before, Self.key) == payload)
    #expect(try rotated.decode(after, Self.key) == payload)
    #expect(throws: CodecError.missingKey("2025")) { try Self.chain(try Self.ring("2026")).decode(before, Self.key) }
  }

  @Test func `A value that was moved to another workflow, namespace or under another key's name does not open`() throws {
    let chain = Self.chain(try Self.ring("a", "b"))
    let stored = try chain.encode(try PayloadCodec.encode("secret"), Self.key)
    for other in [WorkflowKey(namespace: "default", workflowID: "order-2"), WorkflowKey(namespace: "other", workflowID: "order-1")] {
      #expect(throws: CodecError.notAuthentic(keyID: "a")) { try chain.decode(stored, other) }
    }
    var renamed = try #require(try PayloadEnvelope(stored))
    renamed.keyID = "b"
    #expect(throws: CodecError.notAuthentic(keyID: "b")) { try chain.decode(renamed.payload, Self.key) }
    var unbound = try #require(try PayloadEnvelope(stored))
    unbound.isUnbound = true
    #expect(throws: CodecError.notAuthentic(keyID: "a")) { try chain.decode(unbound.payload, Self.key) }
  }

  @Test func `The same value is never encrypted the same way twice`() throws {
    let chain = Self.chain(try Self.ring("a"))
    let stored = try (0..<100).map { _ in try chain.encode(.null, Self.key) }
    #expect(Set(stored).count == 100)
  }

  @Test func `A stream that inflates beyond the limit is refused before it fills memory`() throws {
    let chain = CodecChain([CompressionCodec()])
    let bomb = try PayloadCodec.encode(String(repeating: "a", count: Limits.payloadBytes - 2))
    #expect(try chain.decode(try chain.encode(bomb, Self.key), Self.key) == bomb)
    let larger = Payload(json: bomb.bytes + bomb.bytes)
    let stored = try chain.encode(larger, Self.key)
    #expect(stored.bytes.count < 20_000)
    #expect(throws: CodecError.tooLarge(limit: Limits.payloadBytes)) { try chain.decode(stored, Self.key) }
  }

  @Test func `Damaged, cut and invented envelopes are refused with an error of ours`() throws {
    let chain = Self.chain(try Self.ring("a"))
    let whole = try chain.encode(try PayloadCodec.encode(String(repeating: "verse ", count: 100)), Self.key).text
    for text in [
      #"{"metadata":{"encoding":"orchestrator/encoded"},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate"}}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate"},"data":17}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate"},"data":"not base64!"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"deflate"},"data":"eJwD"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":""},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"rot13"},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"aes-256-gcm"},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"aes-256-gcm","key":"a"},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"aes-256-gcm","key":"b"},"data":"AAAA"}"#,
      #"{"metadata":{"encoding":"orchestrator/encoded","codecs":"\#(String(repeating: "deflate,", count: 1000))x"},"data":"AAAA"}"#,
    ] {
      let payload = Payload(json: Array(text.utf8))
      #expect(throws: CodecError.self, "\(text.prefix(120))") { try chain.decode(payload, Self.key) }
      #expect(throws: PayloadError.self) { try PayloadCodec.decode(Payload.self, from: payload) }
    }
    var random = DeterministicRandom(seed: UInt64(7))
    for _ in 0..<2000 {
      var bytes = Array(whole.utf8)
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      do { _ = try chain.decode(Payload(json: bytes), Self.key) } catch is CodecError {} catch is AttributesError {}
    }
  }

  @Test func `A failure keeps its type in the open, and gives its details and, when asked to, its texts to the codecs`() throws {
    let cause = Failure(type: "CardDeclined", message: "card 4111", details: Payload(json: Array(#"{"card":"4111"}"#.utf8)))
    let failure = Failure(type: "PaymentFailed", message: "no money", isRetryable: false, stackTrace: "line 1", cause: cause)
    var chain = Self.chain(try Self.ring("a"))
    let open = try chain.encode(failure: failure.payload, Self.key)
    #expect(open.text.contains("no money") && open.text.contains("card 4111") && !open.text.contains(#"{"card":"4111"}"#))
    #expect(try PayloadCodec.decode(Failure.self, from: try chain.decode(failure: open, Self.key)) == failure)
    chain.encodesFailureMessages = true
    let closed = try chain.encode(failure: failure.payload, Self.key)
    #expect(closed.text.contains("PaymentFailed") && closed.text.contains("CardDeclined"))
    #expect(!closed.text.contains("no money") && !closed.text.contains("4111") && !closed.text.contains("line 1"))
    #expect(try PayloadCodec.decode(Failure.self, from: try chain.decode(failure: closed, Self.key)) == failure)
    // Encoded once more by a process that could not read it: nothing is lost.
    let again = try PayloadCodec.decode(Failure.self, from: closed).payload
    let twice = try chain.encode(failure: again, Self.key)
    #expect(try PayloadCodec.decode(Failure.self, from: try chain.decode(failure: twice, Self.key)) == failure)
  }

  @Test func `A key ring is read from lines, and never shows a key`() throws {
    let key = Data(SecureRandom.bytes(32)).base64EncodedString()
    let ring = try KeyRing(text: "# rotated in May\n\n2026-05 \(key)\n2025-05 \(Data(SecureRandom.bytes(32)).base64EncodedString())\r\n")
    #expect(ring.active == "2026-05")
    var shown = "\(ring) \(String(reflecting: ring)) \(String(describing: EncryptionCodec(ring)))"
    dump(Self.chain(ring), to: &shown)
    #expect(!shown.contains(key) && shown.contains("2026-05"))
    #expect(!shown.contains(ring.key("2026-05").map { "\($0[0]), \($0[1]), \($0[2])" } ?? "?"))
    for text in ["", "# nothing", "a", "a !!", "a AAAA", "a \(key)\na \(key)", "a b c", "sp\u{E4}t \(key)"] {
      let error = #expect(throws: KeyRing.Invalid.self, "\(text.prefix(3))") { try KeyRing(text: text) }
      #expect(error?.description.contains(key) == false)
    }
  }

  @Test func `AES-256-GCM gives what the specification's test cases give`() throws {
    // The Galois/Counter Mode of Operation (McGrew and Viega), test cases 13, 14 and 16.
    func bytes(_ hex: String) -> [UInt8] {
      stride(from: 0, to: hex.count, by: 2).compactMap { index in
        let start = hex.index(hex.startIndex, offsetBy: index)
        return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
      }
    }
    let zeros = [UInt8](repeating: 0, count: 32)
    let empty = AESGCM.seal([], key: zeros, nonce: Array(zeros.prefix(12)), associated: [])
    #expect(empty == bytes("530f8afbc74536b9a963b4f1c4cb738b"))
    #expect(AESGCM.open(empty, key: zeros, nonce: Array(zeros.prefix(12)), associated: []) == [])
    let block = AESGCM.seal(Array(zeros.prefix(16)), key: zeros, nonce: Array(zeros.prefix(12)), associated: [])
    #expect(block == bytes("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"))
    let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
    let text = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
    let associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    let sealed = AESGCM.seal(text, key: key, nonce: bytes("cafebabefacedbaddecaf888"), associated: associated)
    #expect(Array(sealed.suffix(16)) == bytes("76fc6ece0f4e1768cddf8853bb2d551b"))
    #expect(AESGCM.open(sealed, key: key, nonce: bytes("cafebabefacedbaddecaf888"), associated: associated) == text)
    #expect(AESGCM.open(sealed, key: key, nonce: bytes("cafebabefacedbaddecaf888"), associated: []) == nil)
  }
}
