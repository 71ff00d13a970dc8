import Foundation
import Testing
import Workflows

@testable import Activities

@Suite struct LyricsValidationTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    let json: String
    let rule: LyricsViolation.Rule
    let line: Int?
    var testDescription: String { "\(rule.rawValue) \(line ?? 0): \(json.prefix(60))" }

    init(_ rule: LyricsViolation.Rule, _ line: Int?, _ json: String) {
      (self.rule, self.line, self.json) = (rule, line, json)
    }
  }

  static let refusals: [Refusal] = [
    Refusal(.notJSON, nil, ""),
    Refusal(.notJSON, nil, #"{"lines":[{"startTime":0,"endTi"#),
    Refusal(.notJSON, nil, "Here are your lyrics: {}"),
    Refusal(.wrongShape, nil, "[]"),
    Refusal(.wrongShape, nil, #"{"verses":[]}"#),
    Refusal(.wrongShape, nil, #"{"lines":null}"#),
    Refusal(.wrongShape, 2, #"{"lines":[{"startTime":0,"endTime":9,"text":"a"},{"startTime":"0:01","endTime":9,"text":"b"}]}"#),
    Refusal(.wrongShape, 1, #"{"lines":[{"startTime":0.5,"endTime":9,"text":"a"}]}"#),
    Refusal(.wrongShape, 1, #"{"lines":[{"startTime":1e30,"endTime":9,"text":"a"}]}"#),
    Refusal(.wrongShape, 1, #"{"lines":[{"startTime":0,"text":"a"}]}"#),
    Refusal(.timeOutsideTrack, 1, #"{"lines":[{"startTime":-1,"endTime":9,"text":"a"}]}"#),
    Refusal(.timeOutsideTrack, 1, #"{"lines":[{"startTime":0,"endTime":10501,"text":"a"}]}"#),
    Refusal(.timeOutsideTrack, 1, #"{"lines":[{"startTime":10000,"endTime":10100,"text":"a"}]}"#),
    Refusal(.startNotBeforeEnd, 1, #"{"lines":[{"startTime":5,"endTime":5,"text":"a"}]}"#),
    Refusal(.startNotBeforeEnd, 1, #"{"lines":[{"startTime":6,"endTime":5,"text":"a"}]}"#),
    Refusal(.startsBeforePreviousLine, 2, answer((1000, 2000, "a"), (999, 3000, "b"))),
    Refusal(.overlapsPreviousLine, 2, answer((1000, 3000, "a"), (2499, 4000, "b"))),
    Refusal(.overlapsPreviousLine, 2, answer((1000, 1400, "a"), (1000, 4000, "b"))),
    Refusal(.textEmpty, 1, answer((0, 1, ""))),
    Refusal(.textEmpty, 1, answer((0, 1, "  \u{00A0} "))),
    Refusal(.textEmpty, 1, answer((0, 1, "\u{200B}"))),
    Refusal(.controlCharacter, 1, #"{"lines":[{"startTime":0,"endTime":1,"text":"a\u0000b"}]}"#),
    Refusal(.controlCharacter, 1, #"{"lines":[{"startTime":0,"endTime":1,"text":"a\nb"}]}"#),
    Refusal(.controlCharacter, 1, answer((0, 1, "a\u{202E}b"))),
    Refusal(.controlCharacter, 1, answer((0, 1, "a\u{2028}b"))),
    Refusal(.markup, 1, answer((0, 1, "<script>x"))),
    Refusal(.markup, 1, answer((0, 1, "a </i>"))),
    Refusal(.markup, 1, answer((0, 1, "a <!-- b"))),
    Refusal(.markup, 1, answer((0, 1, "a --> b"))),
    Refusal(.markup, 1, answer((0, 1, "[00:12.00] a"))),
    Refusal(.markup, 1, answer((0, 1, "a <00:12.00> b"))),
    Refusal(.textTooLong, 1, answer((0, 1, String(repeating: "a", count: 1_001)))),
    Refusal(
      .tooManyLines, nil,
      "{\"lines\":[\(Array(repeating: #"{"startTime":0,"endTime":1,"text":"a"}"#, count: 2_001).joined(separator: ","))]}"),
    Refusal(.answerTooLarge, nil, String(repeating: " ", count: 1 << 20) + "{}"),
    Refusal(.wordOutsideLine, 1, words((0, 100, [(50, 150)]))),
    Refusal(.wordOutsideLine, 1, words((0, 100, [(0, 60), (50, 90)]))),
    Refusal(.wordOutsideLine, 1, words((50, 100, [(40, 60)]))),
    Refusal(.tooManyWords, 1, words((0, 5_000, (0..<201).map { ($0, $0 + 1) }))),
  ]

  @Test(arguments: refusals) func `an answer that breaks a rule is refused by rule and line`(refusal: Refusal) {
    let validation = LyricsValidation(durationMilliseconds: 10_000)
    #expect(throws: LyricsViolation(refusal.rule, line: refusal.line, "")) {
      try validation.lines(fromJSON: Data(refusal.json.utf8))
    }
  }

  @Test func `every rule has a row in the table`() {
    #expect(Set(Self.refusals.map(\.rule)) == Set(LyricsViolation.Rule.allCases))
  }

  @Test func `a sound answer is taken as it is`() throws {
    let lines = try valid(Self.answer((0, 1_000, "Hello"), (1_000, 2_000, "I <3 you & [them]")))
    #expect(lines.map(\.text) == ["Hello", "I <3 you & [them]"])
    #expect(lines.map(\.startMilliseconds) == [0, 1_000])
    #expect(try valid(#"{"lines":[]}"#).isEmpty)
    #expect(try valid(#"{"lines":[],"unasked":{"x":[1]}}"#).isEmpty)
  }

  @Test func `a small overlap ends the earlier line where the later one starts`() throws {
    let lines = try valid(Self.answer((0, 2_500, "a"), (2_000, 3_000, "b")))
    #expect(lines.map(\.endMilliseconds) == [2_000, 3_000])
  }

  @Test func `an end a little after the track's end is moved to it`() throws {
    #expect(try valid(Self.answer((9_000, 10_500, "a"))).map(\.endMilliseconds) == [10_000])
  }

  @Test func `words are cut with their line, and dropped when one would vanish`() throws {
    let cut = try valid(
      #"{"lines":[{"startTime":0,"endTime":300,"text":"a b","words":[{"startTime":0,"endTime":100,"text":"a"},{"startTime":100,"endTime":300,"text":"b"}]},{"startTime":200,"endTime":900,"text":"c"}]}"#
    )
    #expect(cut[0].words?.map(\.endMilliseconds) == [100, 200])
    let dropped = try valid(
      #"{"lines":[{"startTime":0,"endTime":300,"text":"a b","words":[{"startTime":0,"endTime":100,"text":"a"},{"startTime":250,"endTime":300,"text":"b"}]},{"startTime":200,"endTime":900,"text":"c"}]}"#
    )
    #expect(dropped[0].words == nil && dropped[0].endMilliseconds == 200)
  }

  @Test func `text is normalised to form C and trimmed`() throws {
    let text = try #require(try valid(Self.answer((0, 1, "  cafe\u{0301} "))).first?.text)
    #expect(Array(text.unicodeScalars) == Array("caf\u{00E9}".unicodeScalars))
  }

  @Test func `a violation names line and rule and never shows the text`() throws {
    let error = #expect(throws: LyricsViolation.self) { try valid(Self.answer((0, 1, "<b>secret</b>"))) }
    #expect(error?.description.contains("line 1 breaks the rule markup") == true)
    #expect(error?.description.contains("secret") == false)
  }

  @Test func `random bytes never do worse than a violation`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    let alphabet = Array(#"{}[]":,0123456789.-elinstarTmdx \u"#.utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<60).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return alphabet[Int(state >> 33) % alphabet.count]
      }
      do {
        _ = try LyricsValidation(durationMilliseconds: 10_000).lines(fromJSON: Data(bytes))
      } catch let violation {
        #expect(violation.line == nil, "seed \(seed)")
      }
    }
  }

  private func valid(_ json: String) throws(LyricsViolation) -> [LyricsLine] {
    try LyricsValidation(durationMilliseconds: 10_000).lines(fromJSON: Data(json.utf8))
  }

  private static func answer(_ lines: (Int, Int, String)...) -> String {
    encoded(LyricsAnswer(lines: lines.map { LyricsAnswer.Line(startTime: $0.0, endTime: $0.1, text: $0.2) }))
  }

  private static func words(_ line: (Int, Int, [(Int, Int)])) -> String {
    let words = line.2.map { LyricsAnswer.Word(startTime: $0.0, endTime: $0.1, text: "w") }
    return encoded(LyricsAnswer(lines: [LyricsAnswer.Line(startTime: line.0, endTime: line.1, text: "w", words: words)]))
  }

  private static func encoded(_ answer: LyricsAnswer) -> String {
    (try? JSONEncoder().encode(answer)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
