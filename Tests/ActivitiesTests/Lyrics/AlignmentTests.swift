import Testing
import Workflows

@testable import Activities

@Suite struct AlignmentTests {
  @Test func `headings and blank lines are not sung, and words are heard without their punctuation`() {
    let lyrics = SuppliedLyrics("[Chorus]\n\nDon\u{2019}t stop, caf\u{00E9} 24/7 -- 'cause rock-'n'-roll!\r\n   \n(Oh)")
    #expect(lyrics.lines.map(\.text) == ["Don\u{2019}t stop, caf\u{00E9} 24/7 -- 'cause rock-'n'-roll!", "(Oh)"])
    #expect(
      lyrics.spokenWords == ["don't", "stop", "cafe", "two", "four", "seven", "'cause", "rock", "'n", "roll", "oh"])
    #expect(lyrics.lineEnds == [10, 11])
  }

  @Test func `matches are the longest common subsequence, in order`() {
    let matches = WordMatching.matches(expected: ["a", "b", "c", "a", "d"], heard: ["b", "x", "a", "d", "a"])
    #expect(matches == [nil, 0, nil, 2, 3])
    #expect(WordMatching.matches(expected: [], heard: ["a"]).isEmpty)
    #expect(WordMatching.matches(expected: ["a"], heard: []) == [nil])
  }

  @Test func `a window ends only between two words that were heard directly after each other`() {
    let heard = [heard("a", 100, 200), heard("b", 300, 400), heard("noise", 450, 480), heard("d", 500, 600)]
    let plan = AlignmentPlan(lineEnds: [1, 2, 3, 4], matches: [0, 1, nil, 3], heard: heard, durationMilliseconds: 1_000)
    #expect(
      plan.windows == [
        .init(words: 0..<1, startMilliseconds: 0, endMilliseconds: 250),
        .init(words: 1..<4, startMilliseconds: 250, endMilliseconds: 1_000),
      ])
  }

  @Test func `words that were not heard share the time between their neighbours`() {
    #expect(
      Interpolation.filled([nil, 500..<600, nil, nil, 800..<900, nil], end: 10_000) == [
        100..<500, 500..<600, 600..<700, 700..<800, 800..<900, 900..<1_300,
      ])
    #expect(Interpolation.filled([0..<5, nil, 5..<9], end: 9) == [0..<5, nil, 5..<9])
    #expect(Interpolation.filled([], end: 9).isEmpty)
  }

  @Test func `recognised words become lines at pauses and before they grow too long`() {
    let words = (0..<15).map { heard("w\($0)", $0 * 100, $0 * 100 + 90) } + [heard("late", 5_000, 5_100)]
    let lines = LineGrouping.lines(from: words)
    #expect(lines.map { $0.words?.count } == [12, 3, 1])
    #expect(
      lines.last
        == LyricsLine(
          startMilliseconds: 5_000, endMilliseconds: 5_100, text: "late",
          words: [LyricsWord(startMilliseconds: 5_000, endMilliseconds: 5_100, text: "late")]))
  }

  @Test func `long audio is cut at its quietest place into pieces that cover it`() {
    var samples = [Int16](repeating: 5_000, count: 60 * SpeechAudio.sampleRate)
    let quiet = 15 * SpeechAudio.sampleRate
    for index in quiet..<(quiet + SpeechAudio.sampleRate / 2) { samples[index] = 0 }
    let ranges = AudioSegments.ranges(of: samples)
    #expect(ranges.first.map { (quiet..<(quiet + SpeechAudio.sampleRate / 2)).contains($0.upperBound) } == true)
    #expect(ranges.allSatisfy { $0.count <= AudioSegments.maximumSeconds * SpeechAudio.sampleRate })
    #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound } && ranges.last?.upperBound == samples.count)
    #expect(AudioSegments.ranges(of: []).isEmpty)
  }

  @Test(arguments: [
    ("zanvrilla", "Z AE N V R IH L AE"), ("soooo", "S OW"), ("knight", "N AY T"), ("lane", "L AE N"), ("'", nil), ("hmm", "HH M"),
  ])
  func `unknown words get sounds by their letters`(word: String, sounds: String?) {
    #expect(LetterToSound.pronunciation(of: word) == sounds)
  }

  private func heard(_ text: String, _ start: Int, _ end: Int) -> HeardWord {
    HeardWord(text: text, startMilliseconds: start, endMilliseconds: end, probability: 1)
  }
}
