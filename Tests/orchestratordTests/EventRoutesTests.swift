import Foundation
import HTTP
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct EventRoutesTests {
  @Test func `A follower is told of every change until nothing more will come`() async throws {
    let api = try await TestAPI()
    let id = try #require(TrackID(try await api.upload().text("trackId") ?? ""))
    let server = try HTTPServer(router: api.router)
    let url = "http://127.0.0.1:\(server.port)/api/v1/tracks/\(id)/events"
    async let followed = Self.follow(url)
    try await api.catalog.changeStatus(id, to: .processing, because: nil, by: "test", requestKey: "1")
    try await api.catalog.changeStatus(id, to: .failed, because: "No sound.", by: "test", requestKey: "2")
    let text = try await followed
    #expect(text.hasPrefix("id: 1\nevent: "))
    #expect(text.contains("event: error\ndata: {") && text.contains("No sound."))
    await server.drain(within: .seconds(5))
  }

  @Test func `Nobody follows a track that is not theirs`() async throws {
    let api = try await TestAPI()
    let id = try #require(try await api.upload().text("trackId"))
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/events", as: "other-token-00001").status == 404)
    #expect(try await api.send(.get, "/api/v1/tracks/\(id)/events", as: nil).status == 401)
  }

  @Test func `A channel token opens the events of its upload, in the URL, and nothing else`() async throws {
    let api = try await TestAPI()
    let answer = try await api.upload()
    let (id, token) = (try #require(answer.text("trackId")), try #require(answer.text("channelToken")))
    let other = try #require(try await api.upload(as: "artist-token-0001").text("trackId"))
    for (target, authorization) in [
      ("/api/v1/tracks/\(other)/events?channelToken=\(token)", nil), ("/api/v1/tracks/\(id)?channelToken=\(token)", nil),
      ("/api/v1/tracks/\(id)", token), ("/api/v1/tracks/\(id)/events?channelToken=\(token)x", nil),
      ("/api/v1/tracks/\(id)/events?channelToken=", nil), ("/api/v1/tracks/\(id)/events?channelToken=artist-token-0001", nil),
    ] as [(String, String?)] {
      #expect(try await api.send(.get, target, as: authorization).status == 401, "\(target)")
    }
    let refused = try await api.send(.post, "/api/v1/tracks/\(id)/channel-token", as: "other-token-00001")
    #expect(refused.status == 404)
    let another = try #require(try await api.send(.post, "/api/v1/tracks/\(id)/channel-token").text("channelToken"))
    let track = try #require(TrackID(id))
    try await api.catalog.changeStatus(track, to: .processing, because: nil, by: "test", requestKey: "1")
    try await api.catalog.changeStatus(track, to: .failed, because: "No sound.", by: "test", requestKey: "2")
    let server = try HTTPServer(router: api.router)
    for token in [token, another] {
      let text = try await Self.follow("http://127.0.0.1:\(server.port)/api/v1/tracks/\(id)/events?channelToken=\(token)", as: nil)
      #expect(text.contains("event: error\ndata: {") && !text.contains(token))
    }
    await server.drain(within: .seconds(5))
  }

  private static func follow(_ url: String, as token: String? = "artist-token-0001") async throws -> String {
    var request = HTTPClientRequest(.get, url)
    if let token { request.headers["Authorization"] = "Bearer \(token)" }
    request.addressPolicy = .publicOrLoopback
    return String(decoding: try await HTTPClient().send(request).body, as: UTF8.self)
  }
}
