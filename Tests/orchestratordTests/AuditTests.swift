import Foundation
import HTTP
import PostgreSQL
import Testing

@testable import orchestratord

@Suite struct AuditTests {
  private static func log(_ api: TestAPI, _ query: String = "") async throws -> [[String: Any]] {
    try #require(try await api.send(.get, "/api/v1/audit-log\(query)", as: "admin-token-00001").json["items"] as? [[String: Any]])
  }

  @Test func `What an admin does is written down: who, when, what, why, from where, and how it ended`() async throws {
    let api = try await TestAPI()
    let id = try await api.reviewing()
    #expect(try await api.post("/api/v1/tracks/\(id)/review", json: #"{"decision":"reject","reason":"Too loud."}"#).status == 202)
    #expect(try await api.post("/api/v1/tracks/\(id)/block", json: "{}").status == 409)
    let log = try await Self.log(api)
    #expect(log.map { $0["target"] as? String } == ["/api/v1/tracks/\(id)/block", "/api/v1/tracks/\(id)/review"])
    #expect(log.map { $0["status"] as? Int } == [409, 202])
    let review = try #require(log.last)
    #expect(review["actor"] as? String == "ada" && review["action"] as? String == "POST" && review["reason"] as? String == "Too loud.")
    #expect(review["address"] as? String == "192.0.2.1" && review["at"] != nil && review["roles"] as? [String] == ["admin"])
  }

  @Test func `Reading, what artists do, and what was refused are no actions`() async throws {
    let api = try await TestAPI()
    _ = try await api.upload()
    _ = try await api.send(.get, "/api/v1/tracks", as: "admin-token-00001")
    _ = try await api.post("/api/v1/api-keys", json: "{}", as: "artist-token-0001")
    _ = try await api.post("/api/v1/api-keys", json: "{}", as: nil)
    #expect(try await Self.log(api).isEmpty)
    #expect(try await api.send(.get, "/api/v1/audit-log").status == 403)
    #expect(try await api.send(.get, "/api/v1/audit-log", as: nil).status == 401)
  }

  @Test func `An action that cannot be written down is not done`() async throws {
    let api = try await TestAPI()
    try await api.database.execute(script: "alter table access.audit_log rename to gone")
    let answer = try await api.post("/api/v1/api-keys", json: #"{"name":"x","roles":["service"]}"#)
    #expect(answer.status == 500)
    #expect(try await api.access.directory.keys().isEmpty)
  }

  @Test func `The log is paged and filtered, and nobody rewrites it`() async throws {
    let api = try await TestAPI()
    for number in 0..<5 {
      #expect(
        try await api.post("/api/v1/api-keys", json: #"{"name":"k\#(number)","roles":["service"],"reason":"r\#(number)"}"#).status == 201)
    }
    var reasons: [String?] = []
    var cursor: String?
    repeat {
      let page = try await api.send(
        .get, "/api/v1/audit-log?limit=2&actor=ada\(cursor.map { "&cursor=\($0)" } ?? "")", as: "admin-token-00001")
      reasons += try #require(page.json["items"] as? [[String: Any]]).map { $0["reason"] as? String }
      cursor = page.text("nextCursor")
    } while cursor != nil
    #expect(reasons == ["r4", "r3", "r2", "r1", "r0"])
    #expect(try await Self.log(api, "?actor=nobody").isEmpty)
    #expect(try await Self.log(api, "?target=/api/v1/api-keys").count == 5)
    for script in [
      "update access.audit_log set reason = 'other'", "update access.audit_log set actor = 'other'", "delete from access.audit_log",
    ] {
      let error = await #expect(throws: DatabaseError.self) { try await api.database.execute(script: script) }
      #expect(error?.sqlState == "AC004")
    }
  }
}
