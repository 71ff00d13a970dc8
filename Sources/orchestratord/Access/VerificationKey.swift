import Cryptography

/// A key that tokens are checked with. Its kind fixes the algorithm: a public key never serves as a secret.
struct VerificationKey: Sendable {
  enum Material: Sendable {
    case secret([UInt8])
    case publicKey(RSAPublicKey)
  }

  /// Bytes that the secret of an HS256 has at least (RFC 7518 section 3.2).
  static let smallestSecret = 32

  let keyID: String?
  let material: Material

  var algorithm: SignedToken.Algorithm {
    switch material {
    case .secret: .hs256
    case .publicKey: .rs256
    }
  }

  func verifies(_ token: SignedToken) -> Bool {
    guard token.algorithm == algorithm else { return false }
    return switch material {
    case .secret(let secret): constantTimeEqual(HMAC.sha256(key: secret, token.signedText), token.signature)
    case .publicKey(let key): key.verifies(token.signature, of: token.signedText)
    }
  }
}
