/// Where a track stands in its life. The raw values are what APIs and the database show.
public enum TrackStatus: String, Codable, Sendable, CaseIterable {
  /// Uploaded, not looked at yet.
  case pending = "PENDING"
  case processing = "PROCESSING"
  /// Ready, waiting for a person's decision.
  case reviewing = "REVIEWING"
  /// Back with its artist, who may change it and send it again.
  case changesRequested = "CHANGES_REQUESTED"
  case published = "PUBLISHED"
  /// Refused at the review, or taken down later.
  case blocked = "BLOCKED"
  /// Could not be processed; the reason says why.
  case failed = "FAILED"

  /// Every change that is possible; the database holds the same table and refuses all others.
  public static let edges: [(from: TrackStatus, to: TrackStatus)] = [
    (.pending, .processing),
    (.processing, .reviewing),
    (.processing, .failed),
    (.reviewing, .published),
    (.reviewing, .blocked),
    (.reviewing, .changesRequested),
    (.changesRequested, .reviewing),
    (.changesRequested, .blocked),
    (.published, .blocked),
    (.blocked, .published),
  ]

  public func canBecome(_ next: TrackStatus) -> Bool { Self.edges.contains { $0.from == self && $0.to == next } }
}

/// How far the lyrics are; a track may be reviewed and published in each of these states.
public enum LyricsStatus: String, Codable, Sendable, CaseIterable {
  case pending = "PENDING"
  case processing = "PROCESSING"
  case completed = "COMPLETED"
  /// Every attempt failed; an operator may still retry the step, and success then leads to `completed`.
  case failed = "FAILED"
}
