import Cryptography
import Foundation

/// Makes JSON Web Tokens with one key.
struct TokenSigner: Sendable {
  private enum Key: Sendable {
    case secret([UInt8])
    case privateKey(RSAPrivateKey)
  }

  private struct Header: Encodable {
    let alg: SignedToken.Algorithm
    let kid: String
    let typ: String
  }

  private let key: Key
  /// Tells the key from the one before and after it.
  let keyID: String
  private let seed: [UInt8]

  /// - Parameter text: a secret of 32 bytes or more for HS256, or an RSA private key in PEM for RS256.
  /// - Throws: `UsageError`, never with the text.
  init(_ text: String) throws(UsageError) {
    seed = HMAC.sha256(key: text.utf8, Array("seed".utf8))
    if text.hasPrefix("-----BEGIN") {
      guard let privateKey = RSAPrivateKey(pem: text) else {
        throw UsageError("the key for tokens is no unencrypted RSA private key in PEM with 2048 to 8192 bits")
      }
      key = .privateKey(privateKey)
      keyID = Self.name(Array("rsa".utf8) + privateKey.publicKey.modulus)
    } else {
      let secret = Array(text.utf8)
      guard secret.count >= VerificationKey.smallestSecret else {
        throw UsageError("the key for tokens must be a secret of 32 bytes or more, or an RSA private key in PEM")
      }
      key = .secret(secret)
      // Of a keyed hash, so that the name tells nothing of a weak secret that could be tried faster than the signature itself.
      keyID = Self.name(HMAC.sha256(key: secret, Array("kid".utf8)))
    }
  }

  /// What the tokens are checked with.
  var verificationKey: VerificationKey {
    switch key {
    case .secret(let secret): VerificationKey(keyID: keyID, material: .secret(secret))
    case .privateKey(let key): VerificationKey(keyID: keyID, material: .publicKey(key.publicKey))
    }
  }

  /// A secret for another purpose, which tells nothing of this key or of the secret for any other.
  func secret(for purpose: String) -> [UInt8] { HMAC.sha256(key: seed, Array(purpose.utf8)) }

  /// The token in its compact form.
  func token(_ claims: TokenClaims, type: String = "JWT") throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let header = try encoder.encode(Header(alg: verificationKey.algorithm, kid: keyID, typ: type))
    let text = "\(Base64URL.encode(header)).\(Base64URL.encode(try encoder.encode(claims)))"
    let signature =
      switch key {
      case .secret(let secret): HMAC.sha256(key: secret, Array(text.utf8))
      case .privateKey(let key): key.sign(Array(text.utf8))
      }
    return "\(text).\(Base64URL.encode(signature))"
  }

  private static func name(_ bytes: [UInt8]) -> String { Base64URL.encode(Digest.sha256(bytes).prefix(12)) }
}
