import Foundation
import Testing
import Workflows

@testable import Activities

@Suite struct ProbeReportTests {
  private func claim(_ json: String) throws -> ProbeReport.Claim { try ProbeReport.decode(Array(json.utf8)).claim() }

  private func code(_ json: String) -> MediaError.Code? {
    do {
      _ = try claim(json)
      return nil
    } catch { return (error as? MediaError)?.code }
  }

  private static let audio =
    "{\"codec_type\":\"audio\",\"codec_name\":\"mp3\",\"sample_rate\":\"44100\",\"channels\":2,\"bit_rate\":\"128000\"}"

  @Test func `a usual report is understood`() throws {
    let claim = try claim(
      "{\"streams\":[\(Self.audio)],\"format\":{\"duration\":\"12.500000\",\"tags\":{\"TITLE\":\" Song \",\"language\":\"und\"}}}")
    #expect(claim.codec == "mp3")
    #expect(claim.duration == 12.5)
    #expect(claim.bitRate == 128_000)
    #expect(claim.tags == MediaTags(title: "Song"))
  }

  @Test(arguments: [
    ("", MediaError.Code.unreadable), ("{", .unreadable), ("[]", .unreadable), ("{}", .noAudio), ("{\"streams\":[]}", .noAudio),
    ("{\"streams\":[{}]}", .noAudio), ("{\"streams\":[{\"codec_type\":\"audio\"}]}", .unreadable),
    ("{\"streams\":[{\"codec_type\":\"audio\",\"codec_name\":\"mp3\",\"sample_rate\":\"0\",\"channels\":2}]}", .unreadable),
    ("{\"streams\":[{\"codec_type\":\"audio\",\"codec_name\":\"mp3\",\"sample_rate\":\"44100\",\"channels\":0}]}", .unreadable),
    (
      "{\"streams\":[{\"codec_type\":\"audio\",\"codec_name\":\"mp3\",\"sample_rate\":\"9999999999999999999999\",\"channels\":1}]}",
      .unreadable
    ),
    ("{\"streams\":[{\"codec_type\":\"video\"}]}", .containsVideo), ("{\"streams\":[\(audio),{\"codec_type\":\"video\"}]}", .containsVideo),
    ("{\"streams\":[{\"codec_type\":\"video\",\"disposition\":{\"attached_pic\":1}}]}", .noAudio),
    ("{\"streams\":[\(audio),\(audio)]}", .severalAudioStreams),
  ])
  func `a report of something that is no song is refused`(json: String, expected: MediaError.Code) { #expect(code(json) == expected) }

  @Test(arguments: ["N/A", "-1", "inf", "nan", "1e300", "", "x", "0"])
  func `an absurd duration counts as none`(duration: String) throws {
    #expect(try claim("{\"streams\":[\(Self.audio)],\"format\":{\"duration\":\"\(duration)\"}}").duration == nil)
  }

  @Test func `tags with invalid UTF-8 do not refuse a song`() throws {
    var json = Array("{\"streams\":[\(Self.audio)],\"format\":{\"tags\":{\"title\":\"a?b\"}}}".utf8)
    json[try #require(json.firstIndex(of: UInt8(ascii: "?")))] = 0xFF
    #expect(try ProbeReport.decode(json).claim().tags.title == "a\u{FFFD}b")
  }

  @Test func `no report makes the decoder fail otherwise, and accepted values are within bounds`() {
    let seed: UInt64 = 12
    var generator = SeededGenerator(seed: seed)
    let good = Array("{\"streams\":[\(Self.audio)],\"format\":{\"duration\":\"12.5\",\"tags\":{\"title\":\"x\",\"artist\":\"y\"}}}".utf8)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0...Int.random(in: 0...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      // Anything else than a MediaError does not compile: throws are typed.
      if let claim = try? ProbeReport.decode(bytes).claim() {
        #expect((4_000...768_000).contains(claim.sampleRate) && (1...64).contains(claim.channels) && claim.bitRate >= 0, "seed \(seed)")
        #expect(claim.tags.title?.count ?? 0 <= 500)
      }
    }
  }
}
