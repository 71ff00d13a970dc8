import Activities
import HTTP
import Workflows

/// The queue of reviews: claims, decisions, and the way back from the artist.
extension MusicAPI {
  func addReviewRoutes(to router: inout Router) {
    router.on(.get, "/api/v1/reviews") { try await listReviews($0) }
    router.on(.get, "/api/v1/reviews/{id}") { try await showReview($0) }
    router.on(.post, "/api/v1/reviews/{id}/claim") { try await claimReview($0) }
    router.on(.delete, "/api/v1/reviews/{id}/claim") { try await releaseReview($0) }
    router.on(.post, "/api/v1/reviews/{id}/decision") { try await decideReview($0) }
    router.on(.get, "/api/v1/review-reasons") { try await listReviewReasons($0) }
    router.on(.post, "/api/v1/tracks/{id}/review") { try await decideReview($0) }
    router.on(.post, "/api/v1/tracks/{id}/resubmit") { try await resubmitTrack($0) }
  }

  /// What the queue is asked for; nil among the values of `isClaimed` for both.
  private static let parts: [String: (status: TrackStatus, isClaimed: Bool?)] = [
    "REVIEWING": (.reviewing, nil), "WAITING": (.reviewing, false), "CLAIMED": (.reviewing, true),
    "CHANGES_REQUESTED": (.changesRequested, nil),
  ]

  /// `GET /api/v1/reviews?status=&limit=&cursor=`, oldest first.
  private func listReviews(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await authentication.principal(of: request).require(.admin)
    guard let part = Self.parts[request.queryValue("status")?.uppercased() ?? "REVIEWING"] else {
      throw APIProblem.invalid("invalid-query", "\"status\" must be one of \(Self.parts.keys.sorted().joined(separator: ", ")).")
    }
    let limit = try request.number("limit", in: 1...200, default: 50)
    let records = try await catalog.reviewQueue(part.status, isClaimed: part.isClaimed, after: request.timeCursor(), limit: limit)
    let next = records.count == limit ? records.last.map { TrackCursor(createdAt: $0.since, id: $0.trackID).text } : nil
    return try .json(encoding: Page(items: records.map(ReviewSummary.init), nextCursor: next))
  }

  private func showReview(_ request: HTTPRequest) async throws -> HTTPResponse {
    try await authentication.principal(of: request).require(.admin)
    return try await reviewAnswer(trackID(request))
  }

  private func reviewAnswer(_ id: TrackID) async throws -> HTTPResponse {
    let record = try await catalog.review(of: id)
    let (track, lyrics) = (try await catalog.track(id), try await catalog.lyrics(id)?.lyrics.lines)
    let sung = ((lyrics?.map(\.text) ?? []) + [track.suppliedLyrics ?? ""]).joined(separator: "\n")
    let document = ReviewDocument(
      summary: ReviewSummary(record), decisions: try await catalog.decisions(id).map(ReviewDocument.Decision.init),
      flagged: FlaggedText.all(title: track.title, tags: track.tags, lyrics: sung, language: track.language))
    var response = try HTTPResponse.json(encoding: document)
    response.headers["ETag"] = ExpectedRevisions.entityTag(record.revision)
    return response
  }

  /// `POST /api/v1/reviews/{id}/claim`: takes it, or extends what was taken.
  private func claimReview(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try trackID(request)
    try await namingHolder(of: id) { try await catalog.claimReview(id, by: principal.userID, for: limits.reviewClaim) }
    return try await reviewAnswer(id)
  }

  private func releaseReview(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let id = try trackID(request)
    try await namingHolder(of: id) { try await catalog.releaseReview(id, by: principal.userID) }
    return HTTPResponse(.noContent)
  }

  /// `POST /api/v1/reviews/{id}/decision`, also `POST /api/v1/tracks/{id}/review`: the first decision of a round counts.
  private func decideReview(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.authorized(request, .admin)
    let track = try await visibleTrack(request, to: principal)
    let expected = request.headers["If-Match"] == nil ? nil : try ExpectedRevisions(of: request).numbers
    let body = try await request.strictJSON(ReviewRequest.self, upTo: 1 << 20)
    let review = try body.review(by: principal.userID, durationMilliseconds: Int(track.durationMilliseconds ?? 0))
    try limits.profanity.check(FlaggedText.all(in: review.edits, reason: nil, language: track.language))
    let key = try requestKey(of: request, review, body.reasonCode)
    let submission = ReviewSubmission(
      TrackReview(trackID: track.id, review: review), reasonCode: body.reasonCode, expecting: expected, idempotency: key)
    let isNew = try await namingHolder(of: track.id) { try await catalog.submitReview(submission) }
    wake()
    return try accepted(track.id, ["decision": review.decision.rawValue], isRepeated: !isNew)
  }

  /// `POST /api/v1/tracks/{id}/resubmit`, with `{"note": "..."}` or without a body: the changes that were asked for are made.
  private func resubmitTrack(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (track, principal) = try await editableTrack(request)
    let note = try await request.optionalJSON(ResubmitRequest.self, upTo: 16 << 10)?.note.flatMap { try TrackTexts.reason($0) }
    let isNew = try await catalog.resubmit(track.id, by: principal.userID, note: note)
    wake()
    return try accepted(track.id, [:], isRepeated: !isNew)
  }

  private func accepted(_ id: TrackID, _ fields: [String: String], isRepeated: Bool) throws -> HTTPResponse {
    let url = "/api/v1/tracks/\(id)"
    let document = fields.merging(["trackId": id.description, "statusUrl": url]) { $1 }
    var response = try HTTPResponse.json(encoding: document, status: .accepted)
    response.headers["Location"] = url
    if isRepeated { response.headers["Idempotent-Replayed"] = "true" }
    return response
  }

  private func listReviewReasons(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try await authentication.principal(of: request)
    return try .json(encoding: Page(items: try await catalog.reviewReasons(), nextCursor: nil))
  }

  /// Who is refused because of a claim is told whose it is and how long it lasts.
  private func namingHolder<Value>(of id: TrackID, _ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as CatalogError where error.code == .claimed {
      guard let claim = try await catalog.review(of: id).claim else { throw error }
      throw APIProblem(
        .conflict, "claimed", APIProblem.sentence(error.description),
        extensions: ["claimedBy": .text(claim.reviewer), "claimedUntil": .text(Timestamp.text(claim.expiresAt))])
    }
  }
}
