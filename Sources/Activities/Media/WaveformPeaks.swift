/// Reduces a stream of 16-bit samples to pairs of minimum and maximum, in constant memory.
struct WaveformPeaks: Sendable {
  let samplesPerPixel: Int
  /// Complete pairs so far.
  private(set) var length = 0
  /// Pairs not yet taken away, as 8-bit two's complement: minimum, maximum, minimum, ...
  private(set) var pending: [UInt8] = []
  private var minimum = Int16.max
  private var maximum = Int16.min
  private var samplesInPixel = 0

  init(samplesPerPixel: Int) { self.samplesPerPixel = samplesPerPixel }

  mutating func add(_ sample: Int16) {
    minimum = min(minimum, sample)
    maximum = max(maximum, sample)
    samplesInPixel += 1
    if samplesInPixel == samplesPerPixel { closePixel() }
  }

  /// The last pixel covers whatever is left.
  mutating func finish() { if samplesInPixel > 0 { closePixel() } }

  /// Hands the pending pairs over.
  mutating func take() -> [UInt8] {
    defer { pending.removeAll(keepingCapacity: true) }
    return pending
  }

  /// audiowaveform's own scaling: integer division by 256, so that -32768 becomes -128 and 32767 becomes 127.
  private mutating func closePixel() {
    for value in [minimum, maximum] { pending.append(UInt8(bitPattern: Int8(value / 256))) }
    (minimum, maximum, samplesInPixel) = (.max, .min, 0)
    length += 1
  }
}

/// The two file formats of BBC audiowaveform, version 2, one channel, 8 bits.
enum WaveformFormat {
  static let headerBytes = 24

  /// Version, flags (bit 0: 8 bits), sample rate, samples per pixel, length, channels; all 32-bit little-endian.
  static func binaryHeader(sampleRate: Int, samplesPerPixel: Int, length: Int) -> [UInt8] {
    [2, 1, sampleRate, samplesPerPixel, length, 1].flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
  }

  static func jsonBeginning(sampleRate: Int, samplesPerPixel: Int, length: Int) -> String {
    "{\"version\":2,\"channels\":1,\"sample_rate\":\(sampleRate),\"samples_per_pixel\":\(samplesPerPixel),\"bits\":8,\"length\":\(length),\"data\":["
  }

  static let jsonEnd = "]}\n"

  /// A piece of the JSON array; `first` when no piece came before it.
  static func jsonNumbers(_ pairs: some Collection<UInt8>, first: Bool) -> String {
    pairs.isEmpty ? "" : (first ? "" : ",") + pairs.map { String(Int8(bitPattern: $0)) }.joined(separator: ",")
  }
}
