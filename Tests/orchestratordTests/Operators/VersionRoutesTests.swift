import Foundation
import HTTP
import Orchestrator
import Testing

@testable import orchestratord

@Suite struct VersionRoutesTests {
  @Test func `Versions of workflow code are set, ramped, listed and taken back over HTTP`() async throws {
    try await OperatorFixture.run { service in
      let url = "/api/v1/workflow-versions"
      #expect((try await service.send(.get, url).json["items"] as? [Any])?.isEmpty == true)
      // No living process has it.
      let unknown = try await service.send(.put, url + "/Waiting/current", #"{"version":"2"}"#)
      #expect(unknown.status == 400 && unknown.problem == "invalid-argument")
      #expect(try await service.send(.put, url + "/Waiting/current", #"{"version":"2","force":true}"#).status == 204)
      #expect(try await service.send(.put, url + "/Waiting/ramping", #"{"version":"3","percent":12.5,"force":true}"#).status == 204)
      let list = try await service.send(.get, url + "?type=Waiting").json["items"] as? [[String: Any]]
      #expect(list?.compactMap { $0["status"] as? String }.sorted() == ["Current", "Ramping"])
      #expect(try await service.send(.put, url + "/Waiting/ramping", #"{"version":null}"#).status == 204)
      #expect(try await service.send(.put, url + "/Waiting/current", #"{"version":null}"#).status == 204)
      #expect((try await service.send(.get, url).json["items"] as? [Any])?.isEmpty == true)
      for (target, body, status) in [
        ("/current", "{}", 422), ("/current", #"{"version":7}"#, 422), ("/ramping", #"{"version":"3","percent":101}"#, 422),
        ("/current", #"{"version":"2","colour":1}"#, 400),
      ] {
        #expect(try await service.send(.put, url + "/Waiting" + target, body).status == status, "\(body)")
      }
      #expect(try await service.send(.put, url + "/Waiting/current", #"{"version":null}"#, as: "artist-token-0001").status == 403)
    }
  }

  @Test func `A run is moved to another version of its code over HTTP`() async throws {
    try await OperatorFixture.run { service in
      try await service.engine.client.start(Waiting.self, id: "w", input: "x", options: StartOptions(versioning: .pinned("9")))
      _ = try await service.status(of: "w", becomes: "Blocked")
      #expect(try await service.send(.post, "/api/v1/workflows/w/move", #"{"version":null,"reason":"it was a mistake"}"#).status == 202)
      _ = try await service.status(of: "w", becomes: "Running")
      #expect(try await service.send(.post, "/api/v1/workflows/missing/move", #"{"version":"1"}"#).status == 404)
    }
  }
}
