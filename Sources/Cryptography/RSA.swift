import COpenSSL

/// The public half of an RSA key, for RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
public final class RSAPublicKey: Sendable {
  /// Shorter ones can be factored, longer ones cost a verifier seconds.
  public static let modulusBits = 2048...8192

  /// Big-endian, without leading zeros.
  public let modulus: [UInt8]
  /// Big-endian, without leading zeros.
  public let exponent: [UInt8]
  // Never changed after init and freed by deinit only: OpenSSL lets any thread verify with a key.
  private nonisolated(unsafe) let key: OpaquePointer

  /// Nil unless the modulus has 2048 to 8192 bits and the exponent is odd, at least 3 and below 2^32.
  public init?(modulus: [UInt8], exponent: [UInt8]) {
    let modulus = Array(modulus.drop { $0 == 0 })
    let exponent = Array(exponent.drop { $0 == 0 })
    let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    let number = exponent.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard Self.modulusBits.contains(bits), exponent.count <= 4, number >= 3, number & 1 == 1 else { return nil }
    guard let key = Self.make(modulus, exponent) else { return nil }
    self.modulus = modulus
    self.exponent = exponent
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  /// Whether the signature is the key's over the message.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1 else { return false }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  /// `EVP_PKEY_PUBLIC_KEY`, which is a macro of macros: public key and parameters.
  private static let publicSelection: Int32 = 0x86

  private static func make(_ modulus: [UInt8], _ exponent: [UInt8]) -> OpaquePointer? {
    guard let builder = OSSL_PARAM_BLD_new() else { return nil }
    defer { OSSL_PARAM_BLD_free(builder) }
    let n = BN_bin2bn(modulus, Int32(modulus.count), nil)
    let e = BN_bin2bn(exponent, Int32(exponent.count), nil)
    defer {
      BN_free(n)
      BN_free(e)
    }
    // Builder and parameters keep the addresses of the names.
    return "n".withCString { nName in
      "e".withCString { eName in
        guard OSSL_PARAM_BLD_push_BN(builder, nName, n) == 1, OSSL_PARAM_BLD_push_BN(builder, eName, e) == 1 else { return nil }
        return make(builder)
      }
    }
  }

  private static func make(_ builder: OpaquePointer) -> OpaquePointer? {
    guard let parameters = OSSL_PARAM_BLD_to_param(builder) else { return nil }
    defer { OSSL_PARAM_free(parameters) }
    guard let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else { return nil }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_fromdata_init(context) == 1, EVP_PKEY_fromdata(context, &key, publicSelection, parameters) == 1 else { return nil }
    return key
  }
}

/// An RSA key that signs.
public final class RSAPrivateKey: Sendable {
  public let publicKey: RSAPublicKey
  // Never changed after init and freed by deinit only: OpenSSL lets any thread sign with a key.
  private nonisolated(unsafe) let key: OpaquePointer

  /// Nil unless the text is an unencrypted RSA private key in PEM (RFC 7468), of a size that ``RSAPublicKey`` takes.
  public init?(pem: String) {
    guard let buffer = BIO_new(BIO_s_mem()) else { return nil }
    defer { BIO_free(buffer) }
    let bytes = Array(pem.utf8)
    guard bytes.count <= 64 << 10, BIO_write(buffer, bytes, Int32(bytes.count)) == Int32(bytes.count) else { return nil }
    // Without a callback OpenSSL asks at the terminal for the passphrase of an encrypted key.
    guard let key = PEM_read_bio_PrivateKey(buffer, nil, { _, _, _, _ in -1 }, nil) else { return nil }
    guard EVP_PKEY_is_a(key, "RSA") == 1, let modulus = Self.number("n", of: key), let exponent = Self.number("e", of: key),
      let publicKey = RSAPublicKey(modulus: modulus, exponent: exponent)
    else {
      EVP_PKEY_free(key)
      return nil
    }
    self.key = key
    self.publicKey = publicKey
  }

  deinit { EVP_PKEY_free(key) }

  /// The signature, as long as the modulus.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var length = 0
    var isDone = EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1
    isDone = isDone && EVP_DigestSign(context, nil, &length, message, message.count) == 1
    let signature = [UInt8](unsafeUninitializedCapacity: max(1, length)) { output, count in
      isDone = isDone && EVP_DigestSign(context, output.baseAddress, &length, message, message.count) == 1
      count = isDone ? length : 0
    }
    precondition(isDone, "OpenSSL cannot sign with RSA: out of memory, or its default provider is missing")
    return signature
  }

  private static func number(_ name: String, of key: OpaquePointer) -> [UInt8]? {
    var number: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, name, &number) == 1 else { return nil }
    defer { BN_free(number) }
    let length = Int((BN_num_bits(number) + 7) / 8)
    return [UInt8](unsafeUninitializedCapacity: max(1, length)) { output, count in
      count = Int(BN_bn2bin(number, output.baseAddress))
    }
  }
}
