import Activities
import HTTP
import Workflows

/// What is done about profanity in the texts of a track.
enum ProfanityPolicy: String, Sendable {
  /// Reviewers are shown it.
  case flag
  /// It is refused, and reviewers are shown what a machine wrote.
  case block

  /// - Throws: `APIProblem` 422 where it is refused.
  func check(_ texts: [FlaggedText]) throws {
    guard self == .block, let first = texts.first else { return }
    throw APIProblem(
      .unprocessableContent, "profanity", "The field \"\(first.field)\" holds words that are not permitted here.",
      extensions: ["field": .text(first.field), "words": .list(first.words.prefix(20).map { .text($0) })])
  }
}

/// A text in which words were found.
struct FlaggedText: Encodable, Equatable {
  /// As the API names it.
  let field: String
  let words: [String]

  init?(_ field: String, _ text: String?, _ language: String?) {
    guard let text else { return nil }
    let words = Profanity.shared.words(in: text, language: language)
    guard !words.isEmpty else { return nil }
    self.field = field
    self.words = words
  }

  static func all(title: String?, tags: [String]?, lyrics: String?, reason: String? = nil, language: String?) -> [FlaggedText] {
    [
      FlaggedText("title", title, language), FlaggedText("tags", tags?.joined(separator: "\n"), language),
      FlaggedText("lyrics", lyrics, language), FlaggedText("reason", reason, language),
    ].compactMap(\.self)
  }

  /// In what a person writes.
  static func all(in edits: TrackEdits, reason: String?, language: String?) -> [FlaggedText] {
    let lines = edits.lyrics?.map(\.text).joined(separator: "\n")
    return all(title: edits.title, tags: edits.tags, lyrics: lines, reason: reason, language: edits.language ?? language)
  }
}
