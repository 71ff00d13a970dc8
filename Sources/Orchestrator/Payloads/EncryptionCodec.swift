import Cryptography

/// Encrypts values with AES-256-GCM under the active key of a ring. A value is bound to its namespace and workflow id: moved to another run, it does
/// not open.
public struct EncryptionCodec: ByteCodec {
  public let name = "aes-256-gcm"
  private let ring: KeyRing

  public init(_ ring: KeyRing) {
    self.ring = ring
  }

  /// The nonce is 96 random bits: by NIST SP 800-38D section 8.3 a key is good for 2^32 values, then another must be made the active one.
  public func encode(_ bytes: [UInt8], _ context: CodecContext) throws -> EncodedBytes? {
    guard let key = ring.key(ring.active) else { throw CodecError.missingKey(ring.active) }
    let nonce = SecureRandom.bytes(AESGCM.nonceBytes)
    let sealed = AESGCM.seal(bytes, key: key, nonce: nonce, associated: associated(context, ring.active))
    return EncodedBytes(nonce + sealed, keyID: ring.active)
  }

  /// - Throws: ``CodecError`` with the name of the key.
  public func decode(_ encoded: EncodedBytes, _ context: CodecContext) throws -> [UInt8] {
    guard let keyID = encoded.keyID else { throw CodecError.damaged(codec: name) }
    guard let key = ring.key(keyID) else { throw CodecError.missingKey(keyID) }
    let nonce = Array(encoded.bytes.prefix(AESGCM.nonceBytes))
    let sealed = Array(encoded.bytes.dropFirst(AESGCM.nonceBytes))
    guard let bytes = AESGCM.open(sealed, key: key, nonce: nonce, associated: associated(context, keyID)) else {
      throw CodecError.notAuthentic(keyID: keyID)
    }
    return bytes
  }

  /// What the tag vouches for beside the bytes; each part with its length, so that no two contexts read the same.
  private func associated(_ context: CodecContext, _ keyID: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in ["orchestrator/1", context.namespace, context.workflowID ?? "", keyID] + context.preceding {
      withUnsafeBytes(of: UInt32(part.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: part.utf8)
    }
    return bytes
  }
}
