/// A rule that an AI's answer broke, and the line that broke it.
public struct LyricsViolation: Error, Sendable, Equatable, CustomStringConvertible {
  /// The rules of `LyricsValidation`.
  public enum Rule: String, Sendable, CaseIterable {
    case answerTooLarge
    case notJSON
    case wrongShape
    case tooManyLines
    case tooManyWords
    case textTooLong
    case textEmpty
    case controlCharacter
    case markup
    case timeOutsideTrack
    case startNotBeforeEnd
    case startsBeforePreviousLine
    case overlapsPreviousLine
    case wordOutsideLine
  }

  public let rule: Rule
  /// Counted from 1; nil when the answer as a whole is at fault.
  public let line: Int?
  public let detail: String

  public init(_ rule: Rule, line: Int? = nil, _ detail: String) {
    self.rule = rule
    self.line = line
    self.detail = detail
  }

  public var description: String {
    let place = line.map { "line \($0)" } ?? "the answer"
    return "lyrics refused: \(place) breaks the rule \(rule.rawValue): \(detail)"
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.rule == right.rule && left.line == right.line
  }
}
