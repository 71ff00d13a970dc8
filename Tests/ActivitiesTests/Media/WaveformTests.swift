import Foundation
import Testing
import Workflows

@testable import Activities

@Suite struct WaveformTests {
  let scratch: Scratch
  let fixtures: AudioFixtures
  let store: LocalObjectStore

  init() throws {
    scratch = try Scratch()
    fixtures = AudioFixtures(scratch: scratch)
    store = try LocalObjectStore(folder: scratch.file("store"))
  }

  private struct Document: Decodable {
    var version: Int
    var channels: Int
    var sampleRate: Int
    var samplesPerPixel: Int
    var bits: Int
    var length: Int
    var data: [Int]
  }

  private func draw(_ path: String, _ type: MediaType) async throws -> [(WaveformLevel, Document, [UInt8])] {
    let probe = try await Probe().run(path, as: type, in: scratch.path) { _ in }
    let levels = try await Waveform(store: store).run(
      path, as: type, probe: probe, into: ObjectKey("waveform/x"), scratch: scratch.path
    ) { _ in }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    var result: [(WaveformLevel, Document, [UInt8])] = []
    for level in levels {
      let json = try await content(level.jsonKey)
      result.append((level, try decoder.decode(Document.self, from: Data(json)), try await content(level.binaryKey)))
    }
    return result
  }

  private func content(_ key: String) async throws -> [UInt8] {
    let reader = try await store.open(ObjectKey(key))
    return try await reader.read(at: 0, count: reader.size)
  }

  @Test func `both zooms hold a pair for every pixel, the same in JSON and binary`() async throws {
    let drawn = try await draw(try await fixtures.tone(as: .wav, seconds: 5), .wav)
    #expect(drawn.map(\.0.samplesPerPixel) == [256, 8192])
    for (level, document, binary) in drawn {
      let expected = (5 * 44_100 + level.samplesPerPixel - 1) / level.samplesPerPixel
      #expect(document.length == expected)
      #expect(level.length == expected)
      #expect((document.version, document.channels, document.sampleRate, document.bits) == (2, 1, 44_100, 8))
      #expect(document.data.count == expected * 2)
      #expect(
        Array(binary.prefix(24))
          == WaveformFormat.binaryHeader(sampleRate: 44_100, samplesPerPixel: level.samplesPerPixel, length: expected))
      #expect(binary.dropFirst(24).map { Int(Int8(bitPattern: $0)) } == document.data)
    }
  }

  @Test func `a tone of amplitude 0.3 has peaks of 0.3, and silence has none`() async throws {
    let tone = try await draw(try await fixtures.tone(as: .flac, seconds: 2), .flac)[1].1
    // The first pixel holds the click; 0.3 of 128 is 38.4.
    for value in tone.data.dropFirst(2).dropLast(2) { #expect((37...39).contains(abs(value))) }
    #expect(tone.data[1] >= 110)
    let path = try await fixtures.ffmpeg(["-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo", "-t", "1"], to: "silence.wav")
    #expect(try await draw(path, .wav)[0].1.data.allSatisfy { $0 == 0 })
  }

  @Test func `samples cut anywhere give the same peaks`() throws {
    var generator = SeededGenerator(seed: 11)
    let bytes = (0..<20_001).map { _ in UInt8.random(in: 0...255, using: &generator) }
    var whole = try WaveformDrawing(zooms: [100], scratch: scratch.path)
    try bytes.withUnsafeBytes { try whole.add($0) }
    try whole.finish()
    let expected = try scratch.read("waveform-100.dat")
    var cut = try WaveformDrawing(zooms: [100], scratch: scratch.path)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...777, using: &generator))
      try bytes[start..<end].withUnsafeBytes { try cut.add($0) }
      start = end
    }
    try cut.finish()
    #expect(try scratch.read("waveform-100.dat") == expected)
    #expect(cut.samples == 10_000)
    #expect(cut.peaks[0].length == 100)
  }

  @Test func `the extremes of 16 bits fit into 8`() {
    var peaks = WaveformPeaks(samplesPerPixel: 2)
    for sample in [Int16.min, .max, 0, -1, 255, 256] { peaks.add(sample) }
    peaks.add(-300)
    peaks.finish()
    #expect(peaks.take().map { Int8(bitPattern: $0) } == [-128, 127, 0, 0, 0, 1, -1, -1])
    #expect(peaks.length == 4)
  }
}
