import Workflows

/// Listens to speech or singing with PocketSphinx, on this machine and without a network.
///
/// Clear English speech over quiet music is recognised nearly word for word; a loud band is not, and the confidence says so.
/// Supplied lyrics are aligned instead of guessed: every word keeps its place, only the times come from listening.
public struct OfflineRecognizer: Sendable {
  /// Words that a grammar may skip over; the number of skips grows with the square.
  private static let maximumSkippableWords = 150
  /// What is heard for longer is an instrument: a held tone comes out as one word of many seconds.
  private static let maximumWordMilliseconds = 4_000

  public let model: SpeechModel

  public init(model: SpeechModel = .english) {
    self.model = model
  }

  /// Takes about a fifth of the audio's length on one core, on a thread of its own; cancellation is noticed within 24 s of audio.
  ///
  /// Throws `LyricsFailure` of kind `recognizerUnavailable` or `invalidRequest`, or `CancellationError`.
  public func transcribe(_ audio: SpeechAudio, suppliedLyrics: String? = nil) async throws -> Lyrics {
    let supplied = suppliedLyrics.map(SuppliedLyrics.init)
    let wordCount = supplied?.spokenWords.count ?? 0
    guard wordCount <= SuppliedLyrics.maximumWords else {
      throw LyricsFailure(
        .invalidRequest, "the supplied lyrics have \(wordCount) words, at most \(SuppliedLyrics.maximumWords) are aligned")
    }
    return try await DedicatedThread.run(name: "lyrics") { cancellation in
      let decoder = try SpeechDecoder(model: model)
      let heard = try Self.listen(to: audio, with: decoder, cancellation)
      guard let supplied, wordCount > 0 else { return transcribed(heard) }
      return try aligned(supplied, to: audio, heard, with: decoder, cancellation)
    }
  }

  private static func listen(
    to audio: SpeechAudio, with decoder: borrowing SpeechDecoder, _ cancellation: DedicatedThread.Cancellation
  ) throws -> [HeardWord] {
    var words: [HeardWord] = []
    for range in AudioSegments.ranges(of: audio.samples) {
      try cancellation.check()
      let offset = range.lowerBound * 1_000 / SpeechAudio.sampleRate
      words += try decoder.recognize(audio.samples[range]).map { $0.shifted(by: offset) }
    }
    return words.filter { word in
      word.endMilliseconds - word.startMilliseconds <= maximumWordMilliseconds
        && audio.isAudible(fromMilliseconds: word.startMilliseconds, toMilliseconds: word.endMilliseconds)
    }
  }

  private func transcribed(_ heard: [HeardWord]) -> Lyrics {
    let confidence = heard.isEmpty ? 0 : heard.reduce(0) { $0 + $1.probability } / Double(heard.count)
    return Lyrics(
      language: "en", lines: LineGrouping.lines(from: heard), source: .transcribed, model: model.name, confidence: confidence)
  }

  private func aligned(
    _ supplied: SuppliedLyrics, to audio: SpeechAudio, _ heard: [HeardWord], with decoder: borrowing SpeechDecoder,
    _ cancellation: DedicatedThread.Cancellation
  ) throws -> Lyrics {
    let spoken = supplied.spokenWords
    let matches = WordMatching.matches(expected: spoken, heard: heard.map(\.text))
    let plan = AlignmentPlan(
      lineEnds: supplied.lineEnds, matches: matches, heard: heard, durationMilliseconds: audio.durationMilliseconds)
    // Where no grammar fits, what free recognition heard is still better than nothing.
    var times = matches.map { $0.map { heard[$0].range } }
    for window in plan.windows {
      try cancellation.check()
      let aligned = try Self.align(spoken[window.words], in: window, of: audio, with: decoder)
      if let aligned { times.replaceSubrange(window.words, with: aligned) }
    }
    let lines = AlignedLines(lyrics: supplied, times: times, durationMilliseconds: audio.durationMilliseconds).lines()
    let confidence = Double(matches.count { $0 != nil }) / Double(spoken.count)
    return Lyrics(language: "en", lines: lines, source: .aligned, model: model.name, confidence: confidence)
  }

  private static func align(
    _ words: ArraySlice<String>, in window: AlignmentPlan.Window, of audio: SpeechAudio, with decoder: borrowing SpeechDecoder
  ) throws(LyricsFailure) -> [Range<Int>?]? {
    let first = SpeechAudio.sample(atMilliseconds: window.startMilliseconds)
    let last = min(SpeechAudio.sample(atMilliseconds: window.endMilliseconds), audio.samples.count)
    guard first < last else { return nil }
    var found = try decoder.align(words, to: audio.samples[first..<last], skipping: false)
    if found == nil, words.count <= maximumSkippableWords {
      found = try decoder.align(words, to: audio.samples[first..<last], skipping: true)
    }
    guard let found = found?.map({ $0.shifted(by: window.startMilliseconds) }) else { return nil }
    return WordMatching.matches(expected: Array(words), heard: found.map(\.text)).map { $0.map { found[$0].range } }
  }
}

extension HeardWord {
  fileprivate func shifted(by milliseconds: Int) -> HeardWord {
    HeardWord(
      text: text, startMilliseconds: startMilliseconds + milliseconds, endMilliseconds: endMilliseconds + milliseconds,
      probability: probability)
  }

  fileprivate var range: Range<Int> { startMilliseconds..<endMilliseconds }
}
