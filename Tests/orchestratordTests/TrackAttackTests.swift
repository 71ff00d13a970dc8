import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

/// What must not work on the routes of tracks and reviews, and that it leaves nothing behind.
@Suite struct TrackAttackTests {
  private static let admin = "admin-token-00001"
  private static let artist = "artist-token-0001"

  /// Every route of one track that changes something, with a body that would do.
  private static func changes(_ id: TrackID) -> [(method: HTTPMethod, path: String, body: String, user: String)] {
    [
      (.patch, "/api/v1/tracks/\(id)", #"{"title":"Mine"}"#, artist), (.put, "/api/v1/tracks/\(id)/lyrics", #"{"lines":[]}"#, artist),
      (.post, "/api/v1/tracks/\(id)/resubmit", #"{"note":"x"}"#, artist),
      (.post, "/api/v1/tracks/\(id)/review", #"{"decision":"approve"}"#, admin),
      (.post, "/api/v1/reviews/\(id)/decision", #"{"decision":"approve"}"#, admin),
      (.post, "/api/v1/tracks/\(id)/block", #"{"reason":"x"}"#, admin),
    ]
  }

  private static let headers: HTTPHeaders = ["If-Match": "*", "Content-Type": "application/json"]

  /// Everything that such a request could leave behind.
  private static func traces(_ api: TestAPI) async throws -> [String] {
    let statement = Statement(
      name: "traces",
      sql: """
        select format('%s %s %s %s %s %s %s %s', (select count(*) from music.tracks), (select count(*) from music.revisions),
          (select count(*) from music.reviews), (select count(*) from music.review_claims), (select count(*) from music.lyrics),
          (select count(*) from music.status_changes), (select count(*) from orchestrator.inbox), (select sum(revision) from music.tracks))
        """)
    return [try await api.database.query(statement).text(0, 0)] + api.files
  }

  @Test func `Other people's tracks are not there, and what is for admins is for nobody else`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let before = try await Self.traces(api)
    for change in Self.changes(id) + [
      (.put, "/api/v1/tracks/\(id)/poster", "x", Self.artist), (.delete, "/api/v1/tracks/\(id)/poster", "", Self.artist),
    ] {
      let answer = try await api.send(
        change.method, change.path, as: "other-token-00001", headers: Self.headers, body: Array(change.body.utf8))
      #expect(answer.status == (change.user == Self.admin ? 403 : 404), "\(change.method.rawValue) \(change.path)")
    }
    for path in ["tracks/\(id)/revisions", "tracks/\(id)/lyrics", "tracks/\(id)/poster"] {
      #expect(try await api.send(.get, "/api/v1/\(path)", as: "other-token-00001").problem == "track-not-found")
    }
    for (method, path) in [
      (HTTPMethod.get, "reviews"), (.get, "reviews/\(id)"), (.post, "reviews/\(id)/claim"), (.delete, "reviews/\(id)/claim"),
    ] {
      #expect(try await api.send(method, "/api/v1/\(path)", as: Self.artist).problem == "role-required")
    }
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/stream-links", as: "other-token-00001").problem == "not-published")
    #expect(try await Self.traces(api) == before)
  }

  @Test func `A body that is huge, deep, cut, no JSON or no UTF-8 is refused by every route and leaves nothing behind`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let before = try await Self.traces(api)
    let deep = String(repeating: #"{"a":"#, count: 60) + "1" + String(repeating: "}", count: 60)
    let bodies: [[UInt8]] = [
      Array(repeating: UInt8(ascii: " "), count: 2 << 20), Array(deep.utf8), Array("{".utf8), Array("null".utf8), Array("[1]".utf8),
      Array("<a/>".utf8), Array(#"{"unknown":1}"#.utf8), Array(#"{"title":"#.utf8), [0xFF, 0xFE, 0x7B, 0x7D],
      Array(#"{"reason":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8), Array("{}\u{0}".utf8), Array(#"{"title":1e999}"#.utf8),
    ]
    for change in Self.changes(id) {
      for body in bodies {
        let answer = try await api.send(change.method, change.path, as: change.user, headers: Self.headers, body: body)
        #expect(
          [400, 413, 422].contains(answer.status), "\(change.path) \(String(decoding: body.prefix(20), as: UTF8.self)): \(answer.status)")
      }
    }
    #expect(try await Self.traces(api) == before)
  }

  @Test func `SQL in filters, cursors, headers and texts is a text like any other`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let attack = "'; drop table music.tracks cascade; --"
    let encoded = "%27%3B%20drop%20table%20music.tracks%20cascade%3B%20--"
    let before = try await Self.traces(api)
    for path in [
      "reviews?status=\(encoded)", "reviews?cursor=\(encoded)", "reviews?limit=\(encoded)", "reviews?limit=1%20or%201%3D1",
      "tracks/\(id)/revisions?cursor=\(encoded)", "tracks/\(id)/revisions?limit=\(encoded)", "tracks/\(id)/lyrics?version=\(encoded)",
      "tracks?status=\(encoded)", "tracks?cursor=\(encoded)", "reviews/\(encoded)", "tracks/\(encoded)/revisions",
    ] {
      #expect(try await api.send(.get, "/api/v1/\(path)", as: Self.admin).status == 400, "\(path)")
    }
    for body in [#"{"decision":"\#(attack)"}"#, #"{"decision":"reject","reasonCode":"\#(attack)"}"#] {
      #expect(try await api.post("/api/v1/reviews/\(id)/decision", json: body).status == 422)
    }
    #expect(try await Self.traces(api) == before)
    var headers = Self.headers
    headers["Idempotency-Key"] = "';drop/**/table/**/music.revisions;--"
    let edit = Array(#"{"title":"\#(attack)","reason":"\#(attack)"}"#.utf8)
    #expect(try await api.send(.patch, "/api/v1/tracks/\(id)", headers: headers, body: edit).text("title") == attack)
    #expect(try await api.catalog.revisions(id, before: nil, limit: 1).first?.reason == attack)
  }
}
