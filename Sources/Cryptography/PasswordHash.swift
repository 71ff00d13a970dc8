import CCrypt

/// Passwords hashed by bcrypt, as libxcrypt computes it (`$2b$`).
public enum PasswordHash {
  /// Two to the tenth rounds: about 50 ms of a processor.
  public static let rounds: UInt = 10
  /// bcrypt ignores what comes behind them: longer passwords must be refused, not cut.
  public static let passwordBytes = 72

  /// The hash with its own random salt, for example `$2b$10$...`, 60 characters; nil for a password that is empty, longer than 72 bytes or has
  /// a NUL byte. Keeps the calling thread busy.
  public static func make(_ password: String) -> String? {
    var setting = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    let salt = SecureRandom.bytes(16).map { CChar(bitPattern: $0) }
    guard crypt_gensalt_rn("$2b$", rounds, salt, Int32(salt.count), &setting, Int32(setting.count)) != nil else { return nil }
    return compute(password, setting)
  }

  /// Whether the hash is that of the password; a text that is no hash fits none. Keeps the calling thread busy.
  public static func fits(_ password: String, _ hash: String) -> Bool {
    guard hash.utf8.count == 60, hash.hasPrefix("$2"), let computed = compute(password, Array(hash.utf8CString)) else { return false }
    return constantTimeEqual(Array(computed.utf8), Array(hash.utf8))
  }

  private static func compute(_ password: String, _ setting: [CChar]) -> String? {
    guard 1...passwordBytes ~= password.utf8.count, !password.utf8.contains(0) else { return nil }
    let size = MemoryLayout<crypt_data>.size
    // Zeroed before the first use, as libxcrypt asks, and after the last: the password lies in it.
    let data = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    data.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    defer {
      data.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      data.deallocate()
    }
    guard let text = crypt_rn(password, setting, data, Int32(size)) else { return nil }
    let hash = String(cString: text)
    return hash.hasPrefix("*") ? nil : hash
  }
}
