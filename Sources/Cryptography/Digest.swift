import COpenSSL

/// Hashes by OpenSSL.
public enum Digest {
  /// The 32 bytes of SHA-256 (FIPS 180-4).
  public static func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var hasher = SHA256Hasher()
    hasher.update(bytes)
    return hasher.finalize()
  }
}

/// SHA-256 of bytes that come in pieces (FIPS 180-4).
public struct SHA256Hasher: ~Copyable {
  private var hasher = DigestHasher(.sha256)

  public init() {}

  public mutating func update(_ bytes: some Collection<UInt8>) { hasher.update(bytes) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bytes) }

  /// The 32 bytes.
  public consuming func finalize() -> [UInt8] { hasher.finalize() }
}
