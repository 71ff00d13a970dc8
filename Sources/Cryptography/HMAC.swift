import COpenSSL

/// Keyed hashes (RFC 2104).
public enum HMAC {
  /// The 32 bytes of HMAC-SHA-256 (RFC 4231).
  public static func sha256(key: some Collection<UInt8>, _ message: some Collection<UInt8>) -> [UInt8] {
    let key = Array(key)
    let message = Array(message)
    return [UInt8](unsafeUninitializedCapacity: 32) { output, count in
      // A nil key would mean "the key of the call before": an empty one still needs an address.
      let result = withUnsafePointer(to: 0 as UInt8) { placeholder in
        key.withUnsafeBufferPointer { key in
          COpenSSL.HMAC(
            EVP_sha256(), key.baseAddress ?? placeholder, Int32(key.count), message, message.count, output.baseAddress, nil)
        }
      }
      precondition(result != nil, "OpenSSL cannot compute HMAC-SHA-256: out of memory, or its default provider is missing")
      count = 32
    }
  }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ; unequal lengths are told at once.
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
