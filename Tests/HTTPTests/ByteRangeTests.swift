import Testing

@testable import HTTP

@Suite("A Range header") struct ByteRangeTests {
  @Test(
    "asks for one part",
    arguments: [
      ("bytes=0-0", 10, 0...0), ("bytes=0-9", 10, 0...9), ("bytes=5-", 10, 5...9), ("bytes=9-100", 10, 9...9),
      ("bytes=-3", 10, 7...9), ("bytes=-99", 10, 0...9), ("BYTES=1-2", 10, 1...2), ("bytes= 1-2 ", 10, 1...2),
      ("bytes=1-2,", 10, 1...2), ("bytes=0-99999999999999999999999", 10, 0...9),
    ] as [(String, UInt64, ClosedRange<UInt64>)])
  func part(_ header: String, _ length: UInt64, _ range: ClosedRange<UInt64>) {
    #expect(ByteRange(header: header, length: length) == .part(range))
  }

  @Test(
    "is ignored when it is malformed, of another unit or of several ranges",
    arguments: [
      nil, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1", "items=0-1", "bytes=0-1,3-4", "bytes=+1-2",
      "bytes=1-2-3", "bytes=--1", "bytes=0x1-2", "bytes=1 -2",
    ])
  func whole(_ header: String?) {
    #expect(ByteRange(header: header, length: 10) == .whole)
  }

  @Test(
    "beyond the end is not satisfiable",
    arguments: [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=99999999999999999999-", 10)]
      as [(String, UInt64)])
  func unsatisfiable(_ header: String, _ length: UInt64) {
    let range = ByteRange(header: header, length: length)
    #expect(range == .unsatisfiable)
    #expect(range.contentRange(length: length) == "bytes */\(length)")
  }

  @Test("of a suffix of an empty file asks for the whole")
  func emptySuffix() {
    #expect(ByteRange(header: "bytes=-5", length: 0) == .whole)
  }
}
