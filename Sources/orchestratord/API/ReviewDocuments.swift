import Activities
import Workflows

/// A track as the queue of reviews shows it.
struct ReviewSummary: Encodable {
  struct Claim: Encodable {
    let reviewer: String
    let claimedAt: String
    let expiresAt: String

    init(_ claim: ReviewClaim) {
      reviewer = claim.reviewer
      claimedAt = Timestamp.text(claim.claimedAt)
      expiresAt = Timestamp.text(claim.expiresAt)
    }
  }

  let trackId: String
  let artistId: String
  let title: String?
  let language: String?
  let tags: [String]
  let durationMilliseconds: Int64?
  let status: String
  let round: Int
  /// Since when it has this status.
  let since: String
  let revision: Int
  let claim: Claim?
  let url: String
  let trackUrl: String

  init(_ record: ReviewRecord) {
    trackId = record.trackID.description
    artistId = record.artistID
    title = record.title
    language = record.language
    tags = record.tags
    durationMilliseconds = record.durationMilliseconds
    status = record.status.rawValue
    round = Int(record.round)
    since = Timestamp.text(record.since)
    revision = Int(record.revision)
    claim = record.claim.map(Claim.init)
    url = "/api/v1/reviews/\(record.trackID)"
    trackUrl = "/api/v1/tracks/\(record.trackID)"
  }
}

/// What a reviewer sees of one track beside the track itself.
struct ReviewDocument: Encodable {
  struct Decision: Encodable {
    let round: Int
    let decision: String
    let reasonCode: String?
    let reason: String?
    let reviewer: String
    let decidedAt: String

    init(_ record: DecisionRecord) {
      round = Int(record.round)
      decision = record.decision.rawValue
      reasonCode = record.reasonCode
      reason = record.reason
      reviewer = record.reviewer
      decidedAt = Timestamp.text(record.decidedAt)
    }
  }

  let summary: ReviewSummary
  /// Of this round and those before it.
  let decisions: [Decision]
  /// Words of its texts that many do not want to read.
  let flagged: [FlaggedText]

  enum CodingKeys: String, CodingKey { case decisions, flagged }

  func encode(to encoder: any Encoder) throws {
    try summary.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(decisions, forKey: .decisions)
    try container.encode(flagged, forKey: .flagged)
  }
}
