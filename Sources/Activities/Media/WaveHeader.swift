/// The promises of a RIFF/WAVE header, checked against the file that carries it.
///
/// ffmpeg takes the shorter of header and file without a word, so a truncated WAV would pass any decode.
struct WaveHeader: Equatable {
  /// Offset of the first sample byte.
  var dataOffset: Int
  /// What the header promises; nil when it was written to a pipe (0 or 0xFFFFFFFF) or is RF64.
  var dataBytes: Int?

  /// How far into a file the sample data may begin: pictures and text may come first.
  static let searchLimit = 4 << 20

  /// Walks the chunks at the beginning of a file; nil when no `data` chunk is in `bytes`.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 12, bytes[8..<12].elementsEqual("WAVE".utf8) else { return nil }
    let is64 = bytes[0..<4].elementsEqual("RF64".utf8)
    guard is64 || bytes[0..<4].elementsEqual("RIFF".utf8) else { return nil }
    var offset = 12
    while offset + 8 <= bytes.count {
      let size = (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
      if bytes[offset..<offset + 4].elementsEqual("data".utf8) {
        dataOffset = offset + 8
        dataBytes = size == 0 || size == 0xFFFF_FFFF || is64 ? nil : size
        return
      }
      offset += 8 + size + size % 2
    }
    return nil
  }

  /// - Parameter sample: the first bytes of the sample data.
  /// - Throws: `MediaError`: `truncated`, or `notSound` when the samples are plain text.
  func check(fileBytes: Int, sample: ArraySlice<UInt8>) throws(MediaError) {
    if let dataBytes, dataOffset + dataBytes > fileBytes {
      throw MediaError(
        .truncated,
        "the file ends too early: its header promises \(dataBytes) bytes of sound, but only \(max(0, fileBytes - dataOffset)) are there; "
          + "upload it again")
    }
    // Text as samples is noise at full level in every sample format; real sound always has bytes outside printable ASCII.
    if !sample.isEmpty, sample.allSatisfy({ (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }) {
      throw MediaError(.notSound, "the file has a WAV header, but what follows is text and not sound; export the track again")
    }
  }
}
