import COpenSSL

/// Bytes nobody can guess, for tokens and keys.
public enum SecureRandom {
  /// That many bytes from OpenSSL's generator, which the kernel seeds.
  public static func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
      // A predictable token is worse than no process.
      precondition(RAND_bytes(output.baseAddress, Int32(count)) == 1, "OpenSSL has no source of random bytes")
      initialized = count
    }
  }
}
