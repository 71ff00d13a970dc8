import Testing

@testable import Cryptography

private func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Suite("Cryptography") struct CryptographyTests {
  @Test(
    "hashes the vectors of FIPS 180-4",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func digest(_ text: String, _ expected: String) {
    #expect(hexadecimal(Digest.sha256(Array(text.utf8))) == expected)
  }

  @Test("hashes pieces like the whole, whatever the pieces", arguments: 0..<20 as Range<UInt64>)
  func pieces(_ seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let bytes = (0..<Int.random(in: 0...5000, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    var hasher = SHA256Hasher()
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...700, using: &generator))
      hasher.update(piece)
      rest = rest.dropFirst(piece.count)
    }
    #expect(hasher.finalize() == Digest.sha256(bytes), "seed \(seed)")
  }

  /// RFC 4231 section 4: key, data, HMAC-SHA-256.
  static let vectors: [([UInt8], [UInt8], String)] = [
    (
      [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      Array(1...25), [UInt8](repeating: 0xCD, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
    ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
  ]

  @Test("keys hashes like RFC 4231, also with an empty key", arguments: vectors)
  func hmac(_ key: [UInt8], _ message: [UInt8], _ expected: String) {
    #expect(hexadecimal(HMAC.sha256(key: key, message)) == expected)
  }

  @Test(
    "compares byte strings",
    arguments: [([], [], true), ([1], [1], true), ([1, 2], [1, 3], false), ([1], [1, 1], false), ([], [0], false)]
      as [([UInt8], [UInt8], Bool)])
  func equality(_ left: [UInt8], _ right: [UInt8], _ expected: Bool) {
    #expect(constantTimeEqual(left, right) == expected)
  }

  @Test(
    "encodes the vectors of RFC 4648 without padding, and back",
    arguments: [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ])
  func base64(_ text: String, _ expected: String) {
    #expect(Base64URL.encode(Array(text.utf8)) == expected)
    #expect(Base64URL.decode(expected) == Array(text.utf8))
  }

  @Test("uses the alphabet of URLs")
  func alphabet() {
    #expect(Base64URL.encode([0xFB, 0xFF, 0xBF]) == "-_-_")
    #expect(Base64URL.decode("-_-_") == [0xFB, 0xFF, 0xBF])
  }

  @Test("refuses text that no encoder writes", arguments: ["Zg==", "Zh", "Z", "Zm9", "Zm 9", "+_", "é", "Zm9v\n"])
  func malformed(_ text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  @Test("draws as many random bytes as asked, and never the same")
  func random() {
    #expect(SecureRandom.bytes(0).isEmpty)
    #expect(SecureRandom.bytes(32).count == 32)
    #expect(Set((0..<100).map { _ in SecureRandom.bytes(16) }).count == 100)
  }
}

private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
