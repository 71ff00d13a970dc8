import Foundation
import Workflows

@testable import Activities
@testable import HTTP

/// What an AI answers, and what artists write.
enum LyricsTargets {
  static let all = [
    FuzzTarget(name: "lyrics-answer", check: answer),
    FuzzTarget(name: "lyrics-response", check: response),
    FuzzTarget(name: "supplied-lyrics", check: supplied),
  ]

  private static let duration = 200_000

  @Sendable private static func answer(_ bytes: [UInt8]) throws {
    let validation = LyricsValidation(durationMilliseconds: duration)
    guard let lines = try taken(unless: LyricsViolation.self, { try validation.lines(fromJSON: Data(bytes)) }) else { return }
    try check(lines)
    let again = try validation.lines(from: LyricsAnswer(lines, includingWords: true))
    try must(again == lines, "lines that were taken are taken again as they are")
  }

  private static func check(_ lines: [LyricsLine]) throws {
    var end = 0
    for line in lines {
      try must(line.startMilliseconds >= end && line.startMilliseconds < line.endMilliseconds, "lines follow each other")
      end = line.endMilliseconds
      var latest = line.startMilliseconds
      for word in line.words ?? [] {
        try must(word.startMilliseconds >= latest && word.startMilliseconds < word.endMilliseconds, "words follow each other")
        latest = word.endMilliseconds
      }
      try must(latest <= line.endMilliseconds, "words stay within their line")
    }
    try must(end <= duration, "lines stay within the track")
    let lyrics = Lyrics(lines: lines, source: .transcribed, model: "any")
    let cues = lyrics.webVTT().split(separator: "\n").filter { $0.contains("-->") }.count
    try must(cues == lines.count, "no text makes a cue of its own")
    let stamps = lyrics.lrc().split(separator: "\n").filter { !$0.hasPrefix("[") }.count
    try must(stamps == 0, "every line of LRC begins with its stamp")
  }

  /// The first line is the status and a `Retry-After`, the rest the body.
  @Sendable private static func response(_ bytes: [UInt8]) throws {
    let input = HeadedInput(bytes)
    let words = input.head.split(separator: " ", maxSplits: 1).map(String.init)
    let headers: HTTPHeaders = words.count > 1 ? ["Retry-After": words[1]] : [:]
    let status = HTTPStatus(rawValue: words.first.flatMap(Int.init) ?? 200)
    let request = LyricsRequest(
      trackID: "t", title: "", artist: "", durationMilliseconds: duration, audio: .bytes(Data(), mimeType: "audio/mpeg"))
    let response = GeminiResponse(HTTPClientResponse(status: status, headers: headers, body: input.body))
    do {
      let lyrics = try response.lyrics(for: request, model: "any")
      try check(lyrics.lines)
      try must(lyrics.confidence.map { (0...1).contains($0) } ?? true, "confidence is 0 to 1")
    } catch let failure as LyricsFailure {
      try must(failure.message.count < 1500 && !failure.message.contains("\n"), "a failure is one bounded line")
      try must(failure.retryAfter.map { $0 >= .zero && $0 <= GeminiResponse.maximumRetryAfter } ?? true, "a wait is bounded")
    }
  }

  @Sendable private static func supplied(_ bytes: [UInt8]) throws {
    let lyrics = SuppliedLyrics(String(decoding: bytes, as: UTF8.self))
    let letters = Set("abcdefghijklmnopqrstuvwxyz'")
    try must(lyrics.spokenWords.allSatisfy { !$0.isEmpty && $0.allSatisfy(letters.contains) }, "a grammar can hold every spoken word")
    try must(
      lyrics.lineEnds == lyrics.lineEnds.sorted() && (lyrics.lineEnds.last ?? 0) == lyrics.spokenWords.count, "lines cover all words")
  }
}
