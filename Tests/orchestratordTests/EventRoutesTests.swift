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

  private static func follow(_ url: String) async throws -> String {
    var request = HTTPClientRequest(.get, url, headers: ["Authorization": "Bearer artist-token-0001"])
    request.addressPolicy = .publicOrLoopback
    return String(decoding: try await HTTPClient().send(request).body, as: UTF8.self)
  }
}
