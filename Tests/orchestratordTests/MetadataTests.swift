import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct MetadataTests {
  @Test(
    "A language tag is one of BCP 47, in its own letter case",
    arguments: [
      ("en", "en"), ("PT-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW"), ("de-CH-1996", "de-CH-1996"), ("es-419", "es-419"),
      ("sl-rozaj-biske", "sl-rozaj-biske"), ("yue", "yue"), ("zh-yue-HK", "zh-yue-HK"),
      ("en-u-ca-gregory-x-mine", "en-u-ca-gregory-x-mine"),
      ("sr-Latn-RS", "sr-Latn-RS"),
    ])
  func languages(_ text: String, _ expected: String) { #expect(LanguageTag(text)?.text == expected) }

  @Test(
    "What is no language tag is refused",
    arguments: [
      "", "e", "english", "en_US", "en-", "-en", "en--US", "qq", "en-QX", "en-US-US", "de-1996-1996", "en-a", "en-u", "x-mine", "en-x",
      "en-abcdefghi", "\u{435}n", "en US", "en-US\u{0}", "en-u-ca-u-co", "'; drop table music.tracks; --",
      "en-x-abcdefgh-abcdefgh-abcdefgh-abcd",
    ])
  func noLanguages(_ text: String) { #expect(LanguageTag(text) == nil) }

  @Test func `Tags hold letters, digits and what joins words, each once`() throws {
    #expect(try TrackTexts.tags(["Drum'n'Bass", "drum'n'bass", " lo-fi ", "R&B", "C++", "été", "ロック", "80s"]).count == 7)
    for bad in ["<script>", "a\u{0}b", "a,b", "a;b", "\u{1F600}", "a\u{202E}b", "=1+1|", String(repeating: "a", count: 51)] {
      #expect(throws: APIProblem.self, "\(bad)") { try TrackTexts.tags([bad]) }
    }
    #expect(throws: APIProblem.self) { try TrackTexts.tags((0...20).map { "tag \($0)" }) }
  }

  private static func account(_ api: TestAPI, _ name: String, _ roles: Set<Role>) async throws -> AccountRecord {
    try #require(
      try await AccessDirectory(database: api.database).addAccount(
        email: "\(name)@example.org", username: name, passwordHash: String(repeating: "x", count: 60), roles: roles))
  }

  @Test func `Other artists on a track must exist and be artists, at the upload and in edits`() async throws {
    let api = try await TestAPI()
    let artist = try await Self.account(api, "bert", [.listener, .artist])
    let listener = try await Self.account(api, "lisa", [.listener])
    let blocked = try await Self.account(api, "bob", [.artist])
    _ = try await AccessDirectory(database: api.database).setBlocked(true, blocked.id)
    var form = Form()
    let counts = Statement(
      name: "counts", sql: "select (select count(*) from music.tracks) + (select count(*) from orchestrator.inbox)", isPrepared: false)
    for other in [listener.userID, blocked.userID, UUID().uuidString, "anna", "' or true --"] {
      form.fields = [("title", "Duet"), ("secondaryArtistIds", other)]
      let answer = try await api.upload(form)
      #expect(answer.status == 422 && answer.problem == "invalid-value", "\(other)")
      #expect(try await api.database.query(counts).int64(0, 0) == 0 && api.files.isEmpty)
    }
    form.fields = [("title", "Duet"), ("secondaryArtistIds", artist.userID.uppercased())]
    let id = try #require(TrackID(try await api.upload(form).text("trackId") ?? ""))
    #expect(try await api.catalog.track(id).secondaryArtistIDs == [artist.userID])
    let headers: HTTPHeaders = ["If-Match": "*"]
    func edit(_ ids: String) async throws -> Answer {
      try await api.send(.patch, "/api/v1/tracks/\(id)", headers: headers, body: Array(#"{"secondaryArtistIds":[\#(ids)]}"#.utf8))
    }
    #expect(try await edit("\"\(listener.userID)\"").status == 422)
    _ = try await AccessDirectory(database: api.database).setRoles([.listener], of: artist.id)
    #expect(try await edit("\"\(artist.userID)\"").status == 200, "who is named already stays")
    #expect(try await edit("").json["revision"] as? Int == 2)
    #expect(try await edit("\"\(artist.userID)\"").status == 422)
    let changes = try await api.catalog.revisions(id, before: nil, limit: 1).first?.changes["secondaryArtistIds"]
    #expect(changes == .init(from: .array([.string(artist.userID)]), to: .array([])))
  }

  @Test func `Profanity is shown to reviewers, or refused where that is set`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    let headers: HTTPHeaders = ["If-Match": "*"]
    let body = Array(#"{"title":"Sh1t happens in Scunthorpe","tags":["F.u.c.k","cocktail"]}"#.utf8)
    #expect(try await api.send(.patch, "/api/v1/tracks/\(id)", headers: headers, body: body).status == 200)
    let review = try await api.send(.get, "/api/v1/reviews/\(id)", as: "admin-token-00001")
    let flagged = try #require(review.json["flagged"] as? [[String: Any]])
    #expect(flagged.map { $0["field"] as? String } == ["title", "tags"])
    #expect(flagged.map { $0["words"] as? [String] } == [["Sh1t"], ["F u c k"]])
    var limits = UploadLimits()
    limits.profanity = .block
    let strict = try await TestAPI(limits: limits)
    let other = try await strict.reviewing()
    let refused = try await strict.send(.patch, "/api/v1/tracks/\(other)", headers: headers, body: body)
    #expect(refused.status == 422 && refused.problem == "profanity" && refused.text("field") == "title")
    var form = Form()
    form.fields = [("title", "Blue"), ("lyrics", "la la\nwhat the fuuuuck")]
    let files = strict.files
    #expect(try await strict.upload(form).problem == "profanity")
    #expect(strict.files == files, "nothing stays in staging")
    let lyrics = Array(#"{"lines":[{"startTime":0,"endTime":900,"text":"Scheiße"}]}"#.utf8)
    #expect(
      try await strict.send(.put, "/api/v1/tracks/\(other)/lyrics", headers: headers, body: lyrics).status == 200, "the track is English")
    let german = Array(#"{"language":"de-AT"}"#.utf8)
    #expect(try await strict.send(.patch, "/api/v1/tracks/\(other)", headers: headers, body: german).status == 200)
    let again = try await strict.send(.put, "/api/v1/tracks/\(other)/lyrics", headers: headers, body: lyrics)
    #expect(again.problem == "profanity")
  }
}
