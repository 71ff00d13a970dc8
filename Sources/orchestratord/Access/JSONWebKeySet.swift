import Cryptography

/// A JSON Web Key Set (RFC 7517): the keys of an issuer.
struct JSONWebKeySet: Sendable {
  static let largestDocument = 256 << 10
  static let mostKeys = 64

  let keys: [VerificationKey]

  private struct Document: Decodable { let keys: [Key] }

  private struct Key: Decodable {
    let kty: String
    let kid: String?
    let use: String?
    let alg: String?
    let n: String?
    let e: String?
    let k: String?
  }

  /// - Parameter takesSecrets: whether keys of HS256 may stand in it: in a file of ours, never in what anyone can fetch.
  /// - Throws: `UsageError` when it is no key set or has no key that can be used.
  init(json: [UInt8], takesSecrets: Bool) throws(UsageError) {
    guard json.count <= Self.largestDocument, let document: Document = try? SignedToken.decode(json), document.keys.count <= Self.mostKeys
    else {
      throw UsageError("it is no JSON Web Key Set of at most \(Self.mostKeys) keys: write it as {\"keys\": [{\"kty\": \"RSA\", ...}]}")
    }
    // Keys for other things are passed over (RFC 7517 section 5), and so are those that are too weak.
    keys = document.keys.compactMap { Self.key($0, takesSecrets) }
    guard !keys.isEmpty else {
      throw UsageError(
        "it has no key for signatures by RS256 with 2048 to 8192 bits\(takesSecrets ? ", or by HS256 with 32 bytes or more" : "")")
    }
  }

  private static func key(_ key: Key, _ takesSecrets: Bool) -> VerificationKey? {
    guard key.use ?? "sig" == "sig" else { return nil }
    switch (key.kty, key.alg ?? (key.kty == "RSA" ? "RS256" : "HS256")) {
    case ("RSA", "RS256"):
      guard let n = key.n.flatMap({ Base64URL.decode($0) }), let e = key.e.flatMap({ Base64URL.decode($0) }),
        let publicKey = RSAPublicKey(modulus: n, exponent: e)
      else { return nil }
      return VerificationKey(keyID: key.kid, material: .publicKey(publicKey))
    case ("oct", "HS256") where takesSecrets:
      guard let secret = key.k.flatMap({ Base64URL.decode($0) }), secret.count >= VerificationKey.smallestSecret else { return nil }
      return VerificationKey(keyID: key.kid, material: .secret(secret))
    default: return nil
    }
  }
}
