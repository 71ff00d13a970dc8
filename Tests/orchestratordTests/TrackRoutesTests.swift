import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct TrackRoutesTests {
  @Test func `A track shows its status, stages and lyrics`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    try await api.catalog.reportProgress(id, stage: "transcode-audio", percent: 40, attempt: 1)
    let lyrics = Lyrics(
      lines: [LyricsLine(startMilliseconds: 100, endMilliseconds: 900, text: "la")], source: .transcribed, model: "test")
    try await api.catalog.changeLyrics(LyricsChange(trackID: id, status: .completed, lyrics: lyrics), requestKey: "l")
    let answer = try await api.send(.get, "/api/v1/tracks/\(id)")
    #expect(answer.status == 200 && answer.text("status") == "REVIEWING" && answer.text("title") == "Blue")
    let stage = try #require((answer.json["stages"] as? [[String: Any]])?.first)
    #expect(stage["name"] as? String == "transcode-audio" && stage["progress"] as? Int == 40 && stage["state"] as? String == "running")
    let shown = try #require(answer.json["lyrics"] as? [String: Any])
    let line = try #require((shown["lines"] as? [[String: Any]])?.first)
    #expect(shown["status"] as? String == "COMPLETED" && line["startTime"] as? Int == 100 && line["endTime"] as? Int == 900)
    #expect(answer.json["streams"] == nil)
  }

  @Test(arguments: ["nonsense", "123", "00000000-0000-0000-0000-00000000000"])
  func `An id that is none is refused, whatever is asked of it`(id: String) async throws {
    let api = try await TestAPI()
    for target in ["/api/v1/tracks/\(id)", "/api/v1/tracks/\(id)/audit", "/stream/\(id)", "/stream/\(id)/master.m3u8"] {
      let answer = try await api.send(.get, target, as: "admin-token-00001")
      #expect(answer.status == 400 && answer.problem == "invalid-id")
    }
    for action in ["review", "block", "unblock"] {
      #expect(try await api.post("/api/v1/tracks/\(id)/\(action)", json: #"{"decision":"approve"}"#).problem == "invalid-id")
    }
  }

  @Test func `An unknown track and a track of someone else look the same`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let other = try await api.send(.get, "/api/v1/tracks/\(id)", as: "other-token-00001")
    let none = try await api.send(.get, "/api/v1/tracks/\(TrackID())", as: "other-token-00001")
    #expect(other.status == 404 && none.status == 404 && other.problem == none.problem)
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)", as: "admin-token-00001").status == 200)
  }

  @Test func `Lists page through an artist's own tracks, newest first`() async throws {
    let api = try await TestAPI()
    var ids: [String] = []
    for _ in 0..<3 { ids.append(try #require(try await api.upload().text("trackId"))) }
    _ = try await api.upload(as: "other-token-00001")
    let first = try await api.send(.get, "/api/v1/tracks?status=pending&limit=2")
    let cursor = try #require(first.text("nextCursor"))
    let second = try await api.send(.get, "/api/v1/tracks?status=PENDING&limit=2&cursor=\(cursor)")
    let seen = [first, second].flatMap { ($0.json["items"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String } }
    #expect(seen == ids.reversed() && second.text("nextCursor") == nil)
    let all = try await api.send(.get, "/api/v1/tracks", as: "admin-token-00001")
    #expect((all.json["items"] as? [Any])?.count == 4)
  }

  @Test(arguments: ["status=LOST", "limit=0", "limit=201", "limit=x", "cursor=%21", "cursor=AAAA"])
  func `A query that makes no sense is refused`(query: String) async throws {
    let api = try await TestAPI()
    #expect(try await api.send(.get, "/api/v1/tracks?\(query)").problem == "invalid-query")
  }

  @Test func `The first review is signalled to the workflow, a second one is a conflict`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let body = #"{"decision":"approve","title":"Better","tags":["rock"],"lyrics":[{"startTime":0,"endTime":900,"text":"la"}]}"#
    let first = try await api.post("/api/v1/tracks/\(id)/review", json: body)
    #expect(first.status == 202)
    let rows = try await api.database.query(
      Statement(
        name: "test_signal", sql: "select convert_from(attributes, 'UTF8')::json ->> 'input' from orchestrator.inbox where kind = 2"))
    let signal = try JSONDecoder().decode(Review.self, from: Data(try rows.text(0, 0).utf8))
    #expect(signal.decision == .approve && signal.reviewer == "ada" && signal.edits.title == "Better")
    #expect(signal.edits.lyrics == [LyricsLine(startMilliseconds: 0, endMilliseconds: 900, text: "la")])
    let second = try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"reject"}"#)
    #expect(second.status == 409 && second.problem == "already-reviewed")
  }

  struct BadReview: Sendable, CustomTestStringConvertible {
    let body: String
    let status: Int
    let problem: String
    var testDescription: String { body }
  }

  @Test(
    "A review that is not what it must be is refused and stores nothing",
    arguments: [
      BadReview(body: "", status: 400, problem: "about"), BadReview(body: "{", status: 400, problem: "about"),
      BadReview(body: "[]", status: 400, problem: "invalid-json"), BadReview(body: "{} {}", status: 400, problem: "about"),
      BadReview(body: #"{"decision":"approve","colour":"red"}"#, status: 400, problem: "unknown-field"),
      BadReview(body: "{}", status: 422, problem: "invalid-value"),
      BadReview(body: #"{"decision":"maybe"}"#, status: 422, problem: "invalid-value"),
      BadReview(body: #"{"decision":"approve","tags":"pop"}"#, status: 422, problem: "invalid-value"),
      BadReview(body: #"{"decision":"approve","title":""}"#, status: 422, problem: "invalid-value"),
      BadReview(
        body: #"{"decision":"approve","lyrics":[{"startTime":900,"endTime":100,"text":"la"}]}"#, status: 422, problem: "invalid-lyrics"),
      BadReview(
        body: #"{"decision":"approve","lyrics":[{"startTime":0,"endTime":99000,"text":"la"}]}"#, status: 422, problem: "invalid-lyrics"),
    ])
  func badReview(_ bad: BadReview) async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let answer = try await api.post("/api/v1/tracks/\(id)/review", json: bad.body)
    #expect(answer.status == bad.status)
    #expect(answer.problem == bad.problem || bad.problem == "about" && answer.problem != nil)
    #expect(try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"approve"}"#).status == 202)
  }

  @Test func `A track that does not wait for a review is not reviewed`() async throws {
    let api = try await TestAPI()
    let id = try #require(try await api.upload().text("trackId"))
    let answer = try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"approve"}"#)
    #expect(answer.status == 409 && answer.problem == "not-waiting-for-review")
    #expect(try await api.post("/api/v1/tracks/\(TrackID())/review", json: #"{"decision":"approve"}"#).status == 404)
  }

  @Test func `A review of a track whose workflow is closed is refused and not stored`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    try await api.database.execute(script: "delete from orchestrator.runs")
    let answer = try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"approve"}"#)
    #expect(answer.status == 404 && answer.problem == "workflow-not-found")
    let rows = try await api.database.query(Statement(name: "test_reviews", sql: "select count(*) from music.reviews"))
    #expect(try rows.int64(0, 0) == 0)
  }

  @Test func `Only admins review and moderate`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    for action in ["review", "block", "unblock"] {
      let answer = try await api.post("/api/v1/tracks/\(id)/\(action)", json: #"{"decision":"approve"}"#, as: "artist-token-0001")
      #expect(answer.status == 403 && answer.problem == "role-required")
    }
  }

  @Test func `A published track is blocked and unblocked, with an audit of who and why`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    #expect(try await api.post("/api/v1/tracks/\(id)/block", json: #"{"reason":"Claim."}"#).text("status") == "BLOCKED")
    #expect(try await api.send(.get, "/stream/\(id)/master.m3u8", as: nil).status == 403)
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/unblock", as: "admin-token-00001").text("status") == "PUBLISHED")
    let audit = try await api.send(.get, "/api/v1/tracks/\(id)/audit", as: "admin-token-00001")
    let changes = try #require(audit.json["items"] as? [[String: Any]])
    #expect(changes.suffix(2).map { $0["changedBy"] as? String } == ["ada", "ada"])
    #expect(changes.suffix(2).first?["reason"] as? String == "Claim.")
    let waiting = try await api.reviewing()
    let early = try await api.post("/api/v1/tracks/\(waiting)/block", json: "{}")
    #expect(early.status == 409 && early.problem == "impossible-status")
    #expect(try await api.post("/api/v1/tracks/\(id)/block", json: #"{"why":"x"}"#).problem == "unknown-field")
  }

  @Test func `An artist is told of every change, and of nobody else's`() async throws {
    let api = try await TestAPI()
    _ = try await api.published()
    let answer = try await api.send(.get, "/api/v1/notifications")
    let items = try #require(answer.json["items"] as? [[String: Any]])
    #expect(items.map { $0["status"] as? String } == ["PUBLISHED", "REVIEWING", "PROCESSING", "PENDING"])
    #expect(items.first?["message"] as? String == "\"Blue\" is published.")
    let other = try await api.send(.get, "/api/v1/notifications", as: "other-token-00001")
    #expect((other.json["items"] as? [Any])?.isEmpty == true)
  }
}
