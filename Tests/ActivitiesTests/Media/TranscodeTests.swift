import Foundation
import Synchronization
import Testing
import Workflows

@testable import Activities

@Suite struct TranscodeTests {
  let scratch: Scratch
  let fixtures: AudioFixtures
  let store: LocalObjectStore
  let folder = try! ObjectKey("transcoded-track/0199-track")  // a valid key

  init() throws {
    scratch = try Scratch()
    fixtures = AudioFixtures(scratch: scratch)
    store = try LocalObjectStore(folder: scratch.file("store"))
  }

  private func transcode(_ path: String, _ type: MediaType) async throws -> (MediaProbe, StreamingOutput) {
    let probe = try await Probe().run(path, as: type, in: scratch.path) { _ in }
    let work = scratch.file("work")
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    let output = try await Transcode(store: store).run(path, as: type, probe: probe, into: folder, scratch: work) { _ in }
    return (probe, output)
  }

  private func stored(_ name: String) -> String { scratch.file("store/objects/\(folder)/\(name)") }

  private func check() -> [HLSViolation] {
    HLSChecker.check(master: "master.m3u8") { name in (try? Data(contentsOf: URL(filePath: stored(name)))).map { [UInt8]($0) } }
  }

  @Test(arguments: [
    (MediaType.mpeg, 25.0, 44_100), (.wav, 10.0, 48_000), (.flac, 0.6, 44_100), (.mp4, 31.3, 22_050), (.aac, 20.0, 44_100),
    (.wav, 9.99, 44_100),
  ])
  func `the output obeys RFC 8216 and decodes to the source's length within one frame`(type: MediaType, seconds: Double, rate: Int)
    async throws
  {
    let (probe, output) = try await transcode(try await fixtures.tone(as: type, seconds: seconds, rate: rate), type)
    #expect(check() == [])
    #expect(output.masterKey == "transcoded-track/0199-track/master.m3u8")
    #expect(output.renditions.map(\.name) == ["high", "low"])
    let exact = Double(probe.decodedSamples) * 44_100 / Double(probe.sampleRate)
    for name in ["high.m3u8", "low.m3u8"] {
      let decoded = try await fixtures.decodedSamples(stored(name), rate: 44_100)
      #expect(abs(Double(decoded) - exact) <= 1024, "\(name): \(decoded) samples for \(exact)")
    }
    for rendition in output.renditions {
      #expect(abs(rendition.averageBandwidth - rendition.nominalBitRate) < rendition.nominalBitRate / 2)
      #expect(abs(rendition.durationMilliseconds - probe.durationMilliseconds) <= 24)
      #expect(rendition.segments == (probe.durationMilliseconds + 9_999) / 10_000)
    }
  }

  @Test func `an independent parser reads the playlists as we meant them`() async throws {
    let (_, output) = try await transcode(try await fixtures.tone(as: .mpeg, seconds: 25), .mpeg)
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "read_playlists.py").path
    // Debian's own interpreter: python3-m3u8 is installed for that one.
    let (bytes, _) = try await Subprocess("/usr/bin/python3", [script, stored("master.m3u8")], in: scratch.path).output()
    struct Reading: Decodable, Equatable {
      var bandwidths: [Int]
      var averages: [Int]
      var codecs: [String]
      var targets: [Int]
      var durations: [Double]
      var segments: [[String]]
      var complete: Bool
    }
    let reading = try JSONDecoder().decode(Reading.self, from: Data(bytes))
    #expect(reading.bandwidths == output.renditions.map(\.bandwidth))
    #expect(reading.averages == output.renditions.map(\.averageBandwidth))
    #expect(reading.codecs == ["mp4a.40.2", "mp4a.40.2"])
    #expect(reading.targets == [10, 10])
    #expect(reading.complete)
    #expect(reading.segments == ["high", "low"].map { name in (0..<3).map { "\(name)_00\($0).aac" } })
    for (duration, rendition) in zip(reading.durations, output.renditions) {
      #expect(abs(duration * 1000 - Double(rendition.durationMilliseconds)) <= 1)
    }
  }

  @Test func `the attack of the first millisecond survives, one frame late in both qualities`() async throws {
    _ = try await transcode(try await fixtures.tone(as: .wav, seconds: 3), .wav)
    for name in ["high.m3u8", "low.m3u8"] {
      let arguments = ["-v", "error", "-allowed_extensions", "ALL", "-i", stored(name), "-ac", "1", "-f", "s16le", "-"]
      let (bytes, _) = try await Subprocess("/usr/bin/ffmpeg", arguments, in: scratch.path).output()
      let samples = stride(from: 0, to: bytes.count - 1, by: 2).map { Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8) }
      let click = try #require(samples.firstIndex { $0 > 20_000 })
      #expect((1020...1040).contains(click), "\(name): \(click)")
    }
  }

  @Test func `running again stores the same bytes under the same keys`() async throws {
    let path = try await fixtures.tone(as: .wav, seconds: 12)
    let first = try await transcode(path, .wav).1
    let before = try await contents()
    let second = try await transcode(path, .wav).1
    #expect(first == second)
    let after = try await contents()
    #expect(after == before)
    let names = ["high.m3u8", "high_000.aac", "high_001.aac", "low.m3u8", "low_000.aac", "low_001.aac", "master.m3u8"]
    #expect(before.keys.sorted() == names.map { "\(folder)/\($0)" })
  }

  private func contents() async throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for object in try await store.list(in: folder, after: nil, limit: 1000) {
      result[object.key.text] = try await store.open(object.key).read(at: 0, count: object.size)
    }
    return result
  }

  @Test func `progress rises to 1`() async throws {
    let path = try await fixtures.tone(as: .wav, seconds: 30)
    let probe = try await Probe().run(path, as: .wav, in: scratch.path) { _ in }
    let reports = Mutex<[Double]>([])
    _ = try await Transcode(store: store).run(path, as: .wav, probe: probe, into: folder, scratch: scratch.path) { value in
      reports.withLock { $0.append(value) }
    }
    let values = reports.withLock { $0 }
    #expect(values.count >= 3)
    #expect(values == values.sorted())
    #expect(values.last == 1)
  }

  @Test func `a source that is shorter than its probe is noticed`() async throws {
    let path = try await fixtures.tone(as: .wav, seconds: 3)
    let honest = try await Probe().run(path, as: .wav, in: scratch.path) { _ in }
    var longer = honest
    longer.decodedSamples *= 2
    let probe = longer
    await #expect(throws: TranscodeError.self) {
      _ = try await Transcode(store: store).run(path, as: .wav, probe: probe, into: folder, scratch: scratch.path) { _ in }
    }
    let master = try await store.info(folder.appending("master.m3u8"))
    #expect(master == nil)
  }

  @Test func `ffmpeg's progress is read however it is cut`() {
    let text = Array(
      "frame=1\nout_time_us=1500000\nout_time=00:00:01.5\nprogress=continue\nout_time_us=N/A\nout_time_us=2000000\nprogress=end\n".utf8)
    for size in 1...text.count {
      var report = ProgressReport()
      var seen: [Int] = []
      for start in stride(from: 0, to: text.count, by: size) {
        text[start..<min(text.count, start + size)].withUnsafeBytes { if let value = report.add($0) { seen.append(value) } }
      }
      #expect(seen.last == 2_000_000)
    }
  }
}
