import Foundation
import HTTP
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct StreamRoutesTests {
  @Test func `A published track streams to everyone, with the types that players need`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    let master = try await api.send(.get, "/stream/\(id)/master.m3u8", as: nil)
    #expect(master.status == 200 && master.response.headers["Content-Type"] == "application/vnd.apple.mpegurl")
    #expect(master.fileBytes == Array("#EXTM3U\n".utf8))
    #expect(master.response.headers["Access-Control-Allow-Origin"] == "*")
    let segment = try await api.send(.get, "/stream/\(id)/high_000.aac", as: nil)
    #expect(segment.response.headers["Content-Type"] == "audio/aac" && segment.fileBytes?.count == 1000)
    #expect(segment.response.headers["Cache-Control"] == "public, max-age=3600")
    #expect(try await api.send(.head, "/stream/\(id)/high_000.aac", as: nil).status == 200)
  }

  @Test(arguments: [TrackStatus.pending, .reviewing, .blocked])
  func `What is not published is forbidden, to its artist and to admins too`(status: TrackStatus) async throws {
    let api = try await TestAPI()
    let id: TrackID
    switch status {
    case .pending: id = try #require(TrackID(try await api.upload().text("trackId") ?? ""))
    case .reviewing: id = try await api.reviewing()
    default:
      id = try await api.published()
      try await api.catalog.moderate(id, to: .blocked, because: nil, by: "ada", requestKey: "b")
    }
    for token in [nil, "artist-token-0001", "admin-token-00001"] {
      for target in ["/stream/\(id)", "/stream/\(id)/master.m3u8", "/stream/\(id)/high_000.aac"] {
        let answer = try await api.send(.get, target, as: token)
        #expect(answer.status == 403 && answer.problem == "not-published")
        #expect(answer.response.headers["Access-Control-Allow-Origin"] == "*")
      }
    }
  }

  @Test func `Nothing but the files of the stream is served`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    for name in [
      "secret.txt", "..%2F..%2Fraw-track", "high_1.aac", "mid.m3u8", "master.m3u8.bak", "high_001.aac", "HIGH_000.AAC", "high_000.aac%0A",
      "high_000.aac%20", "%2Fetc%2Fpasswd", "high_000.aac%2F..%2F..", "..%5C..%5Craw-track", "high_%D9%A0%D9%A0%D9%A0.aac", "original",
      "high_0000000000000000000000.aac", "master.m3u8%3Fa", "high_00%30%25.aac", "poster.jpg",
    ] {
      #expect(try await api.send(.get, "/stream/\(id)/\(name)", as: nil).problem == "file-not-found", "\(name)")
    }
    // What no path can hold is refused before anything is looked for.
    for name in ["%2e%2e", "..", ".", "high_000.aac%00", "%", "%C0%AE%C0%AE", "../../raw-track"] {
      do {
        let answer = try await api.send(.get, "/stream/\(id)/\(name)", as: nil)
        #expect([400, 404].contains(answer.status) && answer.fileBytes == nil, "\(name)")
      } catch let error as HTTPError {
        #expect(error.status == .badRequest, "\(name)")
      }
    }
  }

  @Test func `Lyrics of a published track are served in the forms that players read`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    #expect(try await api.send(.get, "/stream/\(id)/lyrics.vtt", as: nil).problem == "file-not-found")
    let lyrics = Lyrics(
      lines: [LyricsLine(startMilliseconds: 1500, endMilliseconds: 2900, text: "la")], source: .transcribed, model: "test")
    try await api.catalog.changeLyrics(LyricsChange(trackID: id, status: .completed, lyrics: lyrics), requestKey: "l")
    let vtt = try await api.send(.get, "/stream/\(id)/lyrics.vtt", as: nil)
    #expect(String(decoding: vtt.bytes, as: UTF8.self).contains("00:00:01.500 --> 00:00:02.900\nla"))
    #expect(vtt.response.headers["Content-Type"] == "text/vtt; charset=utf-8")
    let lrc = try await api.send(.get, "/stream/\(id)/lyrics.lrc", as: nil)
    #expect(String(decoding: lrc.bytes, as: UTF8.self).contains("[00:01.50]la"))
  }

  @Test func `The original is sent in ranges`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    let whole = try await api.send(.get, "/stream/\(id)", as: nil)
    #expect(whole.status == 200 && whole.response.headers["Content-Type"] == "audio/mpeg" && whole.fileBytes == Form().file)
    let part = try await api.send(.get, "/stream/\(id)", as: nil, headers: ["Range": "bytes=4-7"])
    #expect(part.status == 206 && part.fileBytes == Array("some".utf8))
    #expect(part.response.headers["Content-Range"] == "bytes 4-7/13")
    let beyond = try await api.send(.get, "/stream/\(id)", as: nil, headers: ["Range": "bytes=100-"])
    #expect(beyond.status == 416 && beyond.response.headers["Content-Range"] == "bytes */13")
    let tag = try #require(whole.response.headers["ETag"])
    #expect(try await api.send(.get, "/stream/\(id)", as: nil, headers: ["If-None-Match": tag]).status == 304)
  }

  @Test func `Conditions and ranges are answered as RFC 9110 says`() async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    let target = "/stream/\(id)/high_000.aac"
    let whole = try await api.send(.get, target, as: nil)
    let (tag, date) = (try #require(whole.response.headers["ETag"]), try #require(whole.response.headers["Last-Modified"]))
    let (before, after) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2044 08:49:37 GMT")
    let cases: [(HTTPHeaders, Int)] = [
      (["If-Modified-Since": date], 304), (["If-Modified-Since": after], 304), (["If-Modified-Since": before], 200),
      (["If-Modified-Since": "yesterday"], 200), (["If-None-Match": "W/\(tag)"], 304), (["If-None-Match": "\"x\", \(tag)"], 304),
      (["If-None-Match": "\"x\"", "If-Modified-Since": after], 200), (["If-Match": tag], 200), (["If-Match": "\"x\""], 412),
      (["If-Match": "W/\(tag)"], 412), (["If-Match": "*"], 200), (["If-Unmodified-Since": before], 412),
      (["If-Unmodified-Since": date], 200),
      (["Range": "bytes=0-9"], 206), (["Range": "bytes=0-9", "If-Range": tag], 206), (["Range": "bytes=0-9", "If-Range": date], 206),
      (["Range": "bytes=0-9", "If-Range": before], 200), (["Range": "bytes=0-9", "If-Range": "\"x\""], 200),
      (["Range": "bytes=0-9", "If-None-Match": tag], 304), (["Range": "bytes=0-1,4-5"], 200), (["Range": "bytes=-0"], 416),
      (["Range": "bytes=1000-"], 416), (["Range": "bytes=999-99999999999999999999999"], 206), (["Range": "bytes=9-3"], 200),
      (["Range": "lines=1-2"], 200), (["Range": "bytes=0x1-2"], 200),
    ]
    for (headers, status) in cases {
      let answer = try await api.send(.get, target, as: nil, headers: headers)
      #expect(answer.status == status, "\(headers)")
      if status == 304 { #expect(answer.response.headers["ETag"] == tag && answer.response.headers["Cache-Control"] != nil) }
      if status == 416 { #expect(answer.response.headers["Content-Range"] == "bytes */1000" && answer.fileBytes == nil) }
    }
    let head = try await api.send(.head, target, as: nil, headers: ["Range": "bytes=0-9"])
    #expect(head.status == 200 && head.response.headers["ETag"] == tag && head.response.headers["Content-Range"] == nil)
  }

  @Test func `Where links are signed nobody streams without one, and a link is for one track and a time`() async throws {
    let api = try await TestAPI(streamLinks: .seconds(600))
    let id = try await api.published()
    let other = try await api.published()
    for target in ["/stream/\(id)", "/stream/\(id)/master.m3u8", "/stream/\(id)/high_000.aac", "/stream/\(id)/lyrics.vtt"] {
      #expect(try await api.send(.get, target, as: nil).problem == "stream-link-required")
    }
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)").json["streams"] == nil)
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/stream-links", as: nil).status == 401)
    let links = try await api.send(.post, "/api/v1/tracks/\(id)/stream-links", as: "other-token-00001")
    let (master, original) = (try #require(links.text("master")), try #require(links.text("original")))
    let playlist = try await api.send(.get, master, as: nil)
    #expect(playlist.status == 200 && playlist.response.headers["Cache-Control"] == "private, max-age=10")
    let segment = try await api.send(.get, master.replacing("master.m3u8", with: "high_000.aac"), as: nil)
    let kept = try #require(segment.response.headers["Cache-Control"]?.split(separator: "=").last.flatMap { Int($0) })
    #expect(segment.fileBytes?.count == 1000 && (1...600).contains(kept))
    #expect(try await api.send(.get, original, as: nil, headers: ["Range": "bytes=4-7"]).fileBytes == Array("some".utf8))
    let token = String(master.split(separator: "/")[2])
    let channel = try api.access.tokens.channel(for: id.description, of: "anna")
    let expired = try api.access.tokens.stream(of: id.description, for: "anna", seconds: -120).token
    for (name, target) in [
      ("another track", "/stream/\(other)/\(token)/master.m3u8"), ("a channel token", "/stream/\(id)/\(channel)/master.m3u8"),
      ("expired", "/stream/\(id)/\(expired)/master.m3u8"), ("forged", "/stream/\(id)/\(token.dropLast(3))abc/master.m3u8"),
      ("none", "/stream/\(id)/x/master.m3u8"),
    ] {
      let answer = try await api.send(.get, target, as: nil)
      #expect(answer.status == 403 && answer.problem == "stream-link-not-taken", "\(name)")
    }
    #expect(try await api.send(.get, "/api/v1/accounts/me", as: token).status == 401, "it is no access token")
    try await api.catalog.moderate(id, to: .blocked, because: nil, by: "ada", requestKey: "b")
    #expect(try await api.send(.get, master, as: nil).problem == "not-published", "at once, whatever was signed")
    #expect(try await api.send(.post, "/api/v1/tracks/\(id)/stream-links").problem == "not-published")
  }

  @Test func `Before it is published a track is heard by its artist and by reviewers`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    for token in ["artist-token-0001", "admin-token-00001"] {
      let answer = try await api.send(.get, "/api/v1/tracks/\(id)/audio", as: token)
      #expect(answer.fileBytes == Form().file && answer.response.headers["Cache-Control"] == "private, no-store")
    }
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/audio", as: "other-token-00001").status == 404)
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/audio", as: nil).status == 401)
  }

  @Test func `A player on another site may ask what it may do`() async throws {
    let api = try await TestAPI()
    let answer = try await api.send(.options, "/stream/\(TrackID())/master.m3u8", as: nil)
    #expect(answer.status == 204 && answer.response.headers["Access-Control-Allow-Headers"]?.contains("Range") == true)
  }
}
