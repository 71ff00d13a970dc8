import CZlib

/// The zlib format (RFC 1950) around deflate (RFC 1951).
public enum Deflate {
  /// Why bytes cannot be inflated.
  public enum InflateError: Error, Equatable, Sendable, CustomStringConvertible {
    /// They are no stream of this format, or end too early.
    case damaged
    /// What they hold is larger than the reader takes.
    case tooLarge(limit: Int)

    public var description: String {
      switch self {
      case .damaged: "the compressed bytes are damaged"
      case .tooLarge(let limit): "the compressed bytes hold more than \(limit) bytes"
      }
    }
  }

  /// The bytes compressed, at zlib's default level.
  public static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(uLong(bytes.count))
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { output, count in
      // The buffer has room for the worst case, so that only a lack of memory is left.
      precondition(CZlib.compress(output.baseAddress, &length, bytes, uLong(bytes.count)) == Z_OK, "zlib has no memory")
      count = Int(length)
    }
  }

  /// Inflates a stream. Memory grows with what comes out and never beyond the limit, whatever the stream promises.
  /// - Parameter limit: bytes that may come out.
  public static func inflate(_ bytes: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
    var stream = z_stream()
    precondition(inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK, "zlib has no memory")
    defer { inflateEnd(&stream) }
    var input = bytes
    var output: [UInt8] = []
    let inputCount = input.count
    let failure: InflateError? = input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = uInt(inputCount)
      return inflate(&stream, into: &output, limit: limit)
    }
    if let failure { throw failure }
    return output
  }

  private static func inflate(_ stream: inout z_stream, into output: inout [UInt8], limit: Int) -> InflateError? {
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    let size = chunk.count
    while true {
      let status = chunk.withUnsafeMutableBufferPointer { chunk in
        stream.next_out = chunk.baseAddress
        stream.avail_out = uInt(size)
        return CZlib.inflate(&stream, Z_NO_FLUSH)
      }
      guard status == Z_OK || status == Z_STREAM_END else { return .damaged }
      let produced = size - Int(stream.avail_out)
      guard output.count + produced <= limit else { return .tooLarge(limit: limit) }
      output.append(contentsOf: chunk[..<produced])
      // What stands behind the end of the stream belongs to nobody.
      if status == Z_STREAM_END { return stream.avail_in == 0 ? nil : .damaged }
      if produced == 0 && stream.avail_in == 0 { return .damaged }
    }
  }
}
