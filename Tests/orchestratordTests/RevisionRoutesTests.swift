import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct RevisionRoutesTests {
  private static func edit(
    _ api: TestAPI, _ target: String, _ json: String, ifMatch: String?, as token: String = "artist-token-0001", key: String? = nil,
    method: HTTPMethod = .patch
  ) async throws -> Answer {
    var headers: HTTPHeaders = ["Content-Type": "application/json"]
    headers["If-Match"] = ifMatch
    headers["Idempotency-Key"] = key
    return try await api.send(method, "/api/v1/tracks/\(target)", as: token, headers: headers, body: Array(json.utf8))
  }

  private static func tag(_ api: TestAPI, _ id: TrackID) async throws -> String {
    try #require(try await api.send(.get, "/api/v1/tracks/\(id)").response.headers["ETag"])
  }

  @Test func `An edit makes a revision that says who changed what and why`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    #expect(try await Self.tag(api, id) == "\"1\"")
    let first = try await Self.edit(api, "\(id)", #"{"title":"Bluer","language":"pt-br","reason":"Typo."}"#, ifMatch: "\"1\"")
    #expect(first.status == 200 && first.text("title") == "Bluer" && first.response.headers["ETag"] == "\"2\"")
    let second = try await Self.edit(
      api, "\(id)", #"{"tags":["rock"],"language":null}"#, ifMatch: "\"1\", \"2\"", as: "admin-token-00001")
    #expect(second.status == 200 && second.json["revision"] as? Int == 3 && second.json["language"] == nil)
    let list = try await api.send(.get, "/api/v1/tracks/\(id)/revisions")
    let items = try #require(list.json["items"] as? [[String: Any]])
    #expect(items.map { $0["changedBy"] as? String } == ["ada", "anna"] && items.last?["reason"] as? String == "Typo.")
    let changes = try #require(items.last?["changes"] as? [String: [String: String]])
    #expect(changes["title"] == ["from": "Blue", "to": "Bluer"])
    let page = try await api.send(.get, "/api/v1/tracks/\(id)/revisions?limit=1")
    #expect(page.text("nextCursor") == "3")
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/revisions?limit=1&cursor=3").json["nextCursor"] as? String == "2")
  }

  @Test func `Values that are there already make no revision`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    for body in ["{}", #"{"title":"Blue"}"#, #"{"tags":["pop","90s"]}"#] {
      let answer = try await Self.edit(api, "\(id)", body, ifMatch: "\"1\"")
      #expect(answer.status == 200 && answer.response.headers["ETag"] == "\"1\"", "\(body)")
    }
  }

  @Test func `An edit of another revision than the one that holds is refused, and so is one that names none`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    #expect(try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: nil).problem == "precondition-required")
    let stale = ["\"2\"", "W/\"1\"", "\"01\"", "\"\"", "\"99999999999999999999\"", "\"-1\"", "\"1';drop/**/table/**/music.tracks\""]
    for tag in stale {
      let answer = try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: tag)
      #expect(answer.status == 412 && answer.problem == "revision-changed", "\(tag)")
    }
    for tag in ["1", "\"1'; drop table music.tracks\"", "\"1", "*, \"1\"", "", String(repeating: "\"1\",", count: 30)] {
      let answer = try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: tag)
      #expect(answer.status == 400 && answer.problem == "invalid-if-match", "\(tag)")
    }
    #expect(try await Self.tag(api, id) == "\"1\"")
    #expect(try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: "*").status == 200)
  }

  @Test func `Of many edits of one revision at a time exactly one counts`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 1...8 {
        group.addTask { try await Self.edit(api, "\(id)", #"{"title":"Title \#(number)"}"#, ifMatch: "\"1\"").status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.sorted() == [200] + Array(repeating: 412, count: 7))
    #expect(try await Self.tag(api, id) == "\"2\"")
  }

  @Test func `A repeated request with its key gives the same answer, another one is refused`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let first = try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: "\"1\"", key: "k")
    let again = try await Self.edit(api, "\(id)", #"{"title":"A"}"#, ifMatch: "\"1\"", key: "k")
    #expect(first.status == 200 && again.status == 200 && again.bytes == first.bytes)
    #expect(again.response.headers["Idempotent-Replayed"] == "true")
    let other = try await Self.edit(api, "\(id)", #"{"title":"B"}"#, ifMatch: "\"2\"", key: "k")
    #expect(other.status == 422 && other.problem == "idempotency-key-reused")
    #expect(try await Self.edit(api, "\(id)", #"{"title":"B"}"#, ifMatch: "\"2\"", as: "admin-token-00001", key: "k").status == 200)
  }

  @Test func `Edited lyrics are held to the rules of the AI's, and older versions stay readable`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let heard = Lyrics(lines: [LyricsLine(startMilliseconds: 100, endMilliseconds: 900, text: "la")], source: .transcribed, model: "test")
    try await api.catalog.changeLyrics(LyricsChange(trackID: id, status: .completed, lyrics: heard), requestKey: "l")
    #expect(try await Self.tag(api, id) == "\"2\"", "the machine's lyrics are a revision too")
    let target = "\(id)/lyrics"
    let edited = try await Self.edit(
      api, target, #"{"lines":[{"startTime":100,"endTime":950,"text":"La!"}],"reason":"Heard wrong."}"#, ifMatch: "\"2\"", method: .put)
    #expect(edited.status == 200 && edited.response.headers["ETag"] == "\"3\"")
    let now = try await api.send(.get, "/api/v1/tracks/\(target)")
    #expect(now.json["version"] as? Int == 2 && now.text("source") == "edited" && now.text("model") == "anna")
    #expect(try await api.send(.get, "/api/v1/tracks/\(target)?version=1").text("source") == "transcribed")
    #expect(try await api.send(.get, "/api/v1/tracks/\(target)?version=3").status == 404)
    for bad in [
      #"{"lines":[{"startTime":900,"endTime":100,"text":"la"}]}"#, #"{"lines":[{"startTime":0,"endTime":31000,"text":"la"}]}"#,
      #"{"lines":[{"startTime":0,"endTime":100,"text":"<b>"}]}"#, #"{"lines":[{"startTime":0.5,"endTime":100,"text":"la"}]}"#,
    ] {
      let answer = try await Self.edit(api, target, bad, ifMatch: "\"3\"", method: .put)
      #expect(answer.status == 422 && ["invalid-lyrics", "invalid-value"].contains(answer.problem), "\(bad)")
    }
    let later = Lyrics(lines: [LyricsLine(startMilliseconds: 1, endMilliseconds: 9, text: "lo")], source: .transcribed, model: "test")
    try await api.catalog.changeLyrics(LyricsChange(trackID: id, status: .completed, lyrics: later), requestKey: "m")
    #expect(try await Self.tag(api, id) == "\"3\"", "what a machine writes later changes nothing that counts")
    let early = try #require(try await api.upload().text("trackId"))
    #expect(try await Self.edit(api, "\(early)/lyrics", #"{"lines":[]}"#, ifMatch: "\"1\"", method: .put).problem == "not-processed")
  }

  @Test func `Nobody edits other people's tracks, and admins' edits are in the audit log`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    for (method, target) in [(HTTPMethod.patch, "\(id)"), (.put, "\(id)/lyrics")] {
      let answer = try await Self.edit(api, target, #"{"lines":[]}"#, ifMatch: "*", as: "other-token-00001", method: method)
      #expect(answer.status == 404 && answer.problem == "track-not-found")
    }
    for path in ["lyrics", "revisions"] {
      #expect(try await api.send(.get, "/api/v1/tracks/\(id)/\(path)", as: "other-token-00001").problem == "track-not-found")
    }
    _ = try await Self.edit(api, "\(id)", #"{"title":"Mended","reason":"Spelling."}"#, ifMatch: "*", as: "admin-token-00001")
    let log = try await api.send(.get, "/api/v1/audit-log?actor=ada", as: "admin-token-00001")
    let entry = try #require((log.json["items"] as? [[String: Any]])?.first)
    #expect(entry["action"] as? String == "PATCH" && entry["target"] as? String == "/api/v1/tracks/\(id)")
    #expect(entry["reason"] as? String == "Spelling." && entry["status"] as? Int == 200)
  }

  @Test func `An edit that is not what it must be is refused and leaves nothing behind`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    let bodies: [(String, Int)] = [
      ("", 400), ("{", 400), ("[]", 400), ("{} {}", 400), (#"{"status":"PUBLISHED"}"#, 400), (#"{"tags":\#(deep)}"#, 400),
      (#"{"title":""}"#, 422), (#"{"title":null}"#, 422), (#"{"title":7}"#, 422), (#"{"title":"a\u0000b"}"#, 422),
      (#"{"title":"\#(String(repeating: "a", count: 301))"}"#, 422), (#"{"language":"not a language"}"#, 422),
      (#"{"tags":"pop"}"#, 422), (#"{"reason":"\#(String(repeating: "a", count: 2001))"}"#, 422),
      (#"{"title":"\#(String(repeating: "a", count: 65_536))"}"#, 413),
    ]
    for (body, status) in bodies {
      #expect(try await Self.edit(api, "\(id)", body, ifMatch: "*").status == status, "\(body.prefix(60))")
    }
    let invalid: [UInt8] = Array(#"{"title":""#.utf8) + [0xFF, 0xC0] + Array(#""}"#.utf8)
    let answer = try await api.send(.patch, "/api/v1/tracks/\(id)", headers: ["If-Match": "*"], body: invalid)
    #expect(answer.status == 400)
    let rows = try await api.database.query(Statement(name: "test_revisions", sql: "select count(*) from music.revisions"))
    #expect(try rows.int64(0, 0) == 0)
    #expect(try await Self.tag(api, id) == "\"1\"")
  }
}
