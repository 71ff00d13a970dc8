import COpenSSL

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D): nobody reads or changes what it sealed without the key.
public enum AESGCM {
  /// Bytes of a key.
  public static let keyBytes = 32
  /// Bytes of a nonce. Never the same one twice under one key.
  public static let nonceBytes = 12
  /// Bytes of the tag behind the ciphertext.
  public static let tagBytes = 16

  /// Encrypts.
  /// - Parameters:
  ///   - nonce: 12 bytes that this key has not seen.
  ///   - associated: what is not encrypted, but without which nothing can be opened.
  /// - Returns: the ciphertext, as long as the plaintext, and the tag of 16 bytes.
  public static func seal(_ plaintext: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]) -> [UInt8] {
    precondition(key.count == keyBytes && nonce.count == nonceBytes, "AES-256-GCM takes keys of 32 bytes and nonces of 12")
    let context = EVP_CIPHER_CTX_new()
    defer { EVP_CIPHER_CTX_free(context) }
    let (length, total) = (Int32(plaintext.count), plaintext.count + tagBytes)
    return [UInt8](unsafeUninitializedCapacity: total) { output, count in
      var written: Int32 = 0
      var isDone = EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
      isDone = isDone && EVP_EncryptUpdate(context, nil, &written, associated, Int32(associated.count)) == 1
      isDone = isDone && EVP_EncryptUpdate(context, output.baseAddress, &written, plaintext, length) == 1
      isDone = isDone && EVP_EncryptFinal_ex(context, output.baseAddress.map { $0 + Int(written) }, &written) == 1
      isDone =
        isDone
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, Int32(tagBytes), output.baseAddress.map { $0 + plaintext.count }) == 1
      // What is not encrypted must not be written.
      precondition(isDone, "OpenSSL cannot encrypt with AES-256-GCM: out of memory, or its default provider is missing")
      count = total
    }
  }

  /// Decrypts what `seal` gave.
  /// - Returns: nil when key, nonce, associated data or the bytes themselves are not those that were sealed.
  public static func open(_ sealed: [UInt8], key: [UInt8], nonce: [UInt8], associated: [UInt8]) -> [UInt8]? {
    guard sealed.count >= tagBytes, sealed.count < Int32.max, key.count == keyBytes, nonce.count == nonceBytes else { return nil }
    let context = EVP_CIPHER_CTX_new()
    defer { EVP_CIPHER_CTX_free(context) }
    let length = sealed.count - tagBytes
    var tag = Array(sealed[length...])
    var isGenuine = false
    let plaintext = [UInt8](unsafeUninitializedCapacity: max(1, length)) { output, count in
      var written: Int32 = 0
      isGenuine = EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce) == 1
      isGenuine = isGenuine && EVP_DecryptUpdate(context, nil, &written, associated, Int32(associated.count)) == 1
      isGenuine = isGenuine && EVP_DecryptUpdate(context, output.baseAddress, &written, sealed, Int32(length)) == 1
      isGenuine = isGenuine && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, Int32(tagBytes), &tag) == 1
      isGenuine = isGenuine && EVP_DecryptFinal_ex(context, output.baseAddress.map { $0 + Int(written) }, &written) == 1
      count = isGenuine ? length : 0
    }
    return isGenuine ? plaintext : nil
  }
}
