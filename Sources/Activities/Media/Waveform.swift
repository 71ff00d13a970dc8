import Foundation
import Workflows

/// Draws a track: peaks at two zooms, as JSON and binary that peaks.js and wavesurfer read.
public struct Waveform: Sendable {
  /// Fine for zooming in, coarse for the overview: about 172 and 5 pixels a second.
  static let zooms = [256, 8192]
  static let sampleRate = 44_100

  let store: any ObjectStore
  let limits: SubprocessLimits

  public init(store: any ObjectStore, limits: SubprocessLimits = SubprocessLimits()) {
    self.store = store
    self.limits = limits
  }

  /// Stores `{folder}/{samples per pixel}.json` and `.dat` for each zoom.
  ///
  /// - Parameters:
  ///   - probe: of the same file; its length makes the progress.
  ///   - scratch: an existing folder of this step alone.
  ///   - progress: 0 to 1.
  /// - Throws: `SubprocessError` and `ObjectStoreError`, which may be retried.
  public func run(
    _ path: String, as type: MediaType, probe: MediaProbe, into folder: ObjectKey, scratch: String,
    progress: @escaping @Sendable (Double) -> Void
  ) async throws -> [WaveformLevel] {
    let arguments =
      ["-v", "error", "-nostdin", "-threads", "1"] + MediaSource(path: path, type: type).input
      + ["-map", "0:a:0", "-vn", "-ac", "1", "-ar", String(Self.sampleRate), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]
    let expected = max(1, probe.durationMilliseconds * Self.sampleRate / 1000)
    let drawing = try WaveformDrawing(zooms: Self.zooms, scratch: scratch)
    var (done, _) = try await Subprocess("/usr/bin/ffmpeg", arguments, in: scratch, limits: limits).reduce(into: drawing) {
      drawing, bytes in
      try drawing.add(bytes)
      progress(min(1, Double(drawing.samples) / Double(expected)))
    }
    try done.finish()
    return try await upload(done, folder)
  }

  private func upload(_ drawing: WaveformDrawing, _ folder: ObjectKey) async throws -> [WaveformLevel] {
    var result: [WaveformLevel] = []
    for (peaks, binary) in zip(drawing.peaks, drawing.binaries) {
      let zoom = peaks.samplesPerPixel
      let binaryKey = try folder.appending("\(zoom).dat")
      let jsonKey = try folder.appending("\(zoom).json")
      let json = binary + ".json"
      try await offPool { try WaveformDrawing.writeJSON(from: binary, to: json, peaks) }
      try await store.put(file: binary, at: binaryKey)
      try await store.put(file: json, at: jsonKey)
      result.append(
        WaveformLevel(
          sampleRate: Self.sampleRate, samplesPerPixel: zoom, length: peaks.length, jsonKey: jsonKey.text, binaryKey: binaryKey.text))
    }
    return result
  }
}

/// All zooms of one track while its samples stream by; pixels go to files, because a fine zoom of a long track has millions.
struct WaveformDrawing: Sendable {
  private(set) var samples = 0
  private(set) var peaks: [WaveformPeaks]
  /// Paths of the binary files, in the order of the zooms.
  let binaries: [String]
  private let files: [FileHandle]
  /// The first byte of a sample that a chunk's end cut in two.
  private var half: UInt8?

  init(zooms: [Int], scratch: String) throws {
    peaks = zooms.map(WaveformPeaks.init)
    binaries = zooms.map { "\(scratch)/waveform-\($0).dat" }
    files = try binaries.map { path in
      guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path) else {
        throw ObjectStoreError.disk("create a waveform file")
      }
      try file.write(contentsOf: [UInt8](repeating: 0, count: WaveformFormat.headerBytes))
      return file
    }
  }

  /// Takes little-endian 16-bit samples, cut anywhere.
  mutating func add(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    if let low = half, let high = rest.popFirst() {
      take(low, high)
      half = nil
    }
    while rest.count >= 2 {
      take(rest[rest.startIndex], rest[rest.startIndex + 1])
      rest = rest.dropFirst(2)
    }
    if let last = rest.first { half = last }
    try flush()
  }

  /// Closes the last pixels and writes the headers, whose length is known only now.
  mutating func finish() throws {
    for index in peaks.indices { peaks[index].finish() }
    try flush()
    for (file, level) in zip(files, peaks) {
      try file.seek(toOffset: 0)
      try file.write(
        contentsOf: WaveformFormat.binaryHeader(
          sampleRate: Waveform.sampleRate, samplesPerPixel: level.samplesPerPixel, length: level.length))
      try file.close()
    }
  }

  /// Turns a finished binary file into JSON, 64 KB at a time.
  static func writeJSON(from binary: String, to json: String, _ peaks: WaveformPeaks) throws {
    let source = try LocalFile(reading: binary)
    guard FileManager.default.createFile(atPath: json, contents: nil), let file = FileHandle(forWritingAtPath: json) else {
      throw ObjectStoreError.disk("create a waveform file")
    }
    defer { try? file.close() }
    let beginning = WaveformFormat.jsonBeginning(
      sampleRate: Waveform.sampleRate, samplesPerPixel: peaks.samplesPerPixel, length: peaks.length)
    try file.write(contentsOf: Data(beginning.utf8))
    var offset = WaveformFormat.headerBytes
    while offset < source.size {
      let pairs = try source.readNow(at: offset, count: 64 * 1024)
      guard !pairs.isEmpty else { break }
      try file.write(contentsOf: Data(WaveformFormat.jsonNumbers(pairs, first: offset == WaveformFormat.headerBytes).utf8))
      offset += pairs.count
    }
    try file.write(contentsOf: Data(WaveformFormat.jsonEnd.utf8))
  }

  private mutating func take(_ low: UInt8, _ high: UInt8) {
    let sample = Int16(bitPattern: UInt16(low) | UInt16(high) << 8)
    samples += 1
    for index in peaks.indices { peaks[index].add(sample) }
  }

  private mutating func flush() throws {
    for index in peaks.indices { try files[index].write(contentsOf: peaks[index].take()) }
  }
}
