import Testing

@testable import Activities

@Suite struct PackedAudioTests {
  /// A made-up frame of AAC-LC, stereo, 44.1 kHz.
  static func frame(length: Int, rateIndex: UInt8 = 4) -> [UInt8] {
    let header: [UInt8] = [
      0xFF, 0xF1, 1 << 6 | rateIndex << 2, 2 << 6 | UInt8(length >> 11), UInt8(length >> 3 & 0xFF), UInt8(length & 7) << 5 | 0x1F, 0xFC,
    ]
    return header + [UInt8](repeating: 0x21, count: length - 7)
  }

  @Test func `frames of any length are found where they are`() throws {
    var generator = SeededGenerator(seed: 3)
    let lengths = (0..<500).map { _ in Int.random(in: 8...8191, using: &generator) }
    let stream = lengths.flatMap { Self.frame(length: $0) }
    let frames = try ADTSFrame.frames(of: stream[...])
    #expect(frames.map(\.length) == lengths)
    #expect(frames.allSatisfy { $0.sampleRate == 44_100 && $0.objectType == 2 && $0.channels == 2 })
    #expect(frames.last.map { $0.offset + $0.length } == stream.count)
  }

  @Test func `a stream that is cut or broken anywhere is refused at that place and never read beyond its end`() throws {
    let stream = (0..<20).flatMap { Self.frame(length: 50 + $0) }
    let ends = Set(try ADTSFrame.frames(of: stream[...]).map { $0.offset + $0.length })
    for cut in 1..<stream.count where !ends.contains(cut) {
      #expect(throws: PackedAudioError.self) { try ADTSFrame.frames(of: stream.prefix(cut)) }
    }
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<5000 {
      var mutated = stream
      for _ in 0...Int.random(in: 0...3, using: &generator) {
        mutated[Int.random(in: 0..<mutated.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      let frames = (try? ADTSFrame.frames(of: mutated[...])) ?? []
      #expect(frames.allSatisfy { $0.offset + $0.length <= mutated.count })
    }
  }

  @Test func `random bytes are no frames`() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 1...60, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let frames = (try? ADTSFrame.frames(of: bytes[...])) ?? []
      #expect(frames.reduce(0) { $0 + $1.length } == (frames.isEmpty ? 0 : bytes.count))
    }
  }

  @Test func `the timestamp tag is 73 bytes and wraps at 33 bits`() {
    for ticks in [0, 1, 900_000, 0x1_FFFF_FFFF] {
      let tag = TimestampTag.make(ticks: ticks)
      #expect(tag.count == 73)
      #expect(TimestampTag.ticks(in: tag[...]) == UInt64(ticks))
    }
    #expect(TimestampTag.ticks(in: TimestampTag.make(ticks: 0x2_0000_0000 + 5)[...]) == 5)
    #expect(TimestampTag.ticks(in: TimestampTag.make(ticks: 0)[...].dropLast()) == nil)
    #expect(TimestampTag.ticks(in: [UInt8](repeating: 0x49, count: 80)[...]) == nil)
    #expect(Array(TimestampTag.make(ticks: 1).prefix(20)) == [73, 68, 51, 4, 0, 0, 0, 0, 0, 63, 80, 82, 73, 86, 0, 0, 0, 53, 0, 0])
  }

  @Test func `cuts lie at the nearest frame and cover every frame once`() {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<500 {
      let frames = Int.random(in: 1...20_000, using: &generator)
      let seconds = Int.random(in: 1...60, using: &generator)
      let plan = SegmentPlan(frames: frames, sampleRate: 44_100, segmentSeconds: seconds)
      #expect(plan.segments.first?.lowerBound == 0)
      #expect(plan.segments.last?.upperBound == frames)
      #expect(zip(plan.segments, plan.segments.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      for (index, segment) in plan.segments.dropLast().enumerated() {
        let time = Double(segment.upperBound * 1024) / 44_100
        #expect(abs(time - Double((index + 1) * seconds)) <= 512.0 / 44_100 + 1e-9)
      }
    }
    let known = SegmentPlan(frames: 1078, sampleRate: 44_100, segmentSeconds: 10)
    #expect(known.segments.map(\.count) == [431, 430, 217])
    #expect(known.segments.map(known.ticks) == [0, 900_702, 1_799_314])
  }

  @Test func `the number of frames keeps the length within one frame for every source`() {
    var generator = SeededGenerator(seed: 8)
    for rate in [8000, 22_050, 44_100, 48_000, 96_000] {
      for _ in 0..<500 {
        let samples = Int.random(in: rate / 2...rate * 20_000, using: &generator)
        let frames = renditionFrames(sourceSamples: samples, sourceRate: rate, sampleRate: 44_100)
        let exact = Double(samples) * 44_100 / Double(rate)
        #expect(abs(Double(frames * 1024) - exact) <= 1025)
        #expect(frames * 1024 > Int(exact))
      }
    }
  }
}
