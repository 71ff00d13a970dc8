import Compression

/// Compresses values (deflate in the zlib format), where that makes them smaller.
public struct CompressionCodec: ByteCodec {
  public let name = "deflate"
  /// Values of fewer bytes stay as they are; default 256: they hardly shrink.
  public var minimumBytes: Int

  public init(minimumBytes: Int = 256) {
    self.minimumBytes = minimumBytes
  }

  /// Nil where compression would not make the value smaller.
  public func encode(_ bytes: [UInt8], _ context: CodecContext) -> EncodedBytes? {
    guard bytes.count >= minimumBytes else { return nil }
    let compressed = Deflate.compress(bytes)
    // In JSON, four characters hold three bytes.
    return compressed.count * 4 / 3 + PayloadEnvelope.overheadBytes < bytes.count ? EncodedBytes(compressed) : nil
  }

  /// - Throws: ``CodecError``, for more than `Limits.payloadBytes` too.
  public func decode(_ encoded: EncodedBytes, _ context: CodecContext) throws -> [UInt8] {
    do {
      return try Deflate.inflate(encoded.bytes, limit: Limits.payloadBytes)
    } catch {
      switch error {
      case .damaged: throw CodecError.damaged(codec: name)
      case .tooLarge(let limit): throw CodecError.tooLarge(limit: limit)
      }
    }
  }
}
