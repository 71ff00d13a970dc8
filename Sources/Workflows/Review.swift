/// A person's decision about a track that waits in REVIEWING, with corrections made on the way.
public struct Review: Codable, Sendable, Equatable {
  public enum Decision: String, Codable, Sendable, CaseIterable {
    case approve, reject
    /// Back to the artist, who may send it again.
    case requestChanges = "request-changes"
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

/// What a person changes about a track; nil leaves a value as it is.
public struct TrackEdits: Codable, Sendable, Equatable {
  public var title: String?
  /// BCP 47; empty when nobody shall state it.
  public var language: String?
  public var tags: [String]?
  /// Accounts of the other artists on the track, in order.
  public var secondaryArtistIDs: [String]?
  /// Where the poster is in the object store; empty for none.
  public var posterKey: String?
  public var lyrics: [LyricsLine]?

  public init(
    title: String? = nil, language: String? = nil, tags: [String]? = nil, secondaryArtistIDs: [String]? = nil, posterKey: String? = nil,
    lyrics: [LyricsLine]? = nil
  ) {
    self.title = title
    self.language = language
    self.tags = tags
    self.secondaryArtistIDs = secondaryArtistIDs
    self.posterKey = posterKey
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

/// An artist's word that the changes that were asked for are made.
public struct Resubmission: Codable, Sendable, Equatable {
  /// The user who sent it again.
  public var user: String
  public var note: String?

  public init(user: String, note: String? = nil) {
    self.user = user
    self.note = note
  }
}

/// A track whose changes were waited for, and how that ended.
public struct ReviewReopening: Codable, Sendable, Equatable {
  public var trackID: TrackID
  /// Nil when nobody sent it again in time.
  public var resubmission: Resubmission?

  public init(trackID: TrackID, resubmission: Resubmission?) {
    self.trackID = trackID
    self.resubmission = resubmission
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
