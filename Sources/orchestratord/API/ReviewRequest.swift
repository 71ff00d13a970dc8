import Activities
import Workflows

/// The body of `POST /api/v1/reviews/{id}/decision` and `POST /api/v1/tracks/{id}/review`.
struct ReviewRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case decision, reasonCode, reason, title, language, tags, lyrics }

  let decision: Review.Decision
  let reasonCode: String?
  let reason: String?
  let title: String?
  let language: String?
  let tags: [String]?
  let lyrics: [LyricsAnswer.Line]?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    decision = try fields.decode(Review.Decision.self, forKey: .decision)
    reasonCode = try fields.decodeIfPresent(String.self, forKey: .reasonCode)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason)
    title = try fields.decodeIfPresent(String.self, forKey: .title)
    language = try fields.decodeIfPresent(String.self, forKey: .language)
    tags = try fields.decodeIfPresent([String].self, forKey: .tags)
    lyrics = try fields.decodeIfPresent([LyricsAnswer.Line].self, forKey: .lyrics)
  }

  /// - Parameter durationMilliseconds: length of the track, within which edited lyrics must lie.
  /// - Throws: `APIProblem` or `LyricsViolation`, both answered with 422.
  func review(by reviewer: String, durationMilliseconds: Int) throws -> Review {
    if decision == .requestChanges, reason?.isEmpty ?? true, reasonCode == nil {
      throw APIProblem.invalidField("reason", "is needed: say what the artist shall change, or name a reasonCode")
    }
    let edits = TrackEdits(
      title: try title.map { try TrackTexts.title($0) }, language: try language.map { try TrackTexts.language($0) },
      tags: try tags.map { try TrackTexts.tags($0) },
      lyrics: try lyrics.map { try LyricsValidation(durationMilliseconds: durationMilliseconds).lines(from: LyricsAnswer(lines: $0)) })
    return Review(decision: decision, reason: try reason.flatMap { try TrackTexts.reason($0) }, reviewer: reviewer, edits: edits)
  }
}

/// The body of `POST /api/v1/tracks/{id}/resubmit`; it may be left out.
struct ResubmitRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case note }

  let note: String?

  init(from decoder: any Decoder) throws {
    note = try decoder.container(keyedBy: Field.self).decodeIfPresent(String.self, forKey: .note)
  }
}

/// The body of `block` and `unblock` of tracks; it may be left out.
struct BlockingRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case reason, reasonCode }

  let reason: String?
  let reasonCode: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason)
    reasonCode = try fields.decodeIfPresent(String.self, forKey: .reasonCode)
  }
}

/// The body of decisions about accounts and applications; it may be left out.
struct ModerationRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case reason }

  let reason: String?

  init(from decoder: any Decoder) throws {
    reason = try decoder.container(keyedBy: Field.self).decodeIfPresent(String.self, forKey: .reason)
  }
}
