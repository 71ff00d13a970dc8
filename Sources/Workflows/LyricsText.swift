/// Timed lyrics of one track, in integer milliseconds from the start of the audio.
public struct Lyrics: Codable, Sendable, Equatable {
  /// Where the times come from, which tells a reviewer how far to trust them.
  public enum Source: String, Codable, Sendable {
    case transcribed
    case aligned
    case edited
  }

  /// BCP 47 language tag, nil when nobody stated it.
  public var language: String?
  /// In order of time, without overlaps; empty for an instrumental.
  public var lines: [LyricsLine]
  public var source: Source
  /// The model as the provider named it, for the record.
  public var model: String
  /// The provider's own estimate from 0 to 1, nil when it gives none.
  public var confidence: Double?

  public init(language: String? = nil, lines: [LyricsLine], source: Source, model: String, confidence: Double? = nil) {
    self.language = language
    self.lines = lines
    self.source = source
    self.model = model
    self.confidence = confidence
  }
}

/// One line as it is sung: `startMilliseconds < endMilliseconds`, text in NFC without control characters.
public struct LyricsLine: Codable, Sendable, Equatable {
  public var startMilliseconds: Int
  public var endMilliseconds: Int
  public var text: String
  /// Nil when the provider times whole lines only.
  public var words: [LyricsWord]?

  public init(startMilliseconds: Int, endMilliseconds: Int, text: String, words: [LyricsWord]? = nil) {
    self.startMilliseconds = startMilliseconds
    self.endMilliseconds = endMilliseconds
    self.text = text
    self.words = words
  }
}

/// One word inside its line's times.
public struct LyricsWord: Codable, Sendable, Equatable {
  public var startMilliseconds: Int
  public var endMilliseconds: Int
  public var text: String

  public init(startMilliseconds: Int, endMilliseconds: Int, text: String) {
    self.startMilliseconds = startMilliseconds
    self.endMilliseconds = endMilliseconds
    self.text = text
  }
}

/// The answer asked of an AI and given by it: `{lines: [{startTime, endTime, text, words?}]}`, times in milliseconds.
public struct LyricsAnswer: Codable, Sendable, Equatable {
  /// One line, timed in whole milliseconds.
  public struct Line: Codable, Sendable, Equatable {
    public var startTime: Int
    public var endTime: Int
    public var text: String
    public var words: [Word]?

    public init(startTime: Int, endTime: Int, text: String, words: [Word]? = nil) {
      self.startTime = startTime
      self.endTime = endTime
      self.text = text
      self.words = words
    }
  }

  /// One word of a line, timed in whole milliseconds.
  public struct Word: Codable, Sendable, Equatable {
    public var startTime: Int
    public var endTime: Int
    public var text: String

    public init(startTime: Int, endTime: Int, text: String) {
      self.startTime = startTime
      self.endTime = endTime
      self.text = text
    }
  }

  public var lines: [Line]

  public init(lines: [Line]) {
    self.lines = lines
  }

  /// The same lines as an answer, with words where they are known.
  public init(_ lyrics: [LyricsLine], includingWords: Bool) {
    lines = lyrics.map { line in
      let words = line.words?.map { Word(startTime: $0.startMilliseconds, endTime: $0.endMilliseconds, text: $0.text) }
      return Line(
        startTime: line.startMilliseconds, endTime: line.endMilliseconds, text: line.text, words: includingWords ? words : nil)
    }
  }
}

extension LyricsAnswer.Line {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    startTime = try container.decodeWholeNumber(forKey: .startTime)
    endTime = try container.decodeWholeNumber(forKey: .endTime)
    text = try container.decode(String.self, forKey: .text)
    words = try container.decodeIfPresent([LyricsAnswer.Word].self, forKey: .words)
  }
}

extension LyricsAnswer.Word {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    startTime = try container.decodeWholeNumber(forKey: .startTime)
    endTime = try container.decodeWholeNumber(forKey: .endTime)
    text = try container.decode(String.self, forKey: .text)
  }
}

extension KeyedDecodingContainer {
  /// Foundation refuses 0.5 for an integer without saying where it stands, and a refusal has to name the line.
  fileprivate func decodeWholeNumber(forKey key: Key) throws -> Int {
    guard let number = Int(exactly: try decode(Double.self, forKey: key)) else {
      throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "not a whole number of milliseconds")
    }
    return number
  }
}
