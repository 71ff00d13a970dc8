import Testing

@testable import Activities

@Suite struct HLSCheckerTests {
  /// A correct presentation of made-up frames: two variants of 23 s.
  static func presentation() -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    var variants: [HLSPlaylist.Variant] = []
    for (name, frameBytes) in [("high", 372), ("low", 186)] {
      let plan = SegmentPlan(frames: 1000, sampleRate: 44_100, segmentSeconds: 10)
      var segments: [HLSSegment] = []
      for (index, range) in plan.segments.enumerated() {
        let frames = range.flatMap { PackedAudioTests.frame(length: frameBytes + $0 % 5) }
        let bytes = TimestampTag.make(ticks: plan.ticks(of: range)) + frames
        let file = "\(name)_00\(index).aac"
        files[file] = bytes
        segments.append(HLSSegment(name: file, duration: plan.duration(of: range), bytes: bytes.count))
      }
      files["\(name).m3u8"] = Array(HLSPlaylist.media(segments).utf8)
      variants.append(
        HLSPlaylist.Variant(
          playlist: "\(name).m3u8", bandwidth: HLSPlaylist.peakBandwidth(segments), averageBandwidth: HLSPlaylist.averageBandwidth(segments)
        ))
    }
    files["master.m3u8"] = Array(HLSPlaylist.master(variants).utf8)
    return files
  }

  private static func check(_ files: [String: [UInt8]]) -> [HLSViolation] { HLSChecker.check(master: "master.m3u8") { files[$0] } }

  @Test func `a correct presentation has no violation`() { #expect(Self.check(Self.presentation()) == []) }

  @Test func `Windows line ends, comments and unknown tags are allowed`() {
    var files = Self.presentation()
    for (name, bytes) in files where name.hasSuffix("m3u8") {
      let text = String(decoding: bytes, as: UTF8.self)
      files[name] = Array((text.split(separator: "\n").joined(separator: "\r\n# a comment\r\n") + "\r\n").utf8)
    }
    #expect(Self.check(files) == [])
  }

  /// File, text to find, its replacement, and the section that must be named.
  @Test(arguments: [
    ("master.m3u8", "#EXTM3U", "#EXTM3U8", "4.3.1.1"), ("master.m3u8", "#EXTM3U", "\u{FEFF}#EXTM3U", "4.1"),
    ("master.m3u8", "BANDWIDTH=", "BANDWIDTH=9", "4.3.4.2"), ("master.m3u8", "CODECS=\"mp4a.40.2\"", "CODECS=\"mp4a.40.5\"", "4.3.4.2"),
    ("master.m3u8", "CODECS=\"mp4a.40.2\"", "CODECS=\"mp4a.40.2", "4.2"), ("master.m3u8", "AVERAGE-BANDWIDTH=", "BANDWIDTH=", "4.2"),
    ("master.m3u8", "AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=1", "4.3.4.2"),
    ("master.m3u8", "STREAM-INF:BANDWIDTH", "STREAM-INF:WIDTH", "4.3.4.2"),
    ("master.m3u8", "high.m3u8\n", "", "4.3.4.2"), ("master.m3u8", "high.m3u8", "gone.m3u8", "6.2.1"),
    ("master.m3u8", "#EXT-X-INDEPENDENT", "#EXTINF:1,\n#EXT-X-INDEPENDENT", "4.1"),
    ("high.m3u8", "TARGETDURATION:10", "TARGETDURATION:9", "4.3.3.1"), ("high.m3u8", "TARGETDURATION:10", "TARGETDURATION:ten", "4.3.3.1"),
    ("high.m3u8", "TARGETDURATION:10", "TARGETDURATION:11", "6.2.4"), ("high.m3u8", "VERSION:3", "VERSION:2", "7"),
    ("high.m3u8", "#EXT-X-ENDLIST\n", "", "4.3.3.4"), ("high.m3u8", "TYPE:VOD", "TYPE:LIVE", "4.3.3.5"),
    ("high.m3u8", "#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MEDIA-SEQUENCE:0\n", "4.3.1"),
    ("high.m3u8", "high_001.aac\n", "high_001.aac\n#EXT-X-MEDIA-SEQUENCE:0\n", "4.3.3.2"),
    ("high.m3u8", "#EXTINF:10", "#EXTINF:-10", "4.3.2.1"),
    ("high.m3u8", "#EXTINF:10.0078", "#EXTINF:10.2078", "4.3.2.1"), ("high.m3u8", "high_001.aac\n", "", "4.3.2.1"),
    ("high.m3u8", "high_001.aac", "high_002.aac", "3.4"), ("high.m3u8", "high_001.aac", "high_009.aac", "6.2.1"),
    ("high.m3u8", "high_001.aac", "high_00\u{7}1.aac", "4.1"),
    ("high.m3u8", "#EXT-X-ENDLIST", "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-ENDLIST", "4.1"),
  ])
  func `each broken rule is found and its section named`(file: String, find: String, replacement: String, section: String) throws {
    var files = Self.presentation()
    let text = String(decoding: try #require(files[file]), as: UTF8.self)
    let range = try #require(text.firstRange(of: find))
    files[file] = Array(text.replacingCharacters(in: range, with: replacement).utf8)
    let violations = Self.check(files)
    #expect(violations.contains { $0.section == section }, "\(violations)")
  }

  @Test func `broken segments are found`() throws {
    let good = Self.presentation()
    let segment = try #require(good["low_001.aac"])
    let broken: [(String, [UInt8])] = [
      ("without a timestamp", Array(segment.dropFirst(73))), ("cut", Array(segment.dropLast(10))), ("empty", []),
      ("nothing but a timestamp", Array(segment.prefix(73))), ("MPEG-TS", [0x47] + segment.dropFirst()),
      ("a wrong time", TimestampTag.make(ticks: 900_000) + segment.dropFirst(73)),
      ("upper bits of the time set", Array(segment.prefix(65)) + [1] + segment.dropFirst(66)),
      ("another sample rate", Array(segment.prefix(73)) + (0..<430).flatMap { _ in PackedAudioTests.frame(length: 186, rateIndex: 3) }),
    ]
    for (what, bytes) in broken {
      var files = good
      files["low_001.aac"] = bytes
      #expect(Self.check(files).contains { $0.file == "low.m3u8" }, "\(what)")
    }
  }

  @Test func `time may wrap in the middle of a track`() throws {
    var files = Self.presentation()
    let plan = SegmentPlan(frames: 1000, sampleRate: 44_100, segmentSeconds: 10)
    for name in ["high", "low"] {
      for (index, range) in plan.segments.enumerated() {
        let file = "\(name)_00\(index).aac"
        files[file] = TimestampTag.make(ticks: 0x1_FFFF_0000 + plan.ticks(of: range)) + (try #require(files[file])).dropFirst(73)
      }
    }
    #expect(Self.check(files) == [])
  }

  @Test func `nothing that a playlist can say makes the checker fail`() throws {
    let seed: UInt64 = 9
    var generator = SeededGenerator(seed: seed)
    var found = 0
    // Without segments, so that thousands of rounds stay quick.
    let playlists = Self.presentation().filter { $0.key.hasSuffix("m3u8") }
    for _ in 0..<1500 {
      var files = playlists
      let name = ["master.m3u8", "high.m3u8", "low.m3u8"].randomElement(using: &generator) ?? "master.m3u8"
      var bytes = try #require(files[name])
      for _ in 0...Int.random(in: 0...8, using: &generator) {
        let at = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0...3, using: &generator) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
        case 1 where bytes.count > 1: bytes.remove(at: at)
        case 2:
          bytes.insert(
            contentsOf: [[0x22], [0x2C], [0x3D], [0x0A], [0x3A], [0xFF], Array("99999999999999999999".utf8)].randomElement(
              using: &generator) ?? [], at: at)
        default: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...100, using: &generator)))
        }
      }
      files[name] = bytes
      found += Self.check(files).isEmpty ? 0 : 1
    }
    #expect(found == 1500, "seed \(seed)")
  }

  @Test(
    arguments: [
      ("A=1,B=\"x,y\",C-D=z", ["A": "1", "B": "\"x,y\"", "C-D": "z"]), ("", [:]), ("A=", nil), ("=1", nil), ("a=1", nil), ("A=1,", nil),
      ("A=1,A=2", nil), ("A=\"x", nil), ("A=1 ,B=2", nil), ("A=\"x\"y", nil),
    ] as [(String, [String: String]?)])
  func `attribute lists are read as section 4.2 writes them`(text: String, values: [String: String]?) {
    #expect(HLSAttributes(text)?.values == values)
  }
}
