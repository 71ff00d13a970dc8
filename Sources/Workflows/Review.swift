/// A person's decision about a track that waits in REVIEWING, with corrections made on the way.
public struct Review: Codable, Sendable, Equatable {
  public enum Decision: String, Codable, Sendable, CaseIterable {
    case approve, reject
  }

  public var decision: Decision
  /// Why; what the artist is told.
  public var reason: String?
  /// The user who decided.
  public var reviewer: String
  public var edits: TrackEdits

  public init(decision: Decision, reason: String? = nil, reviewer: String, edits: TrackEdits = TrackEdits()) {
    self.decision = decision
    self.reason = reason
    self.reviewer = reviewer
    self.edits = edits
  }

  /// What holds when nobody decided in time.
  static let expired = Review(
    decision: .reject, reason: "Nobody reviewed the track in time. Ask the moderators to look at it again.", reviewer: "system")
}

/// What a reviewer changed; nil leaves a value as it is.
public struct TrackEdits: Codable, Sendable, Equatable {
  public var title: String?
  public var tags: [String]?
  public var lyrics: [LyricsLine]?

  public init(title: String? = nil, tags: [String]? = nil, lyrics: [LyricsLine]? = nil) {
    self.title = title
    self.tags = tags
    self.lyrics = lyrics
  }
}

/// A review and the track it is about.
public struct TrackReview: Codable, Sendable, Equatable {
  public var trackID: TrackID
  public var review: Review

  public init(trackID: TrackID, review: Review) {
    self.trackID = trackID
    self.review = review
  }
}

/// How a track's publication ended.
public struct TrackOutcome: Codable, Sendable, Equatable {
  public var status: TrackStatus
  public var lyrics: LyricsStatus

  public init(status: TrackStatus, lyrics: LyricsStatus) {
    self.status = status
    self.lyrics = lyrics
  }
}
