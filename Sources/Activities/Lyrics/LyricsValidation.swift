import Foundation
import Workflows

/// Checks an AI's answer, which is untrusted input, and turns it into lines that the rest of the system may rely on.
///
/// Two small faults that models make all the time are repaired, because refusing them would cost a new call for nothing:
/// a line that runs into the next one by at most `toleranceMilliseconds` ends where the next one starts, and an end that
/// passes the track's end by at most as much is moved to it. Starts are never moved. Everything else is refused, by name.
public struct LyricsValidation: Sendable {
  public static let maximumAnswerBytes = 1 << 20
  public static let maximumLines = 2_000
  public static let maximumWordsPerLine = 200
  public static let maximumTextBytes = 1_000
  public static let toleranceMilliseconds = 500

  public let durationMilliseconds: Int

  /// - Parameter durationMilliseconds: length of the track; every time of the answer lies within it.
  public init(durationMilliseconds: Int) {
    self.durationMilliseconds = durationMilliseconds
  }

  /// The lines of a JSON answer. Throws `LyricsViolation` with the first rule that is broken.
  public func lines(fromJSON json: Data) throws(LyricsViolation) -> [LyricsLine] {
    guard json.count <= Self.maximumAnswerBytes else {
      throw LyricsViolation(.answerTooLarge, "\(json.count) bytes, at most \(Self.maximumAnswerBytes) are read")
    }
    return try lines(from: Self.decode(json))
  }

  /// The lines of a decoded answer. Throws `LyricsViolation` with the first rule that is broken.
  public func lines(from answer: LyricsAnswer) throws(LyricsViolation) -> [LyricsLine] {
    guard answer.lines.count <= Self.maximumLines else {
      throw LyricsViolation(.tooManyLines, "\(answer.lines.count) lines, at most \(Self.maximumLines) are taken")
    }
    var lines: [LyricsLine] = []
    lines.reserveCapacity(answer.lines.count)
    for (index, candidate) in answer.lines.enumerated() {
      let line = try checked(candidate, number: index + 1)
      if let previous = lines.popLast() {
        lines.append(try trimmed(previous, before: line, number: index + 1))
      }
      lines.append(line)
    }
    return lines
  }

  private static func decode(_ json: Data) throws(LyricsViolation) -> LyricsAnswer {
    do {
      return try JSONDecoder().decode(LyricsAnswer.self, from: json)
    } catch let DecodingError.dataCorrupted(context) where context.codingPath.isEmpty {
      throw LyricsViolation(.notJSON, "the text is not one complete JSON document")
    } catch let error as DecodingError {
      throw LyricsViolation(wrongShape: error)
    } catch {
      throw LyricsViolation(.notJSON, "the text could not be decoded")
    }
  }

  private func checked(_ candidate: LyricsAnswer.Line, number: Int) throws(LyricsViolation) -> LyricsLine {
    let text = try LyricsPlainText.checked(candidate.text, line: number)
    let range = try checkedTimes(candidate.startTime, candidate.endTime, number: number)
    var line = LyricsLine(startMilliseconds: range.lowerBound, endMilliseconds: range.upperBound, text: text)
    if let words = candidate.words, !words.isEmpty {
      line.words = try checked(words, of: line, number: number)
    }
    return line
  }

  private func checkedTimes(_ start: Int, _ end: Int, number: Int) throws(LyricsViolation) -> Range<Int> {
    guard start >= 0, start < durationMilliseconds, end <= durationMilliseconds + Self.toleranceMilliseconds else {
      throw LyricsViolation(
        .timeOutsideTrack, line: number, "\(start) to \(end) ms does not lie within the track's \(durationMilliseconds) ms")
    }
    let end = min(end, durationMilliseconds)
    guard start < end else {
      throw LyricsViolation(.startNotBeforeEnd, line: number, "it starts at \(start) ms and ends at \(end) ms")
    }
    return start..<end
  }

  private func trimmed(_ previous: LyricsLine, before line: LyricsLine, number: Int) throws(LyricsViolation) -> LyricsLine {
    guard line.startMilliseconds >= previous.startMilliseconds else {
      throw LyricsViolation(
        .startsBeforePreviousLine, line: number,
        "it starts at \(line.startMilliseconds) ms, the line before at \(previous.startMilliseconds) ms")
    }
    let overlap = previous.endMilliseconds - line.startMilliseconds
    guard overlap > 0 else { return previous }
    guard overlap <= Self.toleranceMilliseconds, line.startMilliseconds > previous.startMilliseconds else {
      throw LyricsViolation(.overlapsPreviousLine, line: number, "\(overlap) ms, at most \(Self.toleranceMilliseconds) ms are mended")
    }
    var repaired = previous
    repaired.endMilliseconds = line.startMilliseconds
    repaired.words = previous.words.flatMap { Self.words($0, endingBy: line.startMilliseconds) }
    return repaired
  }

  /// A word that would lose all of its time makes the line's words as a whole useless; the line itself stays.
  private static func words(_ words: [LyricsWord], endingBy end: Int) -> [LyricsWord]? {
    guard words.allSatisfy({ $0.startMilliseconds < end }) else { return nil }
    return words.map { word in
      LyricsWord(startMilliseconds: word.startMilliseconds, endMilliseconds: min(word.endMilliseconds, end), text: word.text)
    }
  }

  private func checked(_ words: [LyricsAnswer.Word], of line: LyricsLine, number: Int) throws(LyricsViolation) -> [LyricsWord] {
    guard words.count <= Self.maximumWordsPerLine else {
      throw LyricsViolation(.tooManyWords, line: number, "\(words.count) words, at most \(Self.maximumWordsPerLine) are taken")
    }
    var latest = line.startMilliseconds
    var checked: [LyricsWord] = []
    for word in words {
      let text = try LyricsPlainText.checked(word.text, line: number)
      let end = word.endTime > durationMilliseconds ? min(word.endTime, line.endMilliseconds) : word.endTime
      guard word.startTime >= latest, word.startTime < end, end <= line.endMilliseconds else {
        throw LyricsViolation(
          .wordOutsideLine, line: number,
          "a word from \(word.startTime) to \(word.endTime) ms is not after the word before it and within its line")
      }
      checked.append(LyricsWord(startMilliseconds: word.startTime, endMilliseconds: end, text: text))
      latest = end
    }
    return checked
  }
}

extension LyricsViolation {
  /// Names the line by the path to the value that could not be decoded; never shows the value.
  fileprivate init(wrongShape error: DecodingError) {
    let (path, reason): ([any CodingKey], String) =
      switch error {
      case .typeMismatch(let type, let context): (context.codingPath, "is not of type \(type)")
      case .valueNotFound(let type, let context): (context.codingPath, "is null where \(type) is required")
      case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
      case .dataCorrupted(let context): (context.codingPath, "cannot be read as what it should be")
      @unknown default: ([], "does not fit")
      }
    let isLine = path.count > 1 && path[0].stringValue == "lines"
    let name = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
    self.init(.wrongShape, line: isLine ? path[1].intValue.map { $0 + 1 } : nil, "\(name.isEmpty ? "the document" : name) \(reason)")
  }
}
