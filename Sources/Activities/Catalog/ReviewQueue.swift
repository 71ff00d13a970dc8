import Foundation
import PostgreSQL
import Workflows

/// A reviewer's claim on a track. Times are microseconds since the Unix epoch.
public struct ReviewClaim: Sendable, Equatable {
  public let reviewer: String
  public let claimedAt: Int64
  public let expiresAt: Int64
}

/// A track in the queue of reviews.
public struct ReviewRecord: Sendable {
  public let trackID: TrackID
  public let artistID: String
  public let title: String?
  public let language: String?
  public let tags: [String]
  public let durationMilliseconds: Int64?
  public let status: TrackStatus
  /// 1, and one more each time the artist sent it again.
  public let round: Int32
  /// Since when it has its status.
  public let since: Int64
  public let revision: Int32
  /// Nil while nobody looks at it.
  public let claim: ReviewClaim?

  init(_ rows: Rows, _ row: Int) throws {
    trackID = TrackID(try rows.uuid(row, 0))
    artistID = try rows.text(row, 1)
    title = try rows.optional(row, 2, rows.text)
    language = try rows.optional(row, 3, rows.text)
    tags = try rows.json([String].self, row, 4) ?? []
    durationMilliseconds = try rows.optional(row, 5, rows.int64)
    status = try rows.named(row, 6)
    round = try rows.int32(row, 7)
    since = try rows.timestamp(row, 8)
    revision = try rows.int32(row, 9)
    claim = try rows.optional(row, 10, rows.text).map {
      ReviewClaim(reviewer: $0, claimedAt: try rows.timestamp(row, 11), expiresAt: try rows.timestamp(row, 12))
    }
  }
}

/// The decision of one round.
public struct DecisionRecord: Sendable {
  public let round: Int32
  public let decision: Review.Decision
  public let reasonCode: String?
  public let reason: String?
  public let reviewer: String
  public let decidedAt: Int64

  init(_ rows: Rows, _ row: Int) throws {
    round = try rows.int32(row, 0)
    decision = try rows.named(row, 1)
    reasonCode = try rows.optional(row, 2, rows.text)
    reason = try rows.optional(row, 3, rows.text)
    reviewer = try rows.text(row, 4)
    decidedAt = try rows.timestamp(row, 5)
  }
}

/// Why a track may be refused.
public struct ReviewReason: Sendable, Encodable {
  public let code: String
  /// reject, request-changes, block.
  public let decisions: [String]
  /// The sentence for the artist.
  public let message: String

  init(_ rows: Rows, _ row: Int) throws {
    code = try rows.text(row, 0)
    decisions = try rows.json([String].self, row, 1) ?? []
    message = try rows.text(row, 2)
  }
}

/// A decision on its way into the catalogue.
public struct ReviewSubmission: Sendable {
  public var review: TrackReview
  public var reasonCode: String?
  /// The revisions that may be decided on; nil for whatever holds.
  public var expected: [Int32]?
  public var idempotency: RequestKey?

  public init(_ review: TrackReview, reasonCode: String? = nil, expecting expected: [Int32]? = nil, idempotency: RequestKey? = nil) {
    self.review = review
    self.reasonCode = reasonCode
    self.expected = expected
    self.idempotency = idempotency
  }
}

extension TrackCatalog {
  /// Oldest first.
  /// - Parameters:
  ///   - status: `.reviewing` or `.changesRequested`.
  ///   - isClaimed: nil for both.
  ///   - limit: 1 to 200.
  public func reviewQueue(
    _ status: TrackStatus, isClaimed: Bool?, after cursor: TrackCursor?, limit: Int
  ) async throws -> [ReviewRecord] {
    var parameters = Parameters(status.rawValue, isClaimed)
    if let cursor { parameters.appendTimestamp(microseconds: cursor.createdAt) } else { parameters.appendNull() }
    parameters.append(cursor?.id.uuid)
    parameters.append(Int64(min(max(limit, 1), 200)))
    let rows = try await call(ReviewStatements.queue, parameters)
    return try (0..<rows.count).map { try ReviewRecord(rows, $0) }
  }

  /// - Throws: `CatalogError.trackNotFound`.
  public func review(of id: TrackID) async throws -> ReviewRecord {
    let rows = try await call(ReviewStatements.waiting, Parameters(id.uuid))
    guard rows.count == 1 else { throw CatalogError(.trackNotFound, "there is no track \(id)") }
    return try ReviewRecord(rows, 0)
  }

  /// One of each round, oldest first.
  public func decisions(_ id: TrackID) async throws -> [DecisionRecord] {
    let rows = try await call(ReviewStatements.decisions, Parameters(id.uuid))
    return try (0..<rows.count).map { try DecisionRecord(rows, $0) }
  }

  public func reviewReasons() async throws -> [ReviewReason] {
    let rows = try await call(ReviewStatements.reasons, Parameters())
    return try (0..<rows.count).map { try ReviewReason(rows, $0) }
  }

  /// Claims a track for a reviewer, or extends the claim.
  /// - Throws: `CatalogError`: `.claimed` while somebody else has it, `.notWaitingForReview`, `.alreadyReviewed`.
  public func claimReview(_ id: TrackID, by reviewer: String, for duration: Duration) async throws {
    var parameters = Parameters(id.uuid, reviewer)
    parameters.appendInterval(microseconds: duration.components.seconds * 1_000_000)
    _ = try await call(ReviewStatements.claim, parameters)
  }

  /// Gives a claim back; one that is not there is no error.
  /// - Throws: `CatalogError.claimed` while somebody else has it.
  public func releaseReview(_ id: TrackID, by reviewer: String) async throws {
    _ = try await call(ReviewStatements.release, Parameters(id.uuid, reviewer))
  }

  /// Stores a decision and signals the track's workflow, both or neither.
  /// - Returns: false when the same decision had been made before.
  @discardableResult
  public func submitReview(_ submission: ReviewSubmission) async throws -> Bool {
    let review = submission.review
    var parameters = try self.parameters(review, last: json(review.review))
    parameters.append(submission.reasonCode)
    parameters.append(submission.expected)
    parameters.append(submission.idempotency)
    return try await call(ReviewStatements.submit, parameters).bool(0, 0)
  }

  /// Applies the decision of the round and gives the status it led to.
  public func applyReview(_ review: TrackReview, requestKey: String) async throws -> TrackStatus {
    try await call(ReviewStatements.apply, try parameters(review, last: requestKey)).named(0, 0)
  }

  /// Begins the next round of a track whose changes were asked for.
  /// - Returns: false when that had been done before.
  @discardableResult
  public func resubmit(_ id: TrackID, by user: String, note: String?) async throws -> Bool {
    try await call(ReviewStatements.resubmit, Parameters(id.uuid, user, note)).bool(0, 0)
  }

  /// Opens the review of a track that was sent again, or blocks one that was not.
  public func reopenReview(_ id: TrackID, by user: String, note: String?, requestKey: String) async throws -> TrackStatus {
    try await call(ReviewStatements.reopen, Parameters(id.uuid, user, note, requestKey)).named(0, 0)
  }

  private func parameters(_ review: TrackReview, last: String) throws -> Parameters {
    Parameters(
      review.trackID.uuid, review.review.decision.rawValue, review.review.reason, review.review.reviewer, try json(review.review.edits),
      last)
  }
}
