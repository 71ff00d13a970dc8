import COpenSSL

/// What a digest is made by.
public enum DigestAlgorithm: String, Sendable, CaseIterable {
  /// 20 bytes, against accidents only: others can make two inputs with one digest.
  case sha1
  /// 32 bytes.
  case sha256

  public var byteCount: Int { self == .sha1 ? 20 : 32 }

  /// Found once: given `EVP_sha256()`, OpenSSL looks for its implementation every time.
  // Never freed and never changed: OpenSSL lets any thread use an algorithm.
  private nonisolated(unsafe) static let fetchedSHA256 = EVP_MD_fetch(nil, "SHA256", nil)

  fileprivate var implementation: OpaquePointer? {
    switch self {
    case .sha1: EVP_sha1()
    case .sha256: Self.fetchedSHA256 ?? EVP_sha256()
    }
  }
}

/// The digest of bytes that come in pieces (FIPS 180-4).
public struct DigestHasher: ~Copyable {
  private let context: OpaquePointer
  private let algorithm: DigestAlgorithm

  public init(_ algorithm: DigestAlgorithm) {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, algorithm.implementation, nil) == 1 else {
      // No input leads here: OpenSSL fails only without memory or without its own provider, and then nothing can go on.
      fatalError("OpenSSL cannot begin a digest: out of memory, or its default provider is missing")
    }
    self.context = context
    self.algorithm = algorithm
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

  /// As many bytes as the algorithm's digests have.
  public consuming func finalize() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: algorithm.byteCount) { output, count in
      EVP_DigestFinal_ex(context, output.baseAddress, nil)
      count = algorithm.byteCount
    }
  }
}
