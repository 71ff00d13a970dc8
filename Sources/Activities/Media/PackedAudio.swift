/// One ADTS frame: a header and 1,024 samples per channel of AAC (ISO/IEC 14496-3, annex 1.A).
struct ADTSFrame: Equatable, Sendable {
  /// Position of its first byte in the stream.
  var offset: Int
  /// Header and payload, in bytes.
  var length: Int
  /// In hertz.
  var sampleRate: Int
  /// The object type of MPEG-4: 2 is AAC-LC.
  var objectType: Int
  var channels: Int

  static let samples = 1024
  static let headerBytes = 7
  private static let sampleRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]

  /// Reads the header at `offset` of `bytes`.
  ///
  /// - Throws: `PackedAudioError` when there is no whole frame of exactly one raw data block.
  init(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(PackedAudioError) {
    guard offset + Self.headerBytes <= bytes.endIndex else { throw PackedAudioError(offset: offset, problem: "an incomplete frame header") }
    func byte(_ index: Int) -> Int { Int(bytes[offset + index]) }
    // 12 sync bits, any MPEG version, layer 0.
    guard byte(0) == 0xFF, byte(1) & 0xF6 == 0xF0 else { throw PackedAudioError(offset: offset, problem: "no ADTS frame") }
    let rateIndex = byte(2) >> 2 & 0xF
    guard rateIndex < Self.sampleRates.count else { throw PackedAudioError(offset: offset, problem: "a reserved sample rate") }
    guard byte(6) & 3 == 0 else { throw PackedAudioError(offset: offset, problem: "a frame of several raw data blocks") }
    self.offset = offset
    length = (byte(3) & 3) << 11 | byte(4) << 3 | byte(5) >> 5
    sampleRate = Self.sampleRates[rateIndex]
    objectType = byte(2) >> 6 + 1
    channels = (byte(2) & 1) << 2 | byte(3) >> 6
    guard length > Self.headerBytes else { throw PackedAudioError(offset: offset, problem: "a frame shorter than its header") }
    guard offset + length <= bytes.endIndex else { throw PackedAudioError(offset: offset, problem: "a frame that is cut off") }
  }

  /// All frames of a stream that holds nothing else.
  static func frames(of bytes: ArraySlice<UInt8>) throws(PackedAudioError) -> [ADTSFrame] {
    var frames: [ADTSFrame] = []
    var offset = bytes.startIndex
    while offset < bytes.endIndex {
      let frame = try ADTSFrame(bytes, at: offset)
      frames.append(frame)
      offset += frame.length
    }
    return frames
  }
}

/// Bytes that are not the packed audio they should be.
struct PackedAudioError: Error, Equatable, CustomStringConvertible {
  var offset: Int
  var problem: String
  var description: String { "at byte \(offset): \(problem)" }
}

/// The ID3 tag at the beginning of every packed audio segment (RFC 8216 section 3.4): the time of its first sample.
enum TimestampTag {
  static let owner = "com.apple.streaming.transportStreamTimestamp"
  static let bytes = 73
  /// Ticks a second of MPEG-2 program time.
  static let clockRate = 90_000

  /// An ID3v2.4 tag with one PRIV frame: eight octets, big-endian, of which the upper 31 bits are zero, so time wraps after 26.5 hours.
  static func make(ticks: Int) -> [UInt8] {
    let payload = Array(owner.utf8) + [0] + bigEndian(UInt64(truncatingIfNeeded: ticks) & 0x1_FFFF_FFFF)
    let frame = Array("PRIV".utf8) + syncSafe(payload.count) + [0, 0] + payload
    return Array("ID3".utf8) + [4, 0, 0] + syncSafe(frame.count) + frame
  }

  /// The time in a tag at the beginning of `segment`; nil when there is no such tag. Upper bits that should be zero are given too.
  static func ticks(in segment: ArraySlice<UInt8>) -> UInt64? {
    guard segment.count >= bytes else { return nil }
    let expected = make(ticks: 0).dropLast(8)
    guard segment.prefix(bytes - 8).elementsEqual(expected) else { return nil }
    return segment.dropFirst(bytes - 8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Four times seven bits (ID3v2.4 section 6.2).
  private static func syncSafe(_ number: Int) -> [UInt8] { [21, 14, 7, 0].map { UInt8(number >> $0 & 0x7F) } }

  private static func bigEndian(_ number: UInt64) -> [UInt8] { (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
}

/// Where to cut a stream of frames into segments.
struct SegmentPlan: Equatable, Sendable {
  /// The frames of each segment.
  var segments: [Range<Int>]
  /// In hertz.
  var sampleRate: Int

  /// Cuts at the frame nearest to each multiple of `segmentSeconds`, so that rounding never adds up.
  init(frames: Int, sampleRate: Int, segmentSeconds: Int) {
    self.sampleRate = sampleRate
    let framesPerSegment = Double(segmentSeconds * sampleRate) / Double(ADTSFrame.samples)
    segments = []
    var start = 0
    while start < frames {
      let end = min(frames, max(start + 1, Int((Double(segments.count + 1) * framesPerSegment).rounded())))
      segments.append(start..<end)
      start = end
    }
  }

  /// In seconds.
  func duration(of segment: Range<Int>) -> Double { Double(segment.count * ADTSFrame.samples) / Double(sampleRate) }

  /// The time of a segment's first sample in ticks, before wrapping.
  func ticks(of segment: Range<Int>) -> Int {
    Int((Double(segment.lowerBound * ADTSFrame.samples) * Double(TimestampTag.clockRate) / Double(sampleRate)).rounded())
  }
}

/// How many frames a rendition has: the decoded length is to be within one frame of the source's.
///
/// ffmpeg's AAC encoder begins with 1,024 samples of priming and pads the end, and ADTS has no place to say so (an MP4 edit list would): all
/// frames together decode to 1,024 to 2,047 samples too many. Dropping the priming frame would give the right length but cost the attack of
/// the first 23 ms, which then lacks its overlap. So the priming stays (the sound begins one frame late, the same in every rendition) and the
/// end is cut at the last frame that keeps the whole within 1,024 samples; that takes less than 23 ms of the tail.
func renditionFrames(sourceSamples: Int, sourceRate: Int, sampleRate: Int) -> Int {
  let (quotient, remainder) = sourceSamples.quotientAndRemainder(dividingBy: sourceRate)
  let samples = quotient * sampleRate + remainder * sampleRate / sourceRate
  return samples / ADTSFrame.samples + 1
}
