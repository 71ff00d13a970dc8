import Activities
import Workflows

/// The body of `PATCH /api/v1/tracks/{id}`.
struct EditRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case title, language, tags, secondaryArtistIds, reason }

  let edits: TrackEdits
  let reason: String?

  /// - Throws: `DecodingError`, or `APIProblem` 422 for a text that breaks a rule.
  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    var edits = TrackEdits()
    if fields.contains(.title) { edits.title = try TrackTexts.title(fields.decode(String.self, forKey: .title)) }
    if fields.contains(.language) {
      // Null says that nobody states the language any more.
      edits.language = try fields.decodeNil(forKey: .language) ? "" : TrackTexts.language(fields.decode(String.self, forKey: .language))
    }
    if fields.contains(.tags) { edits.tags = try TrackTexts.tags(fields.decode([String].self, forKey: .tags)) }
    if fields.contains(.secondaryArtistIds) {
      edits.secondaryArtistIDs = try TrackTexts.artists(fields.decode([String].self, forKey: .secondaryArtistIds))
    }
    self.edits = edits
    reason = try fields.decodeIfPresent(String.self, forKey: .reason).flatMap { try TrackTexts.reason($0) }
  }
}

/// The body of `PUT /api/v1/tracks/{id}/lyrics`.
struct LyricsEditRequest: StrictlyDecodable {
  enum Field: String, CodingKey, CaseIterable { case lines, reason }

  let lines: [LyricsAnswer.Line]
  let reason: String?

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    lines = try fields.decode([LyricsAnswer.Line].self, forKey: .lines)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason).flatMap { try TrackTexts.reason($0) }
  }
}

struct RevisionDocument: Encodable {
  let revision: Int
  let changes: [String: RevisionRecord.Change]
  let changedBy: String
  let reason: String?
  let changedAt: String

  init(_ record: RevisionRecord) {
    revision = Int(record.revision)
    changes = record.changes
    changedBy = record.changedBy
    reason = record.reason
    changedAt = Timestamp.text(record.changedAt)
  }
}
