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

  @Test(arguments: ["secret.txt", "..%2F..%2Fraw-track", "high_1.aac", "mid.m3u8", "master.m3u8.bak", "high_001.aac"])
  func `Nothing but the files of the stream is served`(name: String) async throws {
    let api = try await TestAPI()
    let id = try await api.published()
    #expect(try await api.send(.get, "/stream/\(id)/\(name)", as: nil).problem == "file-not-found")
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
