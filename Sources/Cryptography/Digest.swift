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
  private let context: OpaquePointer
  /// Found once: given `EVP_sha256()`, OpenSSL looks for its implementation every time.
  // Never freed and never changed: OpenSSL lets any thread use an algorithm.
  private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, Self.algorithm ?? EVP_sha256(), nil) == 1 else {
      // No input leads here: OpenSSL fails only without memory or without its own provider, and then nothing can go on.
      fatalError("OpenSSL cannot begin a SHA-256: out of memory, or its default provider is missing")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: some Collection<UInt8>) {
    let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
    if isContiguous == nil { Array(bytes).withUnsafeBytes { update($0) } }
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    // Updating a begun digest fails only after its end, and the end consumes the hasher.
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The 32 bytes.
  public consuming func finalize() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { output, count in
      EVP_DigestFinal_ex(context, output.baseAddress, nil)
      count = 32
    }
  }
}
