import Foundation
import Testing
import Workflows

@testable import Activities

@Suite(.serialized) struct OfflineRecognizerTests {
  static let lines = [
    "We will walk beside the river until the morning light will find us",
    "I can hear the engine humming underneath the silver sky",
    "Every little thing we carry turns to music by and by",
  ]

  @Test func `speech over a quiet tone is recognised with few wrong words and increasing times`() async throws {
    let audio = try SpokenSong.make(Self.lines).audio
    let lyrics = try await OfflineRecognizer().transcribe(audio)
    let heard = words(lyrics).map { $0.text.lowercased() }
    let spoken = written(Self.lines).map { $0.lowercased() }
    let errorRate = Double(editDistance(spoken, heard)) / Double(spoken.count)
    #expect(errorRate < 0.3, "heard: \(heard)")
    #expect(lyrics.source == .transcribed)
    expectMonotone(lyrics.lines, within: audio.durationMilliseconds)
  }

  @Test func `supplied lyrics keep every word in its order and get the times of the audio`() async throws {
    let audio = try SpokenSong.make(Self.lines).audio
    let supplied = "[Verse 1]\n" + Self.lines.joined(separator: ",\n\n") + "!"
    let lyrics = try await OfflineRecognizer().transcribe(audio, suppliedLyrics: supplied)
    #expect(lyrics.source == .aligned)
    #expect(lyrics.lines.map(\.text) == [Self.lines[0] + ",", Self.lines[1] + ",", Self.lines[2] + "!"])
    #expect(words(lyrics).map(\.text) == written(lyrics.lines.map(\.text)))
    expectMonotone(lyrics.lines, within: audio.durationMilliseconds)
    let first = try #require(lyrics.lines.first)
    #expect(abs(first.startMilliseconds - SpokenSong.introMilliseconds) < 300)
    #expect((lyrics.confidence ?? 0) > 0.6)
  }

  /// The same lines spoken one by one say how long each takes; alignment of the whole must agree.
  @Test func `lines last as long as they take when spoken alone`() async throws {
    let whole = try await OfflineRecognizer().transcribe(
      SpokenSong.make(Self.lines).audio, suppliedLyrics: Self.lines.joined(separator: "\n"))
    for (index, line) in Self.lines.enumerated() {
      let alone = try SpokenSong.make([line]).audio
      let spoken = alone.durationMilliseconds - SpokenSong.introMilliseconds - 1_000
      let aligned = whole.lines[index].endMilliseconds - whole.lines[index].startMilliseconds
      #expect(abs(aligned - spoken) < 500, "line \(index + 1): \(aligned) ms, alone \(spoken) ms")
    }
  }

  @Test func `words in no dictionary get a pronunciation and a time`() async throws {
    let lines = ["We will walk to Zanvrilla until the morning", "Then blorptastic engines carry us away"]
    let audio = try SpokenSong.make(lines).audio
    let lyrics = try await OfflineRecognizer().transcribe(audio, suppliedLyrics: lines.joined(separator: "\n"))
    let words = words(lyrics)
    #expect(words.map(\.text) == written(lines))
    expectMonotone(lyrics.lines, within: audio.durationMilliseconds)
    let name = try #require(words.first { $0.text == "Zanvrilla" })
    #expect(name.endMilliseconds - name.startMilliseconds > 200)
  }

  @Test func `silence gives no lines, and supplied lyrics over silence no confidence`() async throws {
    let silence = try SpeechAudio(samples: [Int16](repeating: 0, count: 3 * SpeechAudio.sampleRate))
    #expect(try await OfflineRecognizer().transcribe(silence).lines.isEmpty)
    #expect(try await OfflineRecognizer().transcribe(silence, suppliedLyrics: "hello").confidence == 0)
    let nothing = try SpeechAudio(samples: [])
    #expect(try await OfflineRecognizer().transcribe(nothing).lines.isEmpty)
  }

  @Test func `a held tone is music and no word`() async throws {
    let tone = (0..<(20 * SpeechAudio.sampleRate)).map { Int16(3_000 * sin(Double($0) * 0.08) + 1_500 * sin(Double($0) * 0.12)) }
    #expect(try await OfflineRecognizer().transcribe(SpeechAudio(samples: tone)).lines.isEmpty)
  }

  @Test func `a missing model is named`() async throws {
    let model = SpeechModel(
      name: "nowhere", acousticModelPath: "/nonexistent", languageModelPath: "/nonexistent", dictionaryPath: "/nonexistent")
    await #expect(throws: LyricsFailure.self) {
      try await OfflineRecognizer(model: model).transcribe(SpeechAudio(samples: []))
    }
  }

  @Test func `a cancelled transcription ends with a cancellation`() async throws {
    let audio = try SpeechAudio(samples: [Int16](repeating: 100, count: 200 * SpeechAudio.sampleRate))
    let task = Task { try await OfflineRecognizer().transcribe(audio) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  private func words(_ lyrics: Lyrics) -> [LyricsWord] { lyrics.lines.flatMap { $0.words ?? [] } }

  private func written(_ lines: [String]) -> [String] { lines.flatMap { $0.split(separator: " ").map(String.init) } }

  private func expectMonotone(_ lines: [LyricsLine], within duration: Int) {
    var latest = 0
    for line in lines {
      #expect(line.startMilliseconds >= latest && line.endMilliseconds > line.startMilliseconds)
      for word in line.words ?? [] {
        #expect(word.startMilliseconds >= latest && word.endMilliseconds > word.startMilliseconds)
        latest = word.endMilliseconds
      }
      #expect(line.endMilliseconds == latest && latest <= duration)
    }
  }

  private func editDistance(_ left: [String], _ right: [String]) -> Int {
    var row = Array(0...right.count)
    for (index, word) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in 1..<row.count {
        let substitution = diagonal + (word == right[column - 1] ? 0 : 1)
        diagonal = row[column]
        row[column] = min(substitution, row[column] + 1, row[column - 1] + 1)
      }
    }
    return row[right.count]
  }
}
