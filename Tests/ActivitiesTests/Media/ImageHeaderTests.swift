import Testing

@testable import Activities

@Suite struct ImageHeaderTests {
  @Test func `Dimensions are read from every kind of header`() throws {
    let riff = Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBP".utf8)
    let lossless = riff + Array("VP8L".utf8) + [0, 0, 0, 0, 0x2F, 0x7F, 0xC2, 0x77, 0x00]
    #expect(try ImageHeader(lossless).width == 640 && ImageHeader(lossless).height == 480)
    let extended = riff + Array("VP8X".utf8) + [10, 0, 0, 0, 0x10, 0, 0, 0, 0x7F, 0x02, 0, 0xDF, 0x01, 0]
    #expect(try ImageHeader(extended).width == 640 && ImageHeader(extended).height == 480)
    let segments: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC2, 0, 17, 8, 0x01, 0xE0, 0x02, 0x80]
    #expect(try ImageHeader(segments).width == 640 && ImageHeader(segments).height == 480)
  }

  @Test func `A header that is cut anywhere, or holds anything, is refused and never read beyond its end`() {
    let whole: [[UInt8]] = [
      [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC2, 0, 17, 8, 0x01, 0xE0, 0x02, 0x80],
      Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBPVP8 ".utf8) + [0, 0, 0, 0, 0, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01],
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8) + [0, 0, 2, 0x80, 0, 0, 1, 0xE0],
    ]
    for bytes in whole {
      for length in 0..<bytes.count { #expect(throws: PosterError.self) { try ImageHeader(Array(bytes.prefix(length))) } }
      #expect((try? ImageHeader(bytes))?.width == 640)
    }
    var state: UInt64 = 7
    for _ in 0..<2000 {
      var bytes = whole[Int(state % 3)]
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 40)
      }
      if let header = try? ImageHeader(bytes) { #expect(header.width > 0 && header.height > 0) }
    }
  }
}
