import CZlib

/// The gzip format (RFC 1952).
public enum Gzip {
  /// The bytes compressed, at zlib's default level.
  public static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    // 16 above the largest window asks for a gzip header and trailer instead of zlib's (zlib.h, deflateInit2).
    let status = deflateInit2_(
      &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib has no memory")
    defer { deflateEnd(&stream) }
    var input = bytes
    let length = Int(deflateBound(&stream, uLong(bytes.count)))
    return [UInt8](unsafeUninitializedCapacity: length) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = uInt(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = uInt(length)
        // The output has room for the worst case, so that one call ends it.
        precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib's bound does not hold")
      }
      count = length - Int(stream.avail_out)
    }
  }
}
