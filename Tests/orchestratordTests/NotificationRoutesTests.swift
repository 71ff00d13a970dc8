import Foundation
import HTTP
import Testing

@testable import Activities
@testable import Workflows
@testable import orchestratord

@Suite struct NotificationRoutesTests {
  /// What anna was told, newest first, by a query of the list.
  private static func told(_ api: TestAPI, _ query: String = "", as token: String = "artist-token-0001") async throws -> [[String: Any]] {
    let answer = try await api.send(.get, "/api/v1/notifications\(query)", as: token)
    #expect(answer.status == 200)
    return try #require(answer.json["items"] as? [[String: Any]])
  }

  private static func put(_ api: TestAPI, _ id: Int64, _ json: String, as token: String = "artist-token-0001") async throws -> Answer {
    try await api.send(
      .put, "/api/v1/notifications/\(id)", as: token, headers: ["Content-Type": "application/json"], body: Array(json.utf8))
  }

  private static func counts(_ api: TestAPI) async throws -> [Int] {
    let answer = try await api.send(.get, "/api/v1/notifications/counts").json
    return [try #require(answer["total"] as? Int), try #require(answer["unread"] as? Int)]
  }

  @Test func `What was told is listed unread, marked, counted and removed by whom it was told`() async throws {
    let api = try await TestAPI()
    _ = try await api.reviewing()
    let all = try await Self.told(api)
    #expect(all.compactMap { $0["status"] as? String } == ["REVIEWING", "PROCESSING", "PENDING"])
    #expect(all.allSatisfy { $0["readAt"] == nil })
    #expect(try await Self.counts(api) == [3, 3])
    let ids = all.compactMap { ($0["id"] as? NSNumber)?.int64Value }
    let marked = try await Self.put(api, ids[1], #"{"read": true}"#)
    let readAt = try #require(marked.text("readAt"))
    #expect(readAt.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "RFC 3339: \(readAt)")
    #expect(marked.status == 200 && marked.text("status") == "PROCESSING")
    #expect(try await Self.put(api, ids[1], #"{"read": true}"#).text("readAt") == readAt, "the first time counts")
    #expect(try await Self.told(api, "?unread=true").compactMap { $0["status"] as? String } == ["REVIEWING", "PENDING"])
    #expect(try await Self.told(api, "?unread=false").compactMap { $0["status"] as? String } == ["PROCESSING"])
    #expect(try await Self.told(api, "?unread=true&limit=1&cursor=\(ids[0])").compactMap { $0["status"] as? String } == ["PENDING"])
    #expect(try await Self.put(api, ids[1], #"{"read": false}"#).json["readAt"] == nil)
    #expect(try await Self.counts(api) == [3, 3])
    #expect(try await api.send(.delete, "/api/v1/notifications/\(ids[2])").status == 204)
    #expect(try await api.send(.delete, "/api/v1/notifications/\(ids[2])").problem == "notification-not-found")
    #expect(try await Self.counts(api) == [2, 2])
    let seen = try await api.post("/api/v1/notifications/read-all", json: #"{"upTo": \#(ids[1])}"#, as: "artist-token-0001")
    #expect(seen.json["marked"] as? Int == 1)
    #expect(try await Self.told(api, "?unread=true").compactMap { $0["status"] as? String } == ["REVIEWING"])
    #expect(try await api.send(.post, "/api/v1/notifications/read-all").json["marked"] as? Int == 1)
    #expect(try await Self.counts(api) == [2, 0])
  }

  @Test func `Nobody marks or removes what another was told, not even an admin, and nonsense is refused`() async throws {
    let api = try await TestAPI()
    _ = try await api.upload()
    let id = try #require(try await Self.told(api).first?["id"] as? NSNumber).int64Value
    for token in ["other-token-00001", "admin-token-00001"] {
      #expect(try await Self.put(api, id, #"{"read": true}"#, as: token).problem == "notification-not-found")
      #expect(try await api.send(.delete, "/api/v1/notifications/\(id)", as: token).problem == "notification-not-found")
      #expect(try await api.send(.post, "/api/v1/notifications/read-all", as: token).json["marked"] as? Int == 0)
    }
    #expect(try await Self.counts(api) == [1, 1])
    for (json, problem) in [
      ("{}", "invalid-value"), (#"{"read": 1}"#, "invalid-value"), (#"{"read": true, "text": "x"}"#, "unknown-field"),
      (#""x""#, "invalid-json"),
    ] {
      #expect(try await Self.put(api, id, json).problem == problem, "\(json)")
    }
    for name in ["0", "-1", "x", "99999999999999999999"] {
      #expect(try await api.send(.delete, "/api/v1/notifications/\(name)").problem == "invalid-id", "\(name)")
    }
    for query in ["unread=yes", "cursor=x", "limit=0"] {
      #expect(try await api.send(.get, "/api/v1/notifications?\(query)").problem == "invalid-query", "\(query)")
    }
  }
}
