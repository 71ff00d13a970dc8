import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct ReviewRoutesTests {
  private static let admin = "admin-token-00001"
  private static let second = "second-token-0001"

  /// Two admins.
  private static func api() async throws -> TestAPI {
    try await TestAPI(tokens: TestAPI.tokens + ", \(second):bea:admin")
  }

  private static func items(_ api: TestAPI, _ query: String = "") async throws -> [String] {
    let answer = try await api.send(.get, "/api/v1/reviews\(query)", as: admin)
    #expect(answer.status == 200)
    return (answer.json["items"] as? [[String: Any]] ?? []).compactMap { $0["trackId"] as? String }
  }

  /// What the workflow would do with the decision that was stored.
  private static func apply(_ api: TestAPI, _ id: TrackID, _ key: String) async throws -> TrackStatus {
    try await api.catalog.applyReview(TrackReview(trackID: id, review: Review(decision: .reject, reviewer: "system")), requestKey: key)
  }

  private static func count(_ api: TestAPI, _ table: String) async throws -> Int64 {
    try await api.database.query(Statement(name: "count", sql: "select count(*) from \(table)", isPrepared: false)).int64(0, 0)
  }

  @Test func `The queue shows what waits, oldest first, and who looks at it`() async throws {
    let api = try await Self.api()
    var ids: [String] = []
    for _ in 0..<3 { ids.append(try await api.reviewing().description) }
    _ = try await api.upload()
    #expect(try await Self.items(api) == ids)
    let page = try await api.send(.get, "/api/v1/reviews?limit=2", as: Self.admin)
    let cursor = try #require(page.text("nextCursor"))
    #expect(try await Self.items(api, "?limit=2&cursor=\(cursor)") == [ids[2]])
    #expect(try await api.post("/api/v1/reviews/\(ids[0])/claim", json: "{}").status == 200)
    #expect(try await Self.items(api, "?status=claimed") == [ids[0]])
    #expect(try await Self.items(api, "?status=WAITING") == [ids[1], ids[2]])
    #expect(try await api.post("/api/v1/reviews/\(ids[1])/decision", json: #"{"decision":"approve"}"#).status == 202)
    #expect(try await Self.items(api) == [ids[0], ids[2]], "what is decided waits for nobody")
    for query in ["status=x'%20or%20'1'='1", "status=PUBLISHED", "limit=0", "cursor=zzz"] {
      #expect(try await api.send(.get, "/api/v1/reviews?\(query)", as: Self.admin).problem == "invalid-query")
    }
    #expect(try await api.send(.get, "/api/v1/reviews").problem == "role-required")
  }

  @Test func `Two reviewers do not collide: the second is told who has the track and until when`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    let claimed = try await api.post("/api/v1/reviews/\(id)/claim", json: "{}")
    let claim = try #require(claimed.json["claim"] as? [String: String])
    #expect(claim["reviewer"] == "ada")
    for answer in [
      try await api.post("/api/v1/reviews/\(id)/claim", json: "{}", as: Self.second),
      try await api.post("/api/v1/reviews/\(id)/decision", json: #"{"decision":"approve"}"#, as: Self.second),
      try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"approve"}"#, as: Self.second),
      try await api.send(.delete, "/api/v1/reviews/\(id)/claim", as: Self.second),
    ] {
      #expect(answer.status == 409 && answer.problem == "claimed")
      #expect(answer.text("claimedBy") == "ada" && answer.text("claimedUntil") == claim["expiresAt"])
    }
    let extended = try await api.post("/api/v1/reviews/\(id)/claim", json: "{}")
    let again = try #require(extended.json["claim"] as? [String: String])
    #expect(again["claimedAt"] == claim["claimedAt"] && (again["expiresAt"] ?? "") >= (claim["expiresAt"] ?? "?"))
    #expect(try await api.send(.delete, "/api/v1/reviews/\(id)/claim", as: Self.admin).status == 204)
    #expect(try await api.send(.delete, "/api/v1/reviews/\(id)/claim", as: Self.admin).status == 204)
    #expect(try await api.post("/api/v1/reviews/\(id)/claim", json: "{}", as: Self.second).status == 200)
    #expect(try await api.post("/api/v1/reviews/\(id)/decision", json: #"{"decision":"approve"}"#, as: Self.second).status == 202)
    #expect(try await Self.count(api, "music.review_claims") == 0)
  }

  @Test func `A claim ends by itself, and of many reviewers who claim at once one gets it`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    #expect(try await api.post("/api/v1/reviews/\(id)/claim", json: "{}").status == 200)
    try await api.database.execute(script: "update music.review_claims set expires_at = now() - interval '1 second'")
    #expect(try await Self.items(api, "?status=WAITING") == [id.description])
    let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<8 {
        group.addTask {
          do {
            try await api.catalog.claimReview(id, by: "reviewer \(number)", for: .seconds(60))
            return true
          } catch let error as CatalogError where error.code == .claimed { return false }
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(winners == 1)
  }

  @Test func `A repeated decision changes nothing, another one of the same round is refused`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    let path = "/api/v1/reviews/\(id)/decision"
    let body = #"{"decision":"reject","reasonCode":"audio-quality","reason":"Hum on the left."}"#
    #expect(try await api.post(path, json: body).status == 202)
    let again = try await api.post("/api/v1/tracks/\(id)/review", json: body)
    #expect(again.status == 202 && again.response.headers["Idempotent-Replayed"] == "true")
    #expect(try await api.post(path, json: body, as: Self.second).problem == "already-reviewed")
    #expect(try await api.post(path, json: #"{"decision":"approve"}"#).problem == "already-reviewed")
    #expect(try await Self.count(api, "orchestrator.inbox where kind = 2") == 1)
    #expect(try await Self.apply(api, id, "a") == .blocked)
    let told = "The quality of the recording is too low. Hum on the left."
    #expect(try await api.catalog.track(id).reason == told)
    let log = try await api.send(.get, "/api/v1/audit-log?target=\(path)", as: Self.admin)
    #expect((log.json["items"] as? [[String: Any]])?.map { $0["status"] as? Int } == [409, 409, 202])
  }

  @Test func `A decision with a key counts once over all rounds`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    let headers: HTTPHeaders = ["Content-Type": "application/json", "Idempotency-Key": "d1"]
    let body = Array(#"{"decision":"request-changes","reason":"Mend the title."}"#.utf8)
    let path = "/api/v1/reviews/\(id)/decision"
    #expect(try await api.send(.post, path, as: Self.admin, headers: headers, body: body).status == 202)
    #expect(try await Self.apply(api, id, "a") == .changesRequested)
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/resubmit").status == 202)
    #expect(try await api.catalog.reopenReview(id, by: "anna", note: nil, requestKey: "b") == .reviewing)
    let replayed = try await api.send(.post, path, as: Self.admin, headers: headers, body: body)
    #expect(replayed.status == 202 && replayed.response.headers["Idempotent-Replayed"] == "true")
    #expect(try await api.catalog.review(of: id).round == 2)
    let other = try await api.send(.post, path, as: Self.admin, headers: headers, body: Array(#"{"decision":"approve"}"#.utf8))
    #expect(other.problem == "idempotency-key-reused")
    #expect(try await Self.count(api, "music.reviews") == 1)
  }

  @Test func `A track whose changes were asked for comes back when its artist says so`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/resubmit").problem == "impossible-status")
    #expect(try await api.post("/api/v1/reviews/\(id)/decision", json: #"{"decision":"request-changes"}"#).status == 422)
    let request = #"{"decision":"request-changes","reasonCode":"metadata"}"#
    #expect(try await api.post("/api/v1/reviews/\(id)/decision", json: request).status == 202)
    #expect(try await Self.apply(api, id, "a") == .changesRequested)
    #expect(try await Self.items(api, "?status=changes_requested") == [id.description])
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)").text("reason") == "Title, language, tags or artists are wrong or mislead.")
    #expect(try await api.post("/api/v1/tracks/\(id)/resubmit", json: "{}", as: "other-token-00001").problem == "track-not-found")
    let sent = try await api.post("/api/v1/tracks/\(id)/resubmit", json: #"{"note":"Mended."}"#, as: "artist-token-0001")
    #expect(sent.status == 202 && sent.response.headers["Idempotent-Replayed"] == nil)
    let again = try await api.post("/api/v1/tracks/\(id)/resubmit", json: #"{"note":"Mended."}"#, as: "artist-token-0001")
    #expect(again.status == 202 && again.response.headers["Idempotent-Replayed"] == "true")
    #expect(try await Self.count(api, "orchestrator.inbox where kind = 2") == 2, "one decision, one word of the artist")
    // The time-out that fired meanwhile takes nothing away from what was acknowledged.
    #expect(try await api.catalog.reopenReview(id, by: "workflow", note: nil, requestKey: "b") == .reviewing)
    #expect(try await Self.apply(api, id, "a") == .reviewing, "an attempt whose answer was lost does not decide the next round")
    #expect(try await api.post("/api/v1/reviews/\(id)/decision", json: #"{"decision":"approve"}"#, as: Self.second).status == 202)
    #expect(try await Self.apply(api, id, "c") == .published)
    let shown = try await api.send(.get, "/api/v1/reviews/\(id)", as: Self.admin)
    let decisions = try #require(shown.json["decisions"] as? [[String: Any]])
    #expect(decisions.map { $0["decision"] as? String } == ["request-changes", "approve"])
    #expect(decisions.map { $0["reviewer"] as? String } == ["ada", "bea"])
  }

  @Test func `A decision on a revision that does not hold any more is refused, and its edits are a revision`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    let edit: HTTPHeaders = ["If-Match": "\"1\"", "Content-Type": "application/json"]
    #expect(try await api.send(.patch, "/api/v1/tracks/\(id)", headers: edit, body: Array(#"{"title":"New"}"#.utf8)).status == 200)
    let body = Array(#"{"decision":"approve","tags":["mended"]}"#.utf8)
    let stale = try await api.send(.post, "/api/v1/reviews/\(id)/decision", as: Self.admin, headers: edit, body: body)
    #expect(stale.status == 412 && stale.problem == "revision-changed")
    let shown = try await api.send(.get, "/api/v1/reviews/\(id)", as: Self.admin)
    var fresh = edit
    fresh["If-Match"] = shown.response.headers["ETag"]
    #expect(try await api.send(.post, "/api/v1/reviews/\(id)/decision", as: Self.admin, headers: fresh, body: body).status == 202)
    #expect(try await Self.apply(api, id, "a") == .published)
    #expect(try await api.catalog.revisions(id, before: nil, limit: 10).first?.changedBy == "ada")
  }

  @Test func `A reason is one of the list, for the decisions that it is for`() async throws {
    let api = try await Self.api()
    let id = try await api.reviewing()
    let list = try await api.send(.get, "/api/v1/review-reasons")
    let codes = try #require(list.json["items"] as? [[String: Any]])
    #expect(codes.count == 11 && codes.last?["code"] as? String == "other")
    for code in ["unheard-of", "legal-order'; drop table music.reviews; --", "duplicate"] {
      let body = #"{"decision":"request-changes","reasonCode":"\#(code)"}"#
      let answer = try await api.post("/api/v1/reviews/\(id)/decision", json: body)
      #expect(answer.status == 422 && answer.problem == "invalid-value", "\(code)")
    }
    #expect(try await Self.count(api, "music.reviews") == 0)
    let live = try await api.published()
    #expect(try await api.post("/api/v1/tracks/\(live)/block", json: #"{"reasonCode":"lyrics"}"#).status == 422)
    #expect(try await api.post("/api/v1/tracks/\(live)/block", json: #"{"reasonCode":"legal-order","reason":"No. 7."}"#).status == 200)
    #expect(try await api.catalog.track(live).reason == "An authority ordered it. No. 7.")
    #expect(try await api.post("/api/v1/tracks/\(live)/unblock", json: #"{"reasonCode":"other"}"#).status == 422)
  }
}
